"""Which requests are refunded: our failures are not counted, rejected requests are counted as blocked.

A rejection is not counted as blocked if only a keyword says so, because keywords have innocent uses.
"""

from typing import Final

from events.pipeline import Status
from services.intake.models import RequestState
from services.intake.quota import RateLimiter

REFUNDED: Final = frozenset({Status.FAILED, Status.EXPIRED, Status.REJECTED})


def refund_quota(limiter: RateLimiter, state: RequestState) -> None:
    """Refund the quota of a request whose terminal status says so. Repetition changes nothing."""
    if state.quota_window and state.status in REFUNDED:
        limiter.refund(state.quota_window, state.request_id, blocked=_counts_as_blocked(state))


def _counts_as_blocked(state: RequestState) -> bool:
    uncounted = any(entry.details.get("counts_as_blocked") is False for entry in state.timeline.values())
    return state.status == Status.REJECTED and not uncounted
