"""The sample events: one of each type, from one request and related ones."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from events.catalog.appeal_decided import AppealDecided, AppealDecidedData
from events.catalog.budget_changed import BudgetChanged, BudgetChangedData
from events.catalog.budget_exhausted import BudgetExhausted, BudgetExhaustedData
from events.catalog.data_erased import DataErased, DataErasedData
from events.catalog.data_exported import DataExported, DataExportedData
from events.catalog.erasure_started import ErasureStarted, ErasureStartedData
from events.catalog.export_collected import ExportCollected, ExportCollectedData
from events.catalog.export_ready import ExportReady, ExportReadyData
from events.catalog.export_started import ExportStarted, ExportStartedData
from events.catalog.generation_failed import GenerationFailed, GenerationFailedData
from events.catalog.generation_withdrawn import GenerationWithdrawn, GenerationWithdrawnData
from events.catalog.image_approved import ImageApproved, ImageApprovedData
from events.catalog.image_deleted import ImageDeleted, ImageDeletedData
from events.catalog.image_generated import ImageGenerated, ImageGeneratedData
from events.catalog.image_rejected import ImageRejected, ImageRejectedData
from events.catalog.image_requested import ImageRequested, ImageRequestedData
from events.catalog.image_stored import ImageStored, ImageStoredData
from events.catalog.message_replayed import MessageReplayed, MessageReplayedData
from events.catalog.model_lifecycle_changed import ModelLifecycleChanged, ModelLifecycleChangedData
from events.catalog.processing_stalled import ProcessingStalled, ProcessingStalledData
from events.catalog.prompt_approved import PromptApproved, PromptApprovedData
from events.catalog.prompt_checked import PromptChecked, PromptCheckedData
from events.catalog.prompt_rejected import PromptRejected, PromptRejectedData
from events.catalog.request_appealed import RequestAppealed, RequestAppealedData
from events.catalog.request_cancelled import RequestCancelled, RequestCancelledData
from events.catalog.request_expired import RequestExpired, RequestExpiredData
from events.catalog.request_status_changed import RequestStatusChanged, RequestStatusChangedData
from events.envelope import Event, subject_id
from events.erasure import StoreReceipt
from events.exporting import ExportedPart
from events.images import ImageOutcome, RawImage, RemovedImage, StoredImage, Variant
from events.parameters import GenerationParameters, ModelPlan
from kit.handoff import handoff_key, sha256

REQUEST = "01a0b9c4-7d2e-7c31-9f60-5b1d2f7a9e04"
ERASURE = "5f0d9c3e-6a1b-4c2d-8e7f-9a0b1c2d3e4f"
EXPORT = "7b3e1f90-2c4d-4a5b-9e6f-0a1b2c3d4e5f"
OWNER = "demo"
START = datetime(2026, 11, 22, 9, 30, 0, tzinfo=UTC)

PARAMETERS = GenerationParameters(
    # Sealed for "demo" with a key of zeros: "A lighthouse on a cliff at dusk, waves below, 灯台" and "people".
    prompt="s1.AAECAwQFBgcICQoLyetfO2eV-5GtDSGA3WywLDVMy_bW--nWrr_Eb_hGZEPMgN3TKRQRnl28ov2CnamDmxEYShndgp5o84toLHbzmh6GpjQ",
    negative_prompt="s1.DA0ODxAREhMUFRYXetx1G3ffe8qI80_LhBPLkLQncq_50g",
    count=2,
    seed=4242,
    models=[
        ModelPlan(model="stable-image-core", width=1344, height=768, aspect_ratio="16:9", price_usd=Decimal("0.04"))
    ],
)


def at(seconds: float) -> datetime:
    """Return a time of the sample request."""
    return START + timedelta(seconds=seconds)


def _raw(index: int) -> RawImage:
    digest = sha256(f"raw image {index}".encode())
    return RawImage(
        key=handoff_key(REQUEST, index, digest),
        sha256=digest,
        bytes=1_482_113,
        media_type="image/png",
        width=1344,
        height=768,
        model="stable-image-core",
        seed=4242 + index,
        cost_usd=Decimal("0.04"),
    )


def _variant(name: str, suffix: str, width: int, height: int) -> Variant:
    digest = sha256(name.encode())
    return Variant(
        key=f"images/{REQUEST}/0-{digest}/{name}.{suffix}",
        sha256=digest,
        bytes=width * height,
        media_type="image/png" if suffix == "png" else "image/webp",
        width=width,
        height=height,
    )


def golden_events() -> list[Event]:
    """Return one event of each type, in the order of the catalog."""
    requested = ImageRequested.first(REQUEST, OWNER, ImageRequestedData(parameters=PARAMETERS), occurred_at=at(0))
    approved = PromptApproved.follow(
        requested,
        PromptApprovedData(
            policy_version="default@71c2b2444ad9",
            layers=["keywords", "claude"],
            parameters=PARAMETERS,
            moderation_usd=Decimal("0.0023054"),
        ),
        occurred_at=at(0.6),
    )
    kept_outcome = ImageOutcome(index=0, status="generated", image=_raw(0))
    filtered = ImageOutcome(index=1, status="filtered", reason="content_filtered")
    generated = ImageGenerated.follow(
        approved, ImageGeneratedData(outcomes=[kept_outcome, filtered], parameters=PARAMETERS), occurred_at=at(5.2)
    )
    removed = [RemovedImage(index=1, reason="content_filtered")]
    kept = ImageApproved.follow(
        generated,
        ImageApprovedData(
            policy_version="default@71c2b2444ad9",
            layers=["rekognition"],
            images=[kept_outcome],
            removed=removed,
            parameters=PARAMETERS,
        ),
        occurred_at=at(5.9),
    )
    stored = ImageStored.follow(
        kept,
        ImageStoredData(
            images=[
                StoredImage(
                    image_id=f"{REQUEST}-0",
                    index=0,
                    original=_variant("original", "png", 1344, 768),
                    display=_variant("display", "webp", 1024, 585),
                    thumbnail=_variant("thumbnail", "webp", 320, 183),
                    placeholder="LEHV6nWB2yk8pyo0adR*.7kCMdnj",
                    model="stable-image-core",
                    seed=4242,
                    cost_usd=Decimal("0.04"),
                )
            ],
            removed=removed,
        ),
        occurred_at=at(6.8),
    )
    stalled = ProcessingStalled.follow(
        kept,
        ProcessingStalledData(
            step="storage.store",
            stalled_event_id=kept.metadata.event_id,
            stalled_detail_type=kept.detail_type,
            error="UnprocessableError",
            reason=f"image.key: {_raw(0).key} is not in the hand-off bucket",
            fingerprint="5f0c7be21d9a",
            attempts=1,
        ),
        occurred_at=at(6.1),
        qualifier="storage.store",
    )
    changed = RequestStatusChangedData(status="succeeded", previous="storing", sequence=4)
    replayed = MessageReplayedData(
        step="storage.store",
        replayed_event_id=kept.metadata.event_id,
        replayed_detail_type=kept.detail_type,
        replays=1,
        operator="on-call",
    )
    ending = ModelLifecycleChangedData(
        model="titan-v2",
        model_id="amazon.titan-image-generator-v2:0",
        status="legacy",
        ends_at=datetime(2026, 12, 31, tzinfo=UTC),
        successor="nova-canvas",
        sequence=2,
    )
    cancelled = RequestCancelled.first(REQUEST, OWNER, RequestCancelledData(), occurred_at=at(2))
    rejected = PromptRejectedData(
        policy_version="default@71c2b2444ad9",
        layer="claude",
        category="violence",
        field="prompt",
        reason="category_blocked",
        strength="review",
        moderation_usd=Decimal("0.0003054"),
    )
    check = subject_id("check/01a0b9c4")
    erasing = ErasureStarted.first(
        ERASURE,
        OWNER,
        ErasureStartedData(erasure_id=ERASURE, scope="owner", sweep=1),
        occurred_at=at(90_000),
        index=1,
    )
    listed = ErasureStarted.follow(
        erasing,
        ErasureStartedData(erasure_id=ERASURE, scope="request", sweep=1, request_ids=(REQUEST,)),
        occurred_at=at(90_000),
        qualifier=f"request:{REQUEST}",
    )
    erased = DataErasedData(
        erasure_id=ERASURE,
        sweep=1,
        service="generation",
        stores=(
            StoreReceipt(
                store="generation/generation",
                erased=2,
                remains="the ids of the requests, marked as withdrawn",
                reason="A late message must not be paid for.",
                until=at(90_000 + 60 * 86_400),
            ),
            StoreReceipt(store="platform/handoff", erased=2),
        ),
    )
    exporting = ExportStarted.first(EXPORT, OWNER, ExportStartedData(export_id=EXPORT), occurred_at=at(80_000))
    digest = sha256(b"a part of an export")
    part = ExportedPart(
        name="requests.jsonl",
        key=f"intake/{OWNER}/{EXPORT}/0001-requests.jsonl-{digest}",
        sha256=digest,
        bytes=402_113,
        records=200,
    )
    exported = DataExportedData(export_id=EXPORT, service="intake", page=1, parts=(part,), next_position=REQUEST)
    ready = ExportReadyData(export_id=EXPORT, files=1, bytes=52_113_408, expires_at=at(80_060 + 7 * 86_400))
    collected = ExportCollected.follow(exporting, ExportCollectedData(export_id=EXPORT), occurred_at=at(80_000))
    return [
        requested,
        approved,
        PromptRejected.follow(requested, rejected, occurred_at=at(0.2)),
        PromptChecked.first(check, OWNER, PromptCheckedData(moderation_usd=Decimal("0.0003054")), occurred_at=at(-30)),
        generated,
        GenerationFailed.follow(
            approved, GenerationFailedData(reason="content_filtered", outcomes=[filtered]), occurred_at=at(4)
        ),
        GenerationWithdrawn.follow(cancelled, GenerationWithdrawnData(billed="false"), occurred_at=at(2.4)),
        kept,
        ImageRejected.follow(
            generated,
            ImageRejectedData(
                policy_version="default@71c2b2444ad9",
                layer="rekognition",
                category="violence",
                removed=[RemovedImage(index=0, reason="violence"), *removed],
            ),
            occurred_at=at(5.9),
        ),
        stored,
        ImageDeleted.follow(stored, ImageDeletedData(image_id=f"{REQUEST}-0", reason="owner"), occurred_at=at(86_400)),
        cancelled,
        RequestExpired.first(
            REQUEST, OWNER, RequestExpiredData(last_status="generating", deadline=at(7200)), occurred_at=at(7210)
        ),
        RequestStatusChanged.first(REQUEST, OWNER, changed, occurred_at=at(6.9), index=4),
        RequestAppealed.first(
            REQUEST,
            OWNER,
            RequestAppealedData(subject="prompt", category="violence", policy_version="default@71c2b2444ad9"),
            occurred_at=at(300),
        ),
        AppealDecided.first(
            REQUEST,
            OWNER,
            AppealDecidedData(decision="granted", granted_request_id="01a0b9d9-3c1e-7f02-8b60-9d1e2f3a4b5c"),
            occurred_at=at(900),
        ),
        stalled,
        MessageReplayed.follow(kept, replayed, occurred_at=at(600), qualifier="storage.store", index=1),
        ModelLifecycleChanged.first(subject_id("model/titan-v2"), "-", ending, occurred_at=at(3600), index=2),
        BudgetExhausted.follow(
            approved,
            BudgetExhaustedData(day=at(4).date(), limit_usd=Decimal(25), left_usd=Decimal("0.012")),
            occurred_at=at(4),
        ),
        BudgetChanged.first(
            subject_id("budget"), "-", BudgetChangedData(limit_usd=Decimal(50)), occurred_at=at(3700), index=1
        ),
        listed,
        DataErased.follow(listed, erased, occurred_at=at(90_001), qualifier="generation"),
        exporting,
        DataExported.follow(exporting, exported, occurred_at=at(80_001), qualifier="intake"),
        collected,
        ExportReady.follow(collected, ready, occurred_at=at(80_060)),
    ]
