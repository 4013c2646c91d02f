"""What a caller sees of a request."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from events.catalog.image_requested import ImageRequested
from events.images import GenerationParameters
from services.intake.lifecycle import ACCEPTED, ENDINGS, Fact
from services.intake.listing import Page, cursor_of
from services.intake.service import State


class Links(BaseModel):
    """Addresses, relative to the API."""

    self: str
    images: list[str] = Field(default_factory=list)


class Accepted(BaseModel):
    """The 202 answer."""

    id: str
    status: str
    links: Links
    estimated_seconds: int | None = None
    """Until it has succeeded, by what others took of late. Absent where that is not known."""


class PlannedModel(BaseModel):
    """One model that may serve a request, with the request's shape in that model's own terms."""

    model: str
    width: int
    height: int
    aspect_ratio: str | None = None
    price_usd: str
    """Of one image."""


class Price(BaseModel):
    """What a request costs. US dollars."""

    per_image_usd: str
    """By the model asked for."""
    total_max_usd: str
    """All images, by the dearest model that may stand in."""


class DryRun(BaseModel):
    """What would be drawn, were it asked for in earnest."""

    request: dict[str, Any]
    models: list[PlannedModel]
    """In the order in which they may be tried."""
    price: Price
    estimated_seconds: int | None = None


class Image(BaseModel):
    """A finished image. The URLs are short-lived and minted anew on every read; a deleted image has none."""

    id: str
    index: int
    url: str | None = None
    display_url: str | None = None
    thumbnail_url: str | None = None
    width: int
    height: int
    placeholder: str | None = None
    """BlurHash. Gone with the image."""
    model: str
    seed: int
    cost_usd: str
    deleted_at: datetime | None = None


class Removed(BaseModel):
    """A image that was asked for and will not come."""

    index: int
    reason: str


class Reason(BaseModel):
    """Why a request ended without a image, or what it waits for."""

    code: str
    category: str | None = None
    field: str | None = None
    detail: str


class Moment(BaseModel):
    """One event of the timeline."""

    event: str
    event_id: str
    at: datetime
    note: str | None = None


class RequestView(BaseModel):
    """One request: what was asked, where it stands, everything that happened, and the images."""

    id: str
    status: str
    created_at: datetime
    request: dict[str, Any]
    reason: Reason | None = None
    images: list[Image] = Field(default_factory=list)
    removed: list[Removed] = Field(default_factory=list)
    timeline: list[Moment]
    links: Links


class RequestSummary(BaseModel):
    """One request in a list."""

    id: str
    status: str
    created_at: datetime
    links: Links


class RequestList(BaseModel):
    """A page of requests, newest first."""

    requests: list[RequestSummary]
    next_cursor: str | None = None
    """For the page after this one, which may be short or empty while there is a cursor. Absent at the end."""


def promise(request_id: str, estimated_seconds: int | None) -> Accepted:
    """Return the answer to a request that is accepted with it."""
    links = Links(self=f"/v1/requests/{request_id}")
    return Accepted(id=request_id, status=ACCEPTED, links=links, estimated_seconds=estimated_seconds)


def dry_run_view(parameters: GenerationParameters, *, chosen_seed: int | None, estimated_seconds: int | None) -> DryRun:
    """Return all there is to say of a drawing that nobody draws. A seed of our choice would be another next time."""
    asked = parameters.model_dump(mode="json", exclude={"models", "seed"}, exclude_none=True)
    plans = parameters.models
    price = Price(
        per_image_usd=str(plans[0].price_usd), total_max_usd=str(max(p.price_usd for p in plans) * parameters.count)
    )
    return DryRun(
        request=asked | ({} if chosen_seed is None else {"seed": chosen_seed}),
        models=[PlannedModel.model_validate(plan.model_dump(mode="json")) for plan in plans],
        price=price,
        estimated_seconds=estimated_seconds,
    )


def request_list(page: Page) -> RequestList:
    """Return one page of an owner's requests."""
    return RequestList(
        requests=[
            RequestSummary(
                id=row.request_id,
                status=row.status,
                created_at=row.created_at,
                links=Links(self=f"/v1/requests/{row.request_id}"),
            )
            for row in page.rows
        ],
        next_cursor=None if page.after is None else cursor_of(page.after),
    )


