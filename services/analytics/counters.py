"""What an event adds to the counters of its day.

A counter is one number with a flat name, ``#`` between its parts, so that a transaction can add to it without reading:

    status#<status>                            requests by status
    images#requested|generated|filtered|failed|stored|deleted
    model#<model>#requests|images|cost_usd     requested; generated; paid
    style#<style>                              requests
    rejection#<category>  failure#<reason>     requests
    step#<step>#stalled|replayed               messages
    latency#<step>#count|sum_ms|le_<ms>        the histogram of a step; ``request`` is the whole request
    cost_usd                                   costs of generation, all models

Names come from catalogs (models, styles, categories, steps), so a day has a few hundred of them at most.
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from events.envelope import Event, Metadata
from events.pipeline import TERMINAL

if TYPE_CHECKING:  # only an annotation: the API, which reads the counters, needs no event
    from events.images import ImageOutcome

Amounts = dict[str, int | Decimal]
"""Counter → the amount to add."""

LATENCY_BOUNDS_MS: Final = (
    50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 20_000, 30_000, 60_000, 120_000, 300_000, 900_000, 3_600_000,
)  # fmt: skip
"""Upper bounds of the histogram's buckets, included. A change requires a rebuild of the projection."""
LABEL_MAX: Final = 48
"""Characters of a label: DynamoDB takes names of up to 255 bytes in an expression."""


def day_of(event: Event) -> str:
    """Return the UTC day of an event, for example ``2026-11-22``."""
    return event.metadata.occurred_at.astimezone(UTC).date().isoformat()


def amounts(event: Event) -> Amounts:
    """Return what ``event`` adds to its day: nothing if other events already imply it."""
    counted = _COUNTED.get(event.detail_type)
    return {} if counted is None else counted(event)


def add(total: Amounts, more: Mapping[str, int | Decimal]) -> None:
    """Add ``more`` to ``total``, in place."""
    for name, amount in more.items():
        total[name] = total.get(name, 0) + amount


def _label(value: str | None) -> str:
    return (value or "none").replace("#", "_")[:LABEL_MAX]


def _latency(step: str, milliseconds: float) -> Amounts:
    duration = max(0, round(milliseconds))  # two clocks may disagree by a little
    position = bisect_left(LATENCY_BOUNDS_MS, duration)
    bound = str(LATENCY_BOUNDS_MS[position]) if position < len(LATENCY_BOUNDS_MS) else "inf"
    return {f"latency#{step}#count": 1, f"latency#{step}#sum_ms": duration, f"latency#{step}#le_{bound}": 1}


def _step(step: str, metadata: Metadata) -> Amounts:
    return _latency(step, (metadata.occurred_at - metadata.caused_at).total_seconds() * 1000)


def _end_to_end(metadata: Metadata) -> Amounts:
    """Return the duration of the whole request: its id, a uuid7, starts with the time of acceptance."""
    digits = metadata.request_id.replace("-", "")
    if digits[12] != "7":
        return {}
    accepted = datetime.fromtimestamp(int(digits[:12], 16) / 1000, UTC)
    return _latency("request", (metadata.occurred_at - accepted).total_seconds() * 1000)


def _outcomes(outcomes: "list[ImageOutcome]") -> Amounts:
    total: Amounts = {}
    for outcome in outcomes:
        add(total, {f"images#{outcome.status}": 1})
        if outcome.image is not None:
            model, cost = _label(outcome.image.model), outcome.image.cost_usd
            add(total, {f"model#{model}#images": 1, f"model#{model}#cost_usd": cost, "cost_usd": cost})
    return total


def _requested(event: Any) -> Amounts:
    parameters = event.data.parameters
    return {
        "status#accepted": 1,
        "images#requested": parameters.count,
        f"model#{_label(parameters.models[0].model)}#requests": 1,
        f"style#{_label(parameters.style)}": 1,
    }


def _prompt_approved(event: Any) -> Amounts:
    return _step("moderation.prompt", event.metadata)


def _prompt_rejected(event: Any) -> Amounts:
    return _rejection(event.data.category) | _step("moderation.prompt", event.metadata)


def _generated(event: Any) -> Amounts:
    return _outcomes(event.data.outcomes) | _step("generation.generate", event.metadata)


def _generation_failed(event: Any) -> Amounts:
    reason = event.data.reason
    result: Amounts = _rejection(reason) if reason == "content_filtered" else {f"failure#{_label(reason)}": 1}
    return result | _outcomes(event.data.outcomes) | _step("generation.generate", event.metadata)


def _image_approved(event: Any) -> Amounts:
    return _step("moderation.image", event.metadata)


def _image_rejected(event: Any) -> Amounts:
    return _rejection(event.data.category) | _step("moderation.image", event.metadata)


def _stored(event: Any) -> Amounts:
    known: Amounts = {"images#stored": len(event.data.images)}
    return known | _step("storage.store", event.metadata) | _end_to_end(event.metadata)


def _rejection(category: str) -> Amounts:
    return {f"rejection#{_label(category)}": 1}


def _status_changed(event: Any) -> Amounts:
    """Count terminal statuses by the change itself: events of steps may arrive after a cancellation."""
    status = event.data.status
    return {f"status#{status}": 1} if status in TERMINAL else {}


def _at_step(status: str) -> Callable[[Any], Amounts]:
    return lambda event: {f"status#{status}": 1, f"step#{_label(event.data.step)}#{status}": 1}


_COUNTED: Final[dict[str, Callable[[Any], Amounts]]] = {
    "ImageRequested": _requested,
    "PromptApproved": _prompt_approved,
    "PromptRejected": _prompt_rejected,
    "ImageGenerated": _generated,
    "GenerationFailed": _generation_failed,
    "ImageApproved": _image_approved,
    "ImageRejected": _image_rejected,
    "ImageStored": _stored,
    "ImageDeleted": lambda _: {"images#deleted": 1},
    "RequestStatusChanged": _status_changed,
    "ProcessingStalled": _at_step("stalled"),
    "MessageReplayed": _at_step("replayed"),
}
"""By name instead of class, so that an event's module is imported only with its first event."""
