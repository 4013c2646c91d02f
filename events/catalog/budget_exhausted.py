"""The daily budget does not cover another image."""

from datetime import date
from typing import ClassVar

from events.envelope import Event, Payload


class BudgetExhaustedData(Payload):
    """The day of the budget."""

    day: date
    """UTC. The next day starts with the whole budget."""


class BudgetExhausted(Event):
    """The daily budget does not cover another image. No images are generated on that day unless an operator raises it.

    Each request that still reaches generation publishes it. Intake rejects new requests after the first one.
    """

    source: ClassVar[str] = "genai-images.generation"
    detail_type: ClassVar[str] = "BudgetExhausted"
    version: ClassVar[int] = 1

    data: BudgetExhaustedData
