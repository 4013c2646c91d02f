"""The tracker: every event of a request moves its status and timeline."""

from functools import partial

import boto3

from events.catalog.generation_failed import GenerationFailed
from events.catalog.generation_withdrawn import GenerationWithdrawn
from events.catalog.image_approved import ImageApproved
from events.catalog.image_deleted import ImageDeleted
from events.catalog.image_generated import ImageGenerated
from events.catalog.image_rejected import ImageRejected
from events.catalog.image_stored import ImageStored
from events.catalog.message_replayed import MessageReplayed
from events.catalog.processing_stalled import ProcessingStalled
from events.catalog.prompt_approved import PromptApproved
from events.catalog.prompt_rejected import PromptRejected
from kit.clock import SystemClock
from kit.consumer import EachMessage, sqs_consumer
from services.intake.durations import DurationRecorder
from services.intake.quota import RateLimiter
from services.intake.refunds import refund_quota
from services.intake.repository.durations import duration_store
from services.intake.repository.rates import rate_store
from services.intake.repository.requests import RequestTable
from services.intake.settings import TableSettings
from services.intake.tracking import Tracker

settings = TableSettings.load()
client, clock = boto3.client("dynamodb"), SystemClock()
durations = DurationRecorder(duration_store(client, settings), clock)
limiter = RateLimiter(rate_store(client, settings), clock)
tracker = Tracker(RequestTable(client, settings.table_name), durations, partial(refund_quota, limiter), clock)

handler = sqs_consumer(
    "intake.track",
    [
        PromptApproved,
        PromptRejected,
        ImageGenerated,
        GenerationFailed,
        GenerationWithdrawn,
        ImageApproved,
        ImageRejected,
        ImageStored,
        ImageDeleted,
        ProcessingStalled,
        MessageReplayed,
    ],
    EachMessage(tracker.track),
)
