"""Which requests are refunded: our failures are not counted, rejected requests are counted as blocked."""

from typing import Final

from events.pipeline import Status
from services.intake.models import RequestState
from services.intake.quota import RateLimiter

REFUNDED: Final = frozenset({Status.FAILED, Status.EXPIRED, Status.REJECTED})


def refund_quota(limiter: RateLimiter, state: RequestState) -> None:
    """Refund the quota of a request whose terminal status says so. Repetition changes nothing."""
    if state.quota_window and state.status in REFUNDED:
        limiter.refund(state.quota_window, state.request_id, blocked=state.status == Status.REJECTED)
