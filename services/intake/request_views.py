"""Builds the responses about requests."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from events.catalog.image_requested import ImageRequested
from events.options import Billed
from events.parameters import GenerationParameters, ModelPlan
from events.pipeline import WITHDRAWN, Status, TimelineEntry
from kit.cursors import encode_cursor
from kit.etags import weak_tag
from kit.sealing import Texts
from kit.signed_urls import EXPIRES_SECONDS
from services.intake.models import RequestPage, RequestState
from services.intake.schemas import (
    AcceptedView,
    DryRunParameters,
    DryRunView,
    Image,
    Links,
    NewRequest,
    PlannedModel,
    Price,
    Reason,
    RemovedImageView,
    RequestList,
    RequestParameters,
    RequestSummary,
    RequestView,
    TimelineEntryView,
)

TAG_SECONDS: Final = EXPIRES_SECONDS * 2 // 3
"""Seconds after which the tag of a request with images changes, before the URLs of the images expire."""
DETAILS: Final = {
    "category_blocked": "The {field} was blocked by our content policy: {category}.",
    "content_filtered": "The content filter of the model blocked the request.",
    "stalled": "A step is waiting for an operator. The request is saved and will resume; do not send it again.",
    "cancelled": "The request was cancelled before an image was generated.",
    "deadline": "The request did not finish before its deadline.",
    "budget_exhausted": "The daily budget of this installation did not cover the images. "
    "Request a cheaper model, or send the request again after 00:00 UTC.",
    "failed": "The model could not generate the images. Sending the request again may help.",
    "text_too_long": "The {field} is too long. Shorten it.",
    "text_not_accepted": "The {field} could not be checked. Shorten or reword it.",
    "not_cleared": "The {field} could not be cleared by our content policy.",
}


def accepted_view(request_id: str, estimated_seconds: int | None) -> AcceptedView:
    """Return the response to a new request."""
    return AcceptedView(
        id=request_id, status=Status.ACCEPTED, links=_links(request_id), estimated_seconds=estimated_seconds
    )


def dry_run_view(request: NewRequest, plans: Sequence[ModelPlan], estimated_seconds: int | None) -> DryRunView:
    """Return the response to a dry run. It contains a seed only if the caller chose one."""
    price = Price(
        per_image_usd=str(plans[0].price_usd),
        total_max_usd=str(max(plan.price_usd for plan in plans) * request.count),
    )
    return DryRunView(
        request=DryRunParameters(**request.model_dump(include=set(DryRunParameters.model_fields))),
        models=[PlannedModel.model_validate(plan.model_dump(mode="json")) for plan in plans],
        price=price,
        estimated_seconds=estimated_seconds,
    )


def request_list(page: RequestPage) -> RequestList:
    """Return the response for a page of requests."""
    return RequestList(
        requests=[
            RequestSummary(
                id=listed.request_id,
                status=listed.status,
                created_at=listed.created_at,
                links=_links(listed.request_id),
            )
            for listed in page.requests
        ],
        next_cursor=None if page.after is None else encode_cursor(page.after),
    )


def request_view(request: ImageRequested, state: RequestState, texts: Texts, url: Callable[[str], str]) -> RequestView:
    """Return the response for a request; ``url`` returns the URL of a file's key."""
    timeline = sorted(state.timeline.values(), key=lambda entry: entry.at)
    withdrawn = state.status in WITHDRAWN
    stored = None
    if not withdrawn:
        stored = next((entry.details for entry in timeline if entry.detail_type == "ImageStored"), None)
    deleted = {entry.details["image"]: entry.at for entry in timeline if entry.detail_type == "ImageDeleted"}
    images = [_image(values, url, deleted.get(values["id"])) for values in stored["images"]] if stored else []
    return RequestView(
        id=state.request_id,
        status=state.status,
        created_at=state.created_at,
        request=_requested(request.data.parameters, texts),
        reason=_reason(state, timeline),
        billed=_billed(timeline) if withdrawn else None,
        images=images,
        removed=[RemovedImageView.model_validate(image) for image in (stored["removed"] if stored else [])],
        timeline=[
            TimelineEntryView(
                event=entry.detail_type,
                event_id=entry.event_id,
                at=entry.at,
                note=_note(entry),
                policy_version=entry.details.get("policy_version"),
            )
            for entry in timeline
        ],
        links=_links(state.request_id, [f"/v1/images/{image.id}" for image in images if not image.deleted_at]),
    )


