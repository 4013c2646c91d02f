"""Moderation approved the prompt."""

from decimal import Decimal
from typing import ClassVar

from ..envelope import Event, Payload
from ..parameters import GenerationParameters


class PromptApprovedData(Payload):
    """The policy and the layers that approved the prompt."""

    policy_version: str
    """Version of the moderation policy: its name and a digest of its content, then id and version of the guardrail, if
    there is one (``default@3f9c2a1b7d0e+a1b2c3d4e5f6:3``)."""
    layers: list[str]
    """The layers that checked the prompt, in order: ``keywords``, ``claude``, ``guardrail``. ``appeal``: an operator
    granted an appeal about this text, and no layer judged it."""
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
