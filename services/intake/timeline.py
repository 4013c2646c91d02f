"""The timeline entry that the state of a request keeps of an event."""

from typing import Any

from events.catalog.generation_failed import GenerationFailedData
from events.catalog.generation_withdrawn import GenerationWithdrawnData
from events.catalog.image_approved import ImageApprovedData
from events.catalog.image_deleted import ImageDeletedData
from events.catalog.image_rejected import ImageRejectedData
from events.catalog.image_stored import ImageStoredData
from events.catalog.message_replayed import MessageReplayedData
from events.catalog.processing_stalled import ProcessingStalledData
from events.catalog.prompt_rejected import PromptRejectedData
from events.catalog.request_expired import RequestExpiredData
from events.envelope import Event
from events.images import StoredImage
from events.pipeline import TimelineEntry


def timeline_entry(event: Event) -> TimelineEntry:
    """Return the timeline entry of an event."""
    return TimelineEntry(event.metadata.event_id, event.detail_type, event.metadata.occurred_at, _details(event))


def _details(event: Event) -> dict[str, Any]:  # noqa: PLR0911 - one return per event
    match event.data:
        case PromptRejectedData(layer=layer, category=category, field=field, reason=reason, counts_as_blocked=counts):
            return {
                "layer": layer,
                "category": category,
                "field": field,
                "reason": reason,
                "counts_as_blocked": counts,
                "policy_version": event.data.policy_version,
            }
        case GenerationFailedData(reason=reason):
            return {"reason": reason}
        case GenerationWithdrawnData(billed=billed):
            return {"billed": billed}
        case ImageApprovedData(layers=layers, policy_version=version):
            return {"layers": layers, "policy_version": version}
        case ImageRejectedData(layer=layer, category=category, policy_version=version):
            return {"layer": layer, "category": category, "reason": "category_blocked", "policy_version": version}
        case ImageStoredData(images=images, removed=removed):
            return {
                "images": [_image(image) for image in images],
                "removed": [{"index": image.index, "reason": image.reason} for image in removed],
            }
        case ImageDeletedData(image_id=image, reason=reason):
            return {"image": image, "reason": reason}
        case RequestExpiredData(last_status=last_status, deadline=deadline):
            return {"last_status": last_status, "deadline": deadline.isoformat()}
        case ProcessingStalledData(step=step, stalled_event_id=message, error=error, fingerprint=fingerprint):
            return {
                "step": step,
                "message": message,
                "replays": event.metadata.replays,
                "error": error,
                "fingerprint": fingerprint,
            }
        case MessageReplayedData(step=step, replayed_event_id=message, replays=replays):
            return {"step": step, "message": message, "replays": replays}
        case _:
            return {}


def _image(image: StoredImage) -> dict[str, Any]:
    return {
        "id": image.image_id,
        "index": image.index,
        "original": image.original.key,
        "display": image.display.key,
        "thumbnail": image.thumbnail.key,
        "width": image.original.width,
        "height": image.original.height,
        "placeholder": image.placeholder,
        "model": image.model,
        "seed": image.seed,
        "cost_usd": str(image.cost_usd),
    }
