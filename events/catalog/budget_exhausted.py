"""A image no longer fitted into what may be spent on drawing in a day."""

from datetime import date
from typing import ClassVar

from events.envelope import Event, Payload


class BudgetExhaustedData(Payload):
    """Which day's budget it was."""

    day: date
    """UTC; the next one begins with nothing spent."""


class BudgetExhausted(Event):
    """Nothing more is drawn on that day, unless an operator raises the budget.

    Told by each request that still came to drawing; intake takes no new ones once it heard the first.
    """

    source: ClassVar[str] = "genai-images.generation"
    detail_type: ClassVar[str] = "BudgetExhausted"
    version: ClassVar[int] = 1

    data: BudgetExhaustedData
