"""Moderation rejected the prompt."""

from decimal import Decimal
from typing import ClassVar, Literal

from ..envelope import Event, Payload

Strength = Literal["block", "review"]
"""``block``: a term without an innocent use. ``review``: a term that may have one."""


class PromptRejectedData(Payload):
    """The layer and the reason, without the prompt or the matching term."""

    policy_version: str
    """Version of the moderation policy: its name and a digest of its content, then id and version of the guardrail, if
    there is one (``default@3f9c2a1b7d0e+a1b2c3d4e5f6:3``)."""
    layer: str
    """The layer that decided: ``limits`` (the text is too long), ``keywords``, ``claude`` or ``guardrail``."""
    category: str
    """The category of the moderation policy that the text violates, such as ``violence``; ``unclassified`` if none
    was named."""
    field: str
    """``prompt`` or ``negative_prompt``."""
    reason: str
    """A stable code, such as ``category_blocked``, ``screening_refused``, ``screening_unreadable`` or
    ``guardrail_intervened``."""
    strength: Strength | None = None
    """Strength of the term that the keyword filter found. ``block``: it has no innocent use. ``review``: it may have
    one."""
    counts_as_blocked: bool = True
    """Whether the request counts against the API key's limit of blocked requests."""
    moderation_usd: Decimal = Decimal(0)
    """List price of the check in US dollars; 0 if the keyword filter decided alone."""


class PromptRejected(Event):
    """A layer of moderation rejected the prompt. The status is terminal."""

    source: ClassVar[str] = "genai-images.moderation"
    detail_type: ClassVar[str] = "PromptRejected"
    version: ClassVar[int] = 1

    data: PromptRejectedData
