"""The layers that screen texts, in their order."""

from typing import TYPE_CHECKING

from services.moderation.gateways import ClaudeLayer
from services.moderation.keywords import KeywordFilter
from services.moderation.policy import Policy
from services.moderation.screening import Screening

if TYPE_CHECKING:
    from mypy_boto3_bedrock_runtime.client import BedrockRuntimeClient

    from services.moderation.service import TextLayer


def text_layers(
    policy: Policy, claude: "BedrockRuntimeClient", model_id: str, guardrail: str, *, guardrail_seconds: float
) -> "list[TextLayer]":
    """Return the keyword filter, Claude and, unless its name is empty, the guardrail.

    ``guardrail_seconds`` is the read timeout of the guardrail's call.
    """
    layers: list[TextLayer] = [KeywordFilter(policy), ClaudeLayer(claude, Screening(policy, model_id))]
    if guardrail:
        from services.moderation.guardrail import Guardrail, GuardrailTextLayer, guardrail_client  # noqa: PLC0415 - only if there is one

        layers.append(GuardrailTextLayer(Guardrail(guardrail_client(guardrail_seconds), guardrail), policy))
    return layers
