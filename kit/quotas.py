"""What intake's limit on requests and moderation's limit on checks share."""

from typing import Final

QUOTA_REFUSALS: Final = {
    "rate_limited": "Rate limit exceeded. Try again after the time in Retry-After.",
    "too_many_blocked": "Too many prompts of this key were blocked. Try again after the time in Retry-After.",
}
"""Code of the refusal → the detail of the problem."""


def blocked_limit(limit: int) -> int:
    """Return how many of ``limit`` prompts per window may be blocked before the key is refused."""
    return max(5, limit // 5)
