"""The prompt may not be drawn."""

from typing import ClassVar

from events.envelope import Event, Payload


class PromptRejectedData(Payload):
    """Who said no, and why, without repeating the prompt or naming the list."""

    policy_version: str
    layer: str
    """``keywords`` or ``claude``."""
    category: str
    field: str
    """``prompt`` or ``negative_prompt``."""
    reason: str
    """A stable code, such as ``category_blocked``, ``screening_refused`` or ``screening_unreadable``."""


class PromptRejected(Event):
    """A layer of moderation rejected the prompt. The request ends here."""

    source: ClassVar[str] = "genai-images.moderation"
    detail_type: ClassVar[str] = "PromptRejected"
    version: ClassVar[int] = 1

    data: PromptRejectedData
