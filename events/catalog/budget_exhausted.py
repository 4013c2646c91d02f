"""The daily budget does not cover an image."""

from datetime import date
from decimal import Decimal
from typing import ClassVar

from ..envelope import Event, Payload


class BudgetExhaustedData(Payload):
    """The day and the state of the budget."""

    day: date
    """The day in UTC. The next one starts with the whole budget."""
    limit_usd: Decimal | None = None
    """The daily budget in US dollars; 0 if an operator stopped generation, also for the next days."""
    left_usd: Decimal = Decimal(0)
    """The highest price of an image, in US dollars, that the rest of the budget covers. Images up to it are still
    generated."""


class BudgetExhausted(Event):
    """The daily budget does not cover an image. Cheaper images may still be covered, see ``left_usd``.

    Each request with such an image publishes it. Intake refuses new requests that cost more than ``left_usd`` per image
    until the next day, or until an operator changes the budget.
    """

    source: ClassVar[str] = "genai-images.generation"
    detail_type: ClassVar[str] = "BudgetExhausted"
    version: ClassVar[int] = 1

    data: BudgetExhaustedData
