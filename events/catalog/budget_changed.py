"""An operator changed the daily budget."""

from decimal import Decimal
from typing import ClassVar

from ..envelope import Event, Payload


class BudgetChangedData(Payload):
    """The new budget."""

    limit_usd: Decimal | None = None
    """The daily budget in US dollars, instead of the deployed one; absent if the deployed one applies again. 0 stops
    generation."""


class BudgetChanged(Event):
    """An operator changed the daily budget. Intake accepts new requests again until the budget is exhausted.

    With a budget of 0 it refuses all new requests until the next change.

    The event belongs to no request: ``request_id`` identifies the budget, and ``owner`` is ``-``.
    """

    source: ClassVar[str] = "genai-images.operations"
    detail_type: ClassVar[str] = "BudgetChanged"
    version: ClassVar[int] = 1

    data: BudgetChangedData
