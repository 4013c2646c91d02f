"""Looks at every image that was drawn before it is kept."""

import boto3
from botocore.config import Config

from events.catalog.image_approved import ImageApproved
from events.catalog.image_generated import ImageGenerated
from events.catalog.image_rejected import ImageRejected
from kit.runtime import consumer
from services.moderation import policy
from services.moderation.adapters import SIDE_BY_SIDE, RekognitionDetector, VerdictTable
from services.moderation.service import ImageModeration, ImageVerdict
from services.moderation.settings import ImageSettings

settings = ImageSettings.load()
rules = policy.load()
detector = (
    RekognitionDetector(
        boto3.client(
            "rekognition",
            config=Config(
                connect_timeout=3, read_timeout=10, retries={"total_max_attempts": 1}, max_pool_connections=SIDE_BY_SIDE
            ),
        ),
        settings.handoff_bucket_name,
        rules.image.min_confidence,
    )
    if settings.image_check == "on"
    else None
)
moderation = ImageModeration(
    rules.version,
    rules.labels_by_gravity(),
    detector,
    VerdictTable(boto3.client("dynamodb"), settings.table_name, ImageVerdict),
)
handler = consumer(
    step="moderation.image",
    accepts=[ImageGenerated],
    handle=moderation.decide,
    workers=SIDE_BY_SIDE,
    publishes=[ImageApproved, ImageRejected],
)
