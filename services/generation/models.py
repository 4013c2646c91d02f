"""Domain types of generation."""

from dataclasses import dataclass
from datetime import datetime

from events.catalog.generation_withdrawn import Billed
from events.images import ImageOutcome


class WithdrawnError(Exception):
    """The request was cancelled or has expired: nothing may be paid for it."""


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
