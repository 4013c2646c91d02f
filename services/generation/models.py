"""Domain types of generation."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from events.images import ImageOutcome
from events.options import Billed


class WithdrawnError(Exception):
    """The request was cancelled or has expired: nothing may be paid for it."""


@dataclass(frozen=True)
class BudgetRefusal:
    """The state of the daily budget when it did not cover an image."""

    limit_usd: Decimal
    """The limit per day; 0 if an operator stopped generation."""
    left_usd: Decimal
    """What was left of it; in an outcome, the highest price of an image that was still covered."""


class BudgetExhaustedError(Exception):
    """The daily budget does not cover the image."""

    def __init__(self, refusal: BudgetRefusal) -> None:
        super().__init__(f"{refusal.left_usd} USD are left of {refusal.limit_usd}")
        self.refusal = refusal


@dataclass(frozen=True)
class Lease:
    """The right to pay for the images of a request, for a limited time."""

    holder: str
    taken_at: datetime
    expires_at: datetime


@dataclass(frozen=True)
class Withdrawal:
    """Whether images of a withdrawn request were paid for, and when that was found out."""

    billed: Billed
    at: datetime


@dataclass(frozen=True)
class RecordedOutcome:
    """The outcome of one image, and when it was recorded."""

    outcome: ImageOutcome
    at: datetime
    refusal: BudgetRefusal | None = None
    """Present if the reason is ``budget_exhausted``."""
