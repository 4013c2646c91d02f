"""Moderation approved the prompt."""

from decimal import Decimal
from typing import ClassVar

from ..envelope import Event, Payload
from ..parameters import GenerationParameters


class PromptApprovedData(Payload):
    """The policy and the layers that approved the prompt."""

    policy_version: str
    """Version of the moderation policy: its name and a digest of its content."""
    layers: list[str]
    """The layers that checked the prompt, in order: ``keywords``, ``claude``. ``appeal``: an operator granted an appeal
    about this text, and no layer judged it."""
    parameters: GenerationParameters
    """The parameters of the request."""
    moderation_usd: Decimal = Decimal(0)
    """List price in US dollars of moderating the request: the check of its prompt, and one check per image."""


class PromptApproved(Event):
    """Every layer of moderation approved the prompt and the negative prompt."""

    source: ClassVar[str] = "genai-images.moderation"
    detail_type: ClassVar[str] = "PromptApproved"
    version: ClassVar[int] = 1

    data: PromptApprovedData