def request_tag(state: RequestState, now: datetime) -> str:
    """Return the entity tag of a request. It changes with the request, but not with the URLs of its images.

    The tag of a request with images also changes every ``TAG_SECONDS``: a caller who has the current tag has URLs that
    are still valid for minutes.
    """
    period = int(now.timestamp()) // TAG_SECONDS if state.status == Status.SUCCEEDED else 0
    return weak_tag(f"{state.revision}-{period}")


def _links(request_id: str, images: list[str] | None = None) -> Links:
    return Links(self=f"/v1/requests/{request_id}", images=images or [])


def _requested(parameters: GenerationParameters, texts: Texts) -> RequestParameters:
    first = parameters.models[0]
    return RequestParameters(
        **parameters.model_dump(exclude={"prompt", "negative_prompt", "models", "appeals"}),
        prompt=texts.prompt,
        negative_prompt=texts.negative_prompt,
        models=[plan.model for plan in parameters.models],
        width=first.width,
        height=first.height,
    )


def _image(values: Mapping[str, Any], url: Callable[[str], str], deleted_at: datetime | None) -> Image:
    if deleted_at:
        return Image.model_validate({**values, "placeholder": None, "deleted_at": deleted_at})
    urls = {
        "url": url(values["original"]),
        "display_url": url(values["display"]),
        "thumbnail_url": url(values["thumbnail"]),
    }
    return Image.model_validate({**values, **urls})


def _reason(state: RequestState, timeline: list[TimelineEntry]) -> Reason | None:
    """Return the reason of a status that needs one."""
    latest = {entry.detail_type: entry.details for entry in timeline}
    match state.status:
        case Status.REJECTED:
            return _rejection(latest)
        case Status.FAILED:
            code = str(latest.get("GenerationFailed", {}).get("reason", "failed"))
            return Reason(code=code, detail=DETAILS.get(code, DETAILS["failed"]))
        case Status.STALLED:
            step = latest.get("ProcessingStalled", {}).get("step")
            return Reason(code="stalled", field=step, detail=DETAILS["stalled"])
        case Status.CANCELLED:
            return Reason(code="cancelled", detail=DETAILS["cancelled"])
        case Status.EXPIRED:
            return Reason(code="deadline", detail=DETAILS["deadline"])
        case _:
            return None


def _billed(timeline: list[TimelineEntry]) -> Billed:
    """Return whether images of a withdrawn request were paid for, as far as it is known."""
    if any(entry.detail_type == "ImageGenerated" for entry in timeline):
        return "true"
    if any(entry.detail_type == "PromptRejected" for entry in timeline):
        return "false"
    reported: list[Billed] = [
        entry.details["billed"] for entry in timeline if entry.detail_type == "GenerationWithdrawn"
    ]
    return reported[-1] if reported else "unknown"


def _rejection(latest: Mapping[str, Mapping[str, Any]]) -> Reason:
    details = latest.get("PromptRejected") or latest.get("ImageRejected") or latest.get("GenerationFailed") or {}
    field = details.get("field") or ("image" if "ImageRejected" in latest else None)
    code = str(details.get("reason", "rejected"))
    category = details.get("category")
    detail = DETAILS.get(code, DETAILS["not_cleared"]).format(field=field or "prompt", category=category)
    return Reason(code=code, category=category, field=field, detail=detail)


def _note(entry: TimelineEntry) -> str | None:
    """Return a few words about an event, for people who read the timeline."""
    details = entry.details
    match entry.detail_type:
        case "PromptRejected" | "ImageRejected":
            return f"{details.get('layer')}: {details.get('category')}"
        case "GenerationFailed" | "ImageDeleted":
            return str(details.get("reason"))
        case "ImageApproved":
            return ", ".join(details.get("layers", [])) or "image check is off"
        case "GenerationWithdrawn":
            return f"billed: {details.get('billed')}"
        case "ImageStored":
            return f"{len(details.get('images', []))} stored"
        case "ProcessingStalled":
            return f"{details.get('step')}: {details.get('error')}"
        case "MessageReplayed":
            return f"{details.get('step')}, replay {details.get('replays')}"
        case _:
            return None
