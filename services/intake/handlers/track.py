"""The state tracker: every event of a request moves its status and timeline."""

import boto3

from events.catalog.generation_failed import GenerationFailed
from events.catalog.image_approved import ImageApproved
from events.catalog.image_generated import ImageGenerated
from events.catalog.image_rejected import ImageRejected
from events.catalog.image_stored import ImageStored
from events.catalog.message_replayed import MessageReplayed
from events.catalog.processing_stalled import ProcessingStalled
from events.catalog.prompt_approved import PromptApproved
from events.catalog.prompt_rejected import PromptRejected
from events.envelope import Event
from events.runtime import consumer
from services.intake.adapters import RequestTable
from services.intake.logic import track
from services.intake.settings import TableSettings

table = RequestTable(boto3.client("dynamodb"), TableSettings.load().table_name)


def follow(event: Event) -> list[Event]:
    """Track one event. What follows from it is published from the table's stream."""
    track(table, event)
    return []


handler = consumer(
    step="intake.track",
    accepts=[
        PromptApproved,
        PromptRejected,
        ImageGenerated,
        GenerationFailed,
        ImageApproved,
        ImageRejected,
        ImageStored,
        ProcessingStalled,
        MessageReplayed,
    ],
    handle=follow,
)
