"""Consumes PromptApproved, publishes ImageGenerated or GenerationFailed. The only function that pays for images.

It also consumes PromptRejected and PromptChecked: the daily budget counts checks that led to no image, too.
"""

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import boto3
from botocore.config import Config

from events.catalog.budget_exhausted import BudgetExhausted
from events.catalog.generation_failed import GenerationFailed
from events.catalog.image_generated import ImageGenerated
from events.catalog.prompt_approved import PromptApproved
from events.catalog.prompt_checked import PromptChecked
from events.catalog.prompt_rejected import PromptRejected
from events.envelope import Event
from kit.clock import SystemClock
from kit.consumer import ContextPool, EachMessage, sqs_consumer
from kit.sealing import OwnerKeyTable, Sealer
from kit.stopping import stopping
from services.generation.gateways import BedrockModels
from services.generation.repository.budget import DynamoBudget
from services.generation.repository.handoff import S3Handoff
from services.generation.repository.ledger import DynamoLedger
from services.generation.service import ImageGenerator
from services.generation.settings import GenerateSettings
from services.generation.spending import count_check

if TYPE_CHECKING:
    from mypy_boto3_bedrock_runtime.client import BedrockRuntimeClient

    from events.model_catalog import Model

_settings: Final = GenerateSettings.load()


def _bedrock(region: str) -> "BedrockRuntimeClient":
    # InvokeModel has no idempotency token: a retry by the client could be paid for twice.
    config = Config(
        retries={"total_max_attempts": 1},
        connect_timeout=5,
        read_timeout=_settings.call_timeout,
        max_pool_connections=_settings.max_parallel,
        tcp_keepalive=True,
    )
    client: BedrockRuntimeClient = boto3.client("bedrock-runtime", region_name=region, config=config)
    return client


def _find_model(key: str) -> "Model | None":
    from events.model_catalog import model_catalog  # noqa: PLC0415 - a tenth of this function's cold start

    return model_catalog(_settings.custom_models).get(key)


_dynamodb: Final = boto3.client("dynamodb")
_clock: Final = SystemClock()
_budget: Final = DynamoBudget(_dynamodb, _settings.table_name, _settings.daily_budget_usd, _clock)
_generator: Final = ImageGenerator(
    ledger=DynamoLedger(_dynamodb, _settings.table_name, timedelta(days=_settings.ledger_retention_days)),
    models=BedrockModels(_settings.aws_region, _bedrock),
    handoff=S3Handoff(boto3.client("s3"), _settings.handoff_bucket_name),
    open_texts=Sealer(OwnerKeyTable(_dynamodb, _settings.owner_keys_table_name)).open_texts,
    find_model=_find_model,
    pool=ContextPool(_settings.max_parallel, thread_name_prefix="model"),
    call_timeout=_settings.call_timeout,
    lease_seconds=_settings.lease,
    clock=_clock,
    budget=_budget,
    is_stopping=stopping.is_set,
)


def _handle(event: PromptApproved | PromptRejected | PromptChecked) -> list[Event]:
    if isinstance(event, PromptApproved):
        return _generator.generate(event)
    return count_check(event, _budget)


handler: Final = sqs_consumer(
    "generation.generate",
    [PromptApproved, PromptRejected, PromptChecked],
    EachMessage(
        _handle,
        workers=_settings.max_parallel,
        publishes=[ImageGenerated, GenerationFailed, BudgetExhausted],
    ),
)
