"""Consumes ImageGenerated, publishes ImageApproved or ImageRejected."""

import boto3
from botocore.config import Config

from events.catalog.image_approved import ImageApproved
from events.catalog.image_generated import ImageGenerated
from events.catalog.image_rejected import ImageRejected
from kit.clock import SystemClock
from kit.consumer import EachMessage, sqs_consumer
from services.moderation.gateways import MAX_PARALLEL, RekognitionDetector
from services.moderation.models import ImageVerdict
from services.moderation.policy import load_policy
from services.moderation.repository import VerdictTable
from services.moderation.service import ImageModeration
from services.moderation.settings import ImageSettings

settings = ImageSettings.load()
policy = load_policy()
detector = (
    RekognitionDetector(
        boto3.client(
            "rekognition",
            config=Config(
                connect_timeout=3, read_timeout=10, retries={"total_max_attempts": 1}, max_pool_connections=MAX_PARALLEL
            ),
        ),
        settings.handoff_bucket_name,
        policy.image.min_confidence,
    )
    if settings.image_check == "on"
    else None
)
moderation = ImageModeration(
    policy.version,
    policy.labels_by_severity(),
    detector,
    VerdictTable(boto3.client("dynamodb"), settings.table_name, ImageVerdict),
    SystemClock(),
)
handler = sqs_consumer(
    "moderation.image",
    [ImageGenerated],
    EachMessage(moderation.moderate, workers=MAX_PARALLEL, publishes=[ImageApproved, ImageRejected]),
)
