"""Request and response bodies of the request API. `facades/schemas.py` has those of the facades."""

import re
from datetime import date, datetime
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, ConfigDict, Field, RootModel, ValidationInfo, field_validator, model_validator

from events.catalog.generation_withdrawn import Billed
from events.images import OutputFormat, Quality
from events.model_catalog import Range, SizeRule
from events.pipeline import Status
from kit.cursors import Cursor
from kit.schemas import QueryParameters, RequestBody, Schema
from kit.text import AspectRatio, Size, Text, matching

MAX_COUNT: Final = 4
Lifecycle = Literal["active", "legacy", "end_of_life"]


def _request_id(position: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", position):
        raise ValueError("must be the next_cursor of an earlier page")
    return position


WebhookId = Annotated[str, *matching(r"[a-z2-7]{16}", "must be the id of a webhook, such as w3bhookexample22")]


class NewRequest(RequestBody):
    """A request for images. Only `prompt` is required."""

    prompt: Text
    negative_prompt: Text | None = None
    model: str | None = None
    """A key of the model catalog. Default: the default model of the installation."""
    failover: bool = True
    """False: no other model may serve the request, even if this one has reached its end of life."""
    size: Size | None = Field(None, examples=["1024x1024"])
    aspect_ratio: AspectRatio | None = Field(None, examples=["16:9"])
    style: str | None = None
    seed: int | None = Field(None, ge=0)
    count: int = Field(1, ge=1, le=MAX_COUNT)
    quality: Quality = "standard"
    steps: int | None = None
    guidance: float | None = Field(None, allow_inf_nan=False)
    output_format: OutputFormat | None = None
    """The format of the original file (`url`). Default: PNG, which loses nothing."""
    output_compression: int | None = Field(None, ge=0, le=100)
    """For JPEG and WebP: 0 gives the smallest file, 100 the best image. Default: 100."""
    webhook_id: WebhookId | None = Field(None, examples=["w3bhookexample22"])
    """Notify this webhook of yours about the request. Whether the webhook exists is not checked."""

    @model_validator(mode="after")
    def _size_or_aspect_ratio(self) -> "NewRequest":
        if self.size and self.aspect_ratio:
            raise ValueError("size and aspect_ratio exclude each other")
        return self

    @field_validator("output_compression")
    @classmethod
    def _only_for_lossy_formats(cls, compression: int | None, info: ValidationInfo) -> int | None:
        if compression is not None and info.data.get("output_format") not in {"jpeg", "webp"}:
            raise ValueError("needs output_format jpeg or webp, because PNG files lose nothing")
        return compression


class CreateQuery(QueryParameters):
    """The query parameters of `POST /v1/requests`."""

    dry_run: bool = Field(False, description="Check and price the request, but do not create it.")


class ListQuery(QueryParameters):
    """The query parameters of `GET /v1/requests`."""

    status: Status | None = None
    limit: int = Field(20, ge=1, le=100)
    cursor: Annotated[Cursor, AfterValidator(_request_id)] | None = Field(
        None, description="The `next_cursor` of the page before."
    )


class Links(Schema):
    """Paths of the API."""

    self: str
    images: list[str] = Field(default_factory=list)


class AcceptedView(Schema):
    """An accepted request."""

    id: str
    status: Status
    links: Links
    estimated_seconds: int | None = None
    """Until it succeeds, from the durations of recent requests. Absent if there are none."""


class PlannedModel(Schema):
    """A model that may serve the request, and the parameters in the terms of that model."""

    model: str
    width: int
    height: int
    aspect_ratio: str | None = None
    price_usd: str
    """Per image."""


class Price(Schema):
    """The price of a request in US dollars."""

    per_image_usd: str
    """With the requested model."""
    total_max_usd: str
    """For all images, with the most expensive model that may serve the request."""


class DryRunView(Schema):
    """The result of a dry run."""

    request: dict[str, Any]
    models: list[PlannedModel]
    """In the order in which they are tried."""
    price: Price
    estimated_seconds: int | None = None


class Image(Schema):
    """A finished image. Its URLs are short-lived and new in every response; a deleted image has none."""

    id: str
    index: int
    url: str | None = None
    display_url: str | None = None
    thumbnail_url: str | None = None
    width: int
    height: int
    placeholder: str | None = None
    """BlurHash. Absent if the image is deleted."""
    model: str
    seed: int
    cost_usd: str
    deleted_at: datetime | None = None


class RemovedImageView(Schema):
    """An image that was requested but is not delivered."""

    index: int
    reason: str


class Reason(Schema):
    """The reason why a request has no images, or why it is stalled."""

    code: str
    category: str | None = None
    field: str | None = None
    detail: str


class TimelineEntryView(Schema):
    """One event of the timeline."""

    event: str
    event_id: str
    at: datetime
    note: str | None = None


class RequestView(Schema):
    """A request: its parameters, status, timeline and images."""

    id: str
    status: Status
    created_at: datetime
    request: dict[str, Any]
    reason: Reason | None = None
    billed: Billed | None = None
    """Whether images of a cancelled or expired request were paid for. A model call that was running is paid."""
    images: list[Image] = Field(default_factory=list)
    removed: list[RemovedImageView] = Field(default_factory=list)
    timeline: list[TimelineEntryView]
    links: Links


class RequestOrDryRun(RootModel[RequestView | DryRunView]):
    """A finished request that the response waited for, or the result of a dry run."""

    model_config = ConfigDict(defer_build=True)


class RequestSummary(Schema):
    """A request in a list."""

    id: str
    status: Status
    created_at: datetime
    links: Links


class RequestList(Schema):
    """A page of requests, newest first."""

    requests: list[RequestSummary]
    next_cursor: str | None = None
    """For the next page. A page may be short or empty although there is one. Absent on the last page."""


class Limits(Schema):
    """The limits of a model. Lengths in characters."""

    prompt_max: int
    negative_prompt_max: int
    seed_max: int
    steps: Range | None = None
    guidance: Range | None = None


class ModelView(Schema):
    """A model: its limits, prices and lifecycle."""

    key: str
    """The name of the model in requests."""
    name: str
    default: bool
    """Whether it serves requests that name no model."""
    lifecycle: Lifecycle
    """`legacy`: its end of life is known. `end_of_life`: a successor serves its requests."""
    end_of_life: date | None = None
    successor: str | None = None
    price_usd: dict[str, str]
    """Per image, by quality."""
    sizes: list[str]
    """`WIDTHxHEIGHT`; the first is the default. If there is a `size_rule`, these are suggestions."""
    size_rule: SizeRule | None = None
    aspect_ratios: dict[str, str]
    """If the model takes aspect ratios instead of sizes: ratio to the size of the image. The first is the default."""
    styles: list[str]
    limits: Limits
    estimated_seconds: int | None = None


class OpenAIModel(Schema):
    """A model as OpenAI's clients read it."""

    id: str
    """The name of the model in requests."""
    object: Literal["model"] = "model"
    created: int = 0
    """Always 0: the model catalog does not say when a model was created."""
    owned_by: str
    """The provider of the model at Bedrock, or `custom`."""
    shutdown_date: date | None = None
    """The model's end of life, if it is known."""


class ModelList(Schema):
    """All models."""

    models: list[ModelView]
    object: Literal["list"] = "list"
    data: list[OpenAIModel]
    """For OpenAI's clients with the base path `/v1`: the models that are served, as in `GET /openai/v1/models`."""
