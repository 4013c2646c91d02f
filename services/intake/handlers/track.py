"""The state tracker: every event of a request moves its status and timeline."""

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from events.catalog.generation_failed import GenerationFailed
from events.catalog.image_approved import ImageApproved
from events.catalog.image_deleted import ImageDeleted
from events.catalog.image_generated import ImageGenerated
from events.catalog.image_rejected import ImageRejected
from events.catalog.image_stored import ImageStored
from events.catalog.message_replayed import MessageReplayed
from events.catalog.processing_stalled import ProcessingStalled
from events.catalog.prompt_approved import PromptApproved
from events.catalog.prompt_rejected import PromptRejected
from events.envelope import Event
from kit.runtime import consumer
from kit.telemetry import logger, measure
from services.intake.adapters import RequestTable
from services.intake.figures import Stopwatch
from services.intake.lifecycle import ENDINGS
from services.intake.quota import RateLimiter
from services.intake.service import State, duration, settle, track
from services.intake.settings import TableSettings
from services.intake.tables import FigureTable, RateTable

settings = TableSettings.load()
client = boto3.client("dynamodb")
table = RequestTable(client, settings.table_name)
limiter = RateLimiter(RateTable(client, settings.table_name))
stopwatch = Stopwatch(FigureTable(client, settings.table_name))


def follow(event: Event) -> list[Event]:
    """Track one event. What follows from it is published from the table's stream."""
    state = track(table, event)
    if state is not None and state.status in ENDINGS:
        settle(limiter, state)
        keep_figures(event, state)
    return []


def keep_figures(event: Event, state: State) -> None:
    """Keep and tell how long a request took. An estimate that cannot be kept is not worth a retry of its event."""
    if found := duration(event, state):
        model, seconds = found
        measure(
            "request succeeded", {"request_seconds": (seconds, "Seconds")}, {}, request_id=state.request_id, model=model
        )
        try:
            stopwatch.note(model, seconds)
        except (ClientError, BotoCoreError) as error:
            logger.warning("figures not kept", error=type(error).__name__)


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
        ImageDeleted,
        ProcessingStalled,
        MessageReplayed,
    ],
    handle=follow,
    recovers=True,
)