def request_view(request: ImageRequested, state: State, url: Callable[[str], str]) -> RequestView:
    """Return all there is to say of a request; ``url`` mints an address for a file's key."""
    timeline = sorted(state.facts.values(), key=lambda fact: fact.at)
    parameters = request.data.parameters
    asked = parameters.model_dump(mode="json", exclude={"models"}, exclude_none=True)
    asked["models"] = [plan.model for plan in parameters.models]
    asked["width"], asked["height"] = parameters.models[0].width, parameters.models[0].height
    stored = next((fact for fact in timeline if fact.detail_type == "ImageStored"), None)
    deleted = {fact.about["image"]: fact.at for fact in timeline if fact.detail_type == "ImageDeleted"}
    images = [_image(v, url, deleted.get(v["id"])) for v in stored.about["images"]] if stored else []
    return RequestView(
        id=state.request_id,
        status=state.status,
        created_at=state.created_at,
        request=asked,
        reason=_reason(state, timeline),
        images=images,
        removed=[Removed.model_validate(gone) for gone in (stored.about["removed"] if stored else [])],
        timeline=[
            Moment(event=fact.detail_type, event_id=fact.event_id, at=fact.at, note=_note(fact)) for fact in timeline
        ],
        links=Links(
            self=f"/v1/requests/{state.request_id}",
            images=[f"/v1/images/{image.id}" for image in images if not image.deleted_at],
        ),
    )


def is_over(state: State) -> bool:
    """Tell whether polling on would show nothing new."""
    return state.status in ENDINGS


def _image(values: dict[str, Any], url: Callable[[str], str], deleted_at: datetime | None) -> Image:
    if deleted_at:
        return Image.model_validate({**values, "placeholder": None, "deleted_at": deleted_at})
    return Image.model_validate(
        {
            **values,
            "url": url(values["original"]),
            "display_url": url(values["display"]),
            "thumbnail_url": url(values["thumbnail"]),
        }
    )


DETAILS = {
    "category_blocked": "The {field} was blocked by our content policy: {category}.",
    "content_filtered": "The model's own content filter blocked what was asked.",
    "stalled": "A step is waiting for an operator. Nothing is lost; no need to ask again.",
    "cancelled": "The request was taken back before a image was drawn.",
    "deadline": "The request did not finish in time and was given up.",
}


def _reason(state: State, timeline: list[Fact]) -> Reason | None:
    """Return why the status is what it is, where that needs saying."""
    latest = {fact.detail_type: fact.about for fact in timeline}
    if state.status == "rejected":
        about = latest.get("PromptRejected") or latest.get("ImageRejected") or latest.get("GenerationFailed") or {}
        field = about.get("field") or ("image" if "ImageRejected" in latest else None)
        code = str(about.get("reason", "rejected"))
        category = about.get("category")
        text = DETAILS.get(code, "The {field} could not be cleared by our content policy.")
        return Reason(
            code=code, category=category, field=field, detail=text.format(field=field or "prompt", category=category)
        )
    if state.status == "failed":
        code = str(latest.get("GenerationFailed", {}).get("reason", "failed"))
        return Reason(code=code, detail="The model could not draw this request; asking again may help.")
    if state.status == "stalled":
        step = latest.get("ProcessingStalled", {}).get("step")
        return Reason(code="stalled", field=step, detail=DETAILS["stalled"])
    if state.status == "cancelled":
        return Reason(code="cancelled", detail=DETAILS["cancelled"])
    if state.status == "expired":
        return Reason(code="deadline", detail=DETAILS["deadline"])
    return None


def _note(fact: Fact) -> str | None:
    """Return a few words on an event, for people who read the timeline."""
    about = fact.about
    match fact.detail_type:
        case "PromptRejected" | "ImageRejected":
            return f"{about.get('layer')}: {about.get('category')}"
        case "GenerationFailed":
            return str(about.get("reason"))
        case "ImageApproved":
            return ", ".join(about.get("layers", [])) or "image check is off"
        case "ImageStored":
            return f"{len(about.get('images', []))} stored"
        case "ImageDeleted":
            return str(about.get("reason"))
        case "ProcessingStalled":
            return f"{about.get('step')}: {about.get('error')}"
        case "MessageReplayed":
            return f"{about.get('step')}, replay {about.get('replays')}"
        case _:
            return None
