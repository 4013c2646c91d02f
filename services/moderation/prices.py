"""List prices of moderation, for the daily budget: US dollars, on demand, November 2026.

A check is estimated from above: a token per character of the texts, and the longest possible answer.
"""

from collections.abc import Collection, Iterable
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
TEXT_UNIT: Final = 1000
"""Characters by which a guardrail is billed."""
GUARDRAIL_TEXT_UNIT_USD: Final = Decimal("0.0004")
"""With all policies that cost money: content filters 0.15, denied topics 0.15, personal data 0.10 per 1,000 units."""
GUARDRAIL_IMAGE_USD: Final = Decimal("0.00075")
"""Content filters, per image."""


def prompt_check_usd(texts: Iterable[str | None]) -> Decimal:
    """Return the price of checking ``texts`` with one call of Claude."""
    characters = sum(len(readable(text)) for text in texts if text)
    return (INSTRUCTIONS_TOKENS + characters) * INPUT_TOKEN_USD + ANSWER_TOKENS_MAX * OUTPUT_TOKEN_USD


def guardrail_text_usd(prompt: str) -> Decimal:
    """Return the price of applying a guardrail to ``prompt``."""
    return -(-len(readable(prompt)) // TEXT_UNIT) * GUARDRAIL_TEXT_UNIT_USD


def text_layers_usd(layers: Collection[str], prompt: str, negative_prompt: str | None) -> Decimal:
    """Return the price of the layers that screened texts."""
    claude = prompt_check_usd([prompt, negative_prompt]) if "claude" in layers else Decimal(0)
    return claude + (guardrail_text_usd(prompt) if "guardrail" in layers else Decimal(0))


def image_check_usd(*, guardrail: bool) -> Decimal:
    """Return the price of checking one image. Rekognition counts even if it is off, so the budget errs on its side."""
    return IMAGE_CHECK_USD + (GUARDRAIL_IMAGE_USD if guardrail else Decimal(0))
