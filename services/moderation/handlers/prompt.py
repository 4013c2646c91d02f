"""Screens the texts of every request before anything is drawn."""

import boto3
from botocore.config import Config

from events.catalog.image_requested import ImageRequested
from events.catalog.prompt_approved import PromptApproved
from events.catalog.prompt_rejected import PromptRejected
from kit.runtime import consumer
from services.moderation import policy
from services.moderation.adapters import SIDE_BY_SIDE, ClaudeLayer, VerdictTable
from services.moderation.keywords import KeywordFilter
from services.moderation.screening import Screening
from services.moderation.service import PromptModeration, PromptVerdict
from services.moderation.settings import PromptSettings

settings = PromptSettings.load()
rules = policy.load()
bedrock = boto3.client(
    "bedrock-runtime",
    # The consumer retries, where it can be seen; the function's timeout is longer than one whole call.
    config=Config(
        connect_timeout=3, read_timeout=20, retries={"total_max_attempts": 1}, max_pool_connections=SIDE_BY_SIDE
    ),
)
moderation = PromptModeration(
    rules.version,
    [KeywordFilter(rules), ClaudeLayer(bedrock, Screening(rules, settings.moderation_model_id))],
    VerdictTable(boto3.client("dynamodb"), settings.table_name, PromptVerdict),
)
handler = consumer(
    step="moderation.prompt",
    accepts=[ImageRequested],
    handle=moderation.decide,
    workers=SIDE_BY_SIDE,
    publishes=[PromptApproved, PromptRejected],
)
