"""Which requests are refunded: our failures and rejected prompts are not counted, rejections are counted as blocked.

Images that were generated and then rejected were paid for, so they stay counted. A rejection is not counted as blocked
if only a keyword says so, because keywords have innocent uses.
"""

from typing import Final

from events.pipeline import Status
from services.intake.models import RequestState
from services.intake.quota import RateLimiter

REFUNDED: Final = frozenset({Status.FAILED, Status.EXPIRED, Status.REJECTED})


def refund_quota(limiter: RateLimiter, state: RequestState) -> None:
    """Refund the quota of a request whose terminal status says so. Repetition changes nothing."""
    if state.quota_window and state.status in REFUNDED:
        paid = state.status == Status.REJECTED and not state.has("PromptRejected")
        images = 0 if paid else state.quota_images
        limiter.refund(state.quota_window, state.request_id, images, blocked=_counts_as_blocked(state))


def _counts_as_blocked(state: RequestState) -> bool:
    uncounted = any(entry.details.get("counts_as_blocked") is False for entry in state.timeline.values())
    return state.status == Status.REJECTED and not uncounted
