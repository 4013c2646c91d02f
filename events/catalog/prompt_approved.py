"""The prompt may be drawn."""

from typing import ClassVar

from events.envelope import Event, Payload
from events.images import GenerationParameters


class PromptApprovedData(Payload):
    """Which policy approved what."""

    policy_version: str
    layers: list[str]
    """The layers that looked, in order: ``keywords``, ``claude``."""
    parameters: GenerationParameters


class PromptApproved(Event):
    """Every layer of moderation approved the prompt and the negative prompt."""

    source: ClassVar[str] = "genai-images.moderation"
    detail_type: ClassVar[str] = "PromptApproved"
    version: ClassVar[int] = 1

    data: PromptApprovedData
