"""List prices of moderation, for the daily budget: US dollars, on demand, November 2026.

A check is estimated from above: a token per character of the texts, and the longest possible answer.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from kit.text import readable

INPUT_TOKEN_USD: Final = Decimal("0.0000001")
"""Claude Haiku 5.5: 0.10 per million tokens."""
OUTPUT_TOKEN_USD: Final = Decimal("0.0000005")
"""0.50 per million tokens."""
INSTRUCTIONS_TOKENS: Final = 1500
"""Policy, tool and envelope of a check, rounded up."""
ANSWER_TOKENS_MAX: Final = 300
"""The limit of an answer."""
IMAGE_CHECK_USD: Final = Decimal("0.001")
"""Rekognition DetectModerationLabels, the first million images per month."""


def prompt_check_usd(texts: Iterable[str | None]) -> Decimal:
    """Return the price of checking ``texts`` with one call of Claude."""
    characters = sum(len(readable(text)) for text in texts if text)
    return (INSTRUCTIONS_TOKENS + characters) * INPUT_TOKEN_USD + ANSWER_TOKENS_MAX * OUTPUT_TOKEN_USD
