"""What a caller sees of a request."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from events.catalog.image_requested import ImageRequested
from services.intake.lifecycle import ENDINGS, Fact
from services.intake.logic import State


class Links(BaseModel):
    """Addresses, relative to the API."""

    self: str
    images: list[str] = Field(default_factory=list)


class Accepted(BaseModel):
    """The 202 answer."""

    id: str
    status: str
    links: Links


class Image(BaseModel):
    """A finished picture. The URLs are short-lived and minted anew on every read."""

    id: str
    index: int
    url: str
    display_url: str
    thumbnail_url: str
    width: int
    height: int
    placeholder: str
    """BlurHash."""
    model: str
    seed: int
    cost_usd: str


class Removed(BaseModel):
    """A picture that was asked for and will not come."""

    index: int
    reason: str


class Reason(BaseModel):
    """Why a request ended without a picture, or what it waits for."""

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
    """One request: what was asked, where it stands, everything that happened, and the pictures."""

    id: str
    status: str
    created_at: datetime
    request: dict[str, Any]
    reason: Reason | None = None
    images: list[Image] = Field(default_factory=list)
    removed: list[Removed] = Field(default_factory=list)
    timeline: list[Moment]
    links: Links


def accepted(state: State) -> Accepted:
    """Return the answer to an accepted request."""
    return Accepted(id=state.request_id, status=state.status, links=Links(self=f"/v1/requests/{state.request_id}"))


def request_view(request: ImageRequested, state: State, url: Callable[[str], str]) -> RequestView:
    """Return all there is to say of a request; ``url`` mints an address for a file's key."""
    timeline = sorted(state.facts.values(), key=lambda fact: fact.at)
    drawing = request.data.drawing
    asked = drawing.model_dump(mode="json", exclude={"models"}, exclude_none=True)
    asked["models"] = [plan.model for plan in drawing.models]
    asked["width"], asked["height"] = drawing.models[0].width, drawing.models[0].height
    stored = next((fact for fact in timeline if fact.detail_type == "ImageStored"), None)
    images = [_image(values, url) for values in stored.about["images"]] if stored else []
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
        links=Links(self=f"/v1/requests/{state.request_id}", images=[f"/v1/images/{image.id}" for image in images]),
    )


def is_over(state: State) -> bool:
    """Tell whether polling on would show nothing new."""
    return state.status in ENDINGS


def _image(values: dict[str, Any], url: Callable[[str], str]) -> Image:
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
    "deadline": "The request did not finish in time and was given up.",
}


def _reason(state: State, timeline: list[Fact]) -> Reason | None:
    """Return why the status is what it is, where that needs saying."""
    latest = {fact.detail_type: fact.about for fact in timeline}
    if state.status == "rejected":
        about = latest.get("PromptRejected") or latest.get("ImageRejected") or latest.get("GenerationFailed") or {}
        field = about.get("field") or ("picture" if "ImageRejected" in latest else None)
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
            return ", ".join(about.get("layers", [])) or "picture check is off"
        case "ImageStored":
            return f"{len(about.get('images', []))} stored"
        case "ProcessingStalled":
            return f"{about.get('step')}: {about.get('error')}"
        case "MessageReplayed":
            return f"{about.get('step')}, replay {about.get('replays')}"
        case _:
            return None
