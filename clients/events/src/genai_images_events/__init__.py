"""The events of the GenAI image generator for subscribers: `parse` what AWS delivers, match on its class."""

from .contract.catalog.appeal_decided import AppealDecided
from .contract.catalog.budget_changed import BudgetChanged
from .contract.catalog.budget_exhausted import BudgetExhausted
from .contract.catalog.data_erased import DataErased
from .contract.catalog.data_exported import DataExported
from .contract.catalog.erasure_started import ErasureStarted
from .contract.catalog.export_collected import ExportCollected
from .contract.catalog.export_ready import ExportReady
from .contract.catalog.export_started import ExportStarted
from .contract.catalog.generation_failed import GenerationFailed
from .contract.catalog.generation_withdrawn import GenerationWithdrawn
from .contract.catalog.image_approved import ImageApproved
from .contract.catalog.image_deleted import ImageDeleted
from .contract.catalog.image_generated import ImageGenerated
from .contract.catalog.image_rejected import ImageRejected
from .contract.catalog.image_requested import ImageRequested
from .contract.catalog.image_stored import ImageStored
from .contract.catalog.message_replayed import MessageReplayed
from .contract.catalog.model_lifecycle_changed import ModelLifecycleChanged
from .contract.catalog.processing_stalled import ProcessingStalled
from .contract.catalog.prompt_approved import PromptApproved
from .contract.catalog.prompt_checked import PromptChecked
from .contract.catalog.prompt_rejected import PromptRejected
from .contract.catalog.request_appealed import RequestAppealed
from .contract.catalog.request_cancelled import RequestCancelled
from .contract.catalog.request_expired import RequestExpired
from .contract.catalog.request_status_changed import RequestStatusChanged
from .contract.envelope import Event, Metadata
from .contract.erasure import StoreReceipt
from .contract.exporting import ExportedImage, ExportedPart
from .contract.images import ImageOutcome, RawImage, RemovedImage, StoredImage, Variant
from .contract.parameters import GenerationParameters, GrantedAppeal, ModelPlan
from .contract.pipeline import TERMINAL, Status
from .parsing import NotAnEventError, UnknownEventError, parse
from .resources import sample, schema

__all__ = [
    "TERMINAL",
    "AppealDecided",
    "BudgetChanged",
    "BudgetExhausted",
    "DataErased",
    "DataExported",
    "ErasureStarted",
    "Event",
    "ExportCollected",
    "ExportReady",
    "ExportStarted",
    "ExportedImage",
    "ExportedPart",
    "GenerationFailed",
    "GenerationParameters",
    "GenerationWithdrawn",
    "GrantedAppeal",
    "ImageApproved",
    "ImageDeleted",
    "ImageGenerated",
    "ImageOutcome",
    "ImageRejected",
    "ImageRequested",
    "ImageStored",
    "MessageReplayed",
    "Metadata",
    "ModelLifecycleChanged",
    "ModelPlan",
    "NotAnEventError",
    "ProcessingStalled",
    "PromptApproved",
    "PromptChecked",
    "PromptRejected",
    "RawImage",
    "RemovedImage",
    "RequestAppealed",
    "RequestCancelled",
    "RequestExpired",
    "RequestStatusChanged",
    "Status",
    "StoreReceipt",
    "StoredImage",
    "UnknownEventError",
    "Variant",
    "parse",
    "sample",
    "schema",
]
