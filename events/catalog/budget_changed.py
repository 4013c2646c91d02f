"""An operator changed what may be spent on drawing in a day."""

from decimal import Decimal
from typing import ClassVar

from events.envelope import Event, Payload


class BudgetChangedData(Payload):
    """What holds from now on."""

    limit_usd: Decimal | None = None
    """A day's budget in place of the deployed one; absent where the deployed one holds again."""


class BudgetChanged(Event):
    """New requests are taken again; whether the new budget has room is found out by drawing.

    It belongs to no request: ``request_id`` stands for the budget, and nobody owns it.
    """

    source: ClassVar[str] = "genai-images.operations"
    detail_type: ClassVar[str] = "BudgetChanged"
    version: ClassVar[int] = 1

    data: BudgetChangedData
