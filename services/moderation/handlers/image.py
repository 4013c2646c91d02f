"""Consumes ImageGenerated, publishes ImageApproved or ImageRejected."""

from datetime import timedelta
from functools import cache, partial
from threading import Lock
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from events.catalog.image_approved import ImageApproved
from events.catalog.image_generated import ImageGenerated
from events.catalog.image_rejected import ImageRejected
from kit.clock import SystemClock
from kit.consumer import EachMessage, sqs_consumer
from services.moderation.gateways import MAX_PARALLEL, HandoffImages, RekognitionDetector
from services.moderation.images import ImageLayer, ImageModeration
from services.moderation.models import ImageVerdict
from services.moderation.policy import load_policy
from services.moderation.repository import VerdictTable
from services.moderation.settings import ImageSettings

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

settings = ImageSettings.load()
policy = load_policy(settings.policy).with_guardrail(settings.guardrail)
candidate = load_policy(settings.shadow_policy) if settings.shadow_policy else None
layers: list[ImageLayer] = []
if settings.image_check == "on":
    layers.append(
        RekognitionDetector(
            boto3.client(
                "rekognition",
                config=Config(
                    connect_timeout=3,
                    read_timeout=10,
                    retries={"total_max_attempts": 1},
                    max_pool_connections=MAX_PARALLEL,
                ),
            ),
            settings.handoff_bucket_name,
            min(each.image.min_confidence for each in (policy, candidate) if each),
        )
    )
if settings.guardrail:
    from kit.handoff import HandoffReader
    from services.moderation.guardrail import Guardrail, guardrail_client
    from services.moderation.guardrail_images import GuardrailImageLayer

    guardrail = Guardrail(guardrail_client(read_timeout=10), settings.guardrail)
    layers.append(GuardrailImageLayer(guardrail, HandoffReader(boto3.client("s3"), settings.handoff_bucket_name).read))
_creation = Lock()


@cache
def _s3() -> "S3Client":
    with _creation:  # boto3's default session must not create clients in two threads at once
        return boto3.client("s3")


moderation = ImageModeration(
    policy,
    layers,
    VerdictTable(
        boto3.client("dynamodb"), settings.table_name, ImageVerdict, timedelta(days=settings.ledger_retention_days)
    ),
    HandoffImages(_s3, settings.handoff_bucket_name),
    SystemClock(),
    candidate,
)
handler = sqs_consumer(
    "moderation.image",
    [ImageGenerated],
    EachMessage(
        moderation.moderate,
        workers=MAX_PARALLEL,
        publishes=[ImageApproved, ImageRejected],
        handle_first=partial(moderation.moderate, first_delivery=True),
    ),
)
