"""Consumes ImageRequested, publishes PromptApproved or PromptRejected."""

from datetime import timedelta
from functools import partial

import boto3
from botocore.config import Config

from events.catalog.image_requested import ImageRequested
from events.catalog.prompt_approved import PromptApproved
from events.catalog.prompt_rejected import PromptRejected
from kit.clock import SystemClock
from kit.consumer import EachMessage, sqs_consumer
from kit.sealing import OwnerKeyTable, Sealer
from services.moderation.gateways import MAX_PARALLEL, ClaudeLayer
from services.moderation.keywords import KeywordFilter
from services.moderation.models import PromptVerdict
from services.moderation.policy import load_policy
from services.moderation.prices import image_check_usd
from services.moderation.repository import VerdictTable
from services.moderation.screening import Screening
from services.moderation.service import PromptLayers, PromptModeration, TextLayer
from services.moderation.settings import PromptSettings
from services.moderation.shadow import PromptShadow

settings = PromptSettings.load()
policy = load_policy(settings.policy).with_guardrail(settings.guardrail)
candidate = load_policy(settings.shadow_policy) if settings.shadow_policy else None
bedrock = boto3.client(
    "bedrock-runtime",
    # The consumer retries, so that retries are logged. The function's timeout is longer than one call.
    config=Config(
        connect_timeout=3, read_timeout=20, retries={"total_max_attempts": 1}, max_pool_connections=MAX_PARALLEL
    ),
)
dynamodb = boto3.client("dynamodb")
clock = SystemClock()
layers: list[TextLayer] = [
    KeywordFilter(policy),
    ClaudeLayer(bedrock, Screening(policy, settings.moderation_model_id)),
]
if settings.guardrail:
    from services.moderation.guardrail import Guardrail, GuardrailTextLayer, guardrail_client

    # With the call of Claude before it, this call ends before the function's timeout.
    layers.append(GuardrailTextLayer(Guardrail(guardrail_client(read_timeout=5), settings.guardrail), policy))
moderation = PromptModeration(
    PromptLayers(policy, layers, clock),
    VerdictTable(dynamodb, settings.table_name, PromptVerdict, timedelta(days=settings.ledger_retention_days)),
    Sealer(OwnerKeyTable(dynamodb, settings.owner_keys_table_name)).open_texts,
    clock,
    PromptShadow(candidate, KeywordFilter(candidate)) if candidate else None,
    image_check_usd(guardrail=bool(settings.guardrail)),
)
handler = sqs_consumer(
    "moderation.prompt",
    [ImageRequested],
    EachMessage(
        moderation.moderate,
        workers=MAX_PARALLEL,
        publishes=[PromptApproved, PromptRejected],
        handle_first=partial(moderation.moderate, first_delivery=True),
    ),
)
