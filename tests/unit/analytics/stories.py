"""Requests and their events."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from events.catalog.generation_failed import GenerationFailed, GenerationFailedData
from events.catalog.image_generated import ImageGenerated, ImageGeneratedData
from events.catalog.image_requested import ImageRequested, ImageRequestedData
from events.catalog.image_stored import ImageStored
from events.catalog.processing_stalled import ProcessingStalled, ProcessingStalledData
from events.catalog.prompt_approved import PromptApproved, PromptApprovedData
from events.catalog.prompt_rejected import PromptRejected, PromptRejectedData
from events.catalog.request_status_changed import RequestStatusChanged, RequestStatusChangedData
from events.envelope import Event
from events.images import ImageOutcome, RawImage
from events.parameters import GenerationParameters, ModelPlan
from events.pipeline import Status
from tests.support.events import sample
from tests.support.sealing import sealed

START = datetime(2026, 11, 22, 23, 59, 50, tzinfo=UTC)
"""Just before midnight, so that the events of one request approval belong to two days."""
PROMPT = "a heron in the reeds"
NEGATIVE_PROMPT = "fog over water"


def request_id(at: datetime, number: int = 0) -> str:
    """Return a UUID version 7 of that time."""
    milliseconds = round(at.timestamp() * 1000)
    return str(UUID(int=(milliseconds << 80) | (0x7 << 76) | (0x2 << 62) | number))


def requested(number: int = 0, *, at: datetime = START, model: str = "nova-canvas", count: int = 1) -> ImageRequested:
    """Return the first event of request ``number``."""
    parameters = GenerationParameters(
        prompt=sealed(PROMPT),
        negative_prompt=sealed(NEGATIVE_PROMPT),
        style="watercolor" if number % 2 else None,
        count=count,
        seed=7,
        models=[ModelPlan(model=model, width=512, height=512, price_usd=Decimal("0.04"))],
    )
    return ImageRequested.first(
        request_id(at, number), "demo", ImageRequestedData(parameters=parameters), occurred_at=at
    )


def outcome(index: int, model: str = "nova-canvas", cost: str = "0.04") -> ImageOutcome:
    """Return a generated image."""
    image = RawImage(
        key=f"raw/{index}",
        sha256="0" * 64,
        bytes=1,
        media_type="image/png",
        width=512,
        height=512,
        model=model,
        seed=7,
        cost_usd=Decimal(cost),
    )
    return ImageOutcome(index=index, status="generated", image=image)


def approved(cause: ImageRequested, after: timedelta = timedelta(seconds=1)) -> PromptApproved:
    """Return the approval of its prompt."""
    data = PromptApprovedData(policy_version="1", layers=["keywords"], parameters=cause.data.parameters)
    return PromptApproved.follow(cause, data, occurred_at=cause.metadata.occurred_at + after)


def generated(cause: PromptApproved, *outcomes: ImageOutcome) -> ImageGenerated:
    """Return ImageGenerated, four seconds later."""
    data = ImageGeneratedData(outcomes=list(outcomes) or [outcome(0)], parameters=cause.data.parameters)
    return ImageGenerated.follow(cause, data, occurred_at=cause.metadata.occurred_at + timedelta(seconds=4))


def stored(cause: Event) -> ImageStored:
    """Return ImageStored, a second later."""
    golden = sample("ImageStored")
    return ImageStored.follow(cause, golden.data, occurred_at=cause.metadata.occurred_at + timedelta(seconds=1))


def prompt_rejected(cause: ImageRequested, category: str = "violence") -> PromptRejected:
    """Return the rejection of its prompt."""
    data = PromptRejectedData(
        policy_version="1", layer="keywords", category=category, field="prompt", reason="category_blocked"
    )
    return PromptRejected.follow(cause, data, occurred_at=cause.metadata.occurred_at + timedelta(seconds=1))


def failed(cause: PromptApproved, reason: str) -> GenerationFailed:
    """Return GenerationFailed."""
    data = GenerationFailedData(reason=reason, outcomes=[ImageOutcome(index=0, status="failed", reason=reason)])
    return GenerationFailed.follow(cause, data, occurred_at=cause.metadata.occurred_at + timedelta(seconds=2))


def stalled(cause: Event, *, at: datetime) -> ProcessingStalled:
    """Return the stall of storage on ``cause``."""
    data = ProcessingStalledData(
        step="storage.store",
        stalled_event_id=cause.metadata.event_id,
        stalled_detail_type=cause.detail_type,
        error="OSError",
        reason="no message",
        fingerprint="5f0c7be21d9a",
        attempts=5,
    )
    return ProcessingStalled.follow(cause, data, occurred_at=at)


def status_changed(cause: Event, status: Status) -> RequestStatusChanged:
    """Return the change to ``status``, a tenth of a second later."""
    data = RequestStatusChangedData(status=status, previous="accepted", sequence=1)
    at = cause.metadata.occurred_at + timedelta(milliseconds=100)
    return RequestStatusChanged.first(cause.metadata.request_id, "demo", data, occurred_at=at, index=1)


def story(number: int, *, at: datetime = START) -> list[Event]:
    """Return all events of request ``number``, whose number determines its result."""
    request = requested(number, at=at, model=("nova-canvas", "titan-v2")[number % 2])
    if number % 4 == 1:
        rejection = prompt_rejected(request)
        return [request, rejection, status_changed(rejection, Status.REJECTED)]
    approval = approved(request)
    if number % 4 == 2:
        failure = failed(approval, "model_ended")
        return [request, approval, failure, status_changed(failure, Status.FAILED)]
    image = generated(approval)
    if number % 4 == 3:
        return [request, approval, image, stalled(image, at=at + timedelta(hours=1))]
    success = stored(image)
    return [request, approval, image, success, status_changed(success, Status.SUCCEEDED)]
