"""All events by their name and version on the wire. Each has a module, which is imported when it is needed."""

from importlib import import_module
from typing import Final

from ..envelope import Event

CATALOG: Final[dict[tuple[str, int], str]] = {
    ("ImageRequested", 1): "image_requested:ImageRequested",
    ("PromptApproved", 1): "prompt_approved:PromptApproved",
    ("PromptRejected", 1): "prompt_rejected:PromptRejected",
    ("PromptChecked", 1): "prompt_checked:PromptChecked",
    ("ImageGenerated", 1): "image_generated:ImageGenerated",
    ("GenerationFailed", 1): "generation_failed:GenerationFailed",
    ("GenerationWithdrawn", 1): "generation_withdrawn:GenerationWithdrawn",
    ("ImageApproved", 1): "image_approved:ImageApproved",
    ("ImageRejected", 1): "image_rejected:ImageRejected",
    ("ImageStored", 1): "image_stored:ImageStored",
    ("ImageDeleted", 1): "image_deleted:ImageDeleted",
    ("RequestCancelled", 1): "request_cancelled:RequestCancelled",
    ("RequestExpired", 1): "request_expired:RequestExpired",
    ("RequestStatusChanged", 1): "request_status_changed:RequestStatusChanged",
    ("RequestAppealed", 1): "request_appealed:RequestAppealed",
    ("AppealDecided", 1): "appeal_decided:AppealDecided",
    ("ProcessingStalled", 1): "processing_stalled:ProcessingStalled",
    ("MessageReplayed", 1): "message_replayed:MessageReplayed",
    ("ModelLifecycleChanged", 1): "model_lifecycle_changed:ModelLifecycleChanged",
    ("BudgetExhausted", 1): "budget_exhausted:BudgetExhausted",
    ("BudgetChanged", 1): "budget_changed:BudgetChanged",
    ("ErasureStarted", 1): "erasure_started:ErasureStarted",
    ("DataErased", 1): "data_erased:DataErased",
    ("ExportStarted", 1): "export_started:ExportStarted",
    ("DataExported", 1): "data_exported:DataExported",
    ("ExportCollected", 1): "export_collected:ExportCollected",
    ("ExportReady", 1): "export_ready:ExportReady",
}


def event_type(detail_type: str, version: int) -> type[Event] | None:
    """Return the class of an event by its name and version on the wire, or None if the catalog has no such event."""
    location = CATALOG.get((detail_type, version))
    if location is None:
        return None
    module, name = location.split(":")
    found: type[Event] = getattr(import_module(f"{__name__}.{module}"), name)
    return found
