"""Request and response bodies of the request API, and what its routes say about headers.

`model_schemas.py` has the bodies about models, `facades/` those of other APIs.
"""

import re
from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import AfterValidator, ConfigDict, Field, RootModel, ValidationInfo, field_validator, model_validator

from events.options import Billed, OutputFormat, Quality
from events.pipeline import Status
from kit.cursors import Cursor
from kit.schemas import QueryParameters, RequestBody, Schema
from kit.text import AspectRatio, Size, Text, matching

MAX_COUNT: Final = 4
IDEMPOTENCY_KEY: Final = (
    "1 to 255 visible ASCII characters of your choice. "
    "For 24 hours, the same key with the same body returns the same request."
)
PREFER: Final = (
    "`wait=N`: if the request finishes within N seconds, at most 25, the response is the finished request. "
    "Otherwise it is the same as without this header."
)
IF_NONE_MATCH: Final = "The `ETag` of an earlier response. If it is still current, the response is 304 without a body."


def _request_id(position: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", position):
        raise ValueError("must be the next_cursor of an earlier page")
    return position


WebhookId = Annotated[str, *matching(r"[a-z2-7]{16}", "must be the id of a webhook, such as w3bhookexample22")]


class NewRequest(RequestBody):
    """A request for images. Only `prompt` is required."""

    prompt: Text
    """What the images show. The model limits its length: ``limits.prompt_max``."""
    negative_prompt: Text | None = None
    """What the images must not show. The model limits its length: ``limits.negative_prompt_max``."""
    model: str | None = None
    """A key of the model catalog. Default: the default model of the installation."""
    failover: bool = True
    """False: no other model may serve the request, even if this one has reached its end of life."""
    size: Size | None = None
    """``WIDTHxHEIGHT``, for models with sizes. Default: the model's first size."""
    aspect_ratio: AspectRatio | None = None
    """For models with aspect ratios. Default: the model's first aspect ratio."""
    style: str | None = None
    """One of the model's styles."""
    seed: int | None = Field(None, ge=0)
    """Seed of the first image; each further image adds 1. Default: a random seed."""
    count: int = Field(1, ge=1, le=MAX_COUNT)
    """Number of images."""
    quality: Quality = "standard"
    """``premium`` costs more, and only some models support it."""
    steps: int | None = None
    """Number of diffusion steps, for models with this parameter."""
    guidance: float | None = Field(None, allow_inf_nan=False)
    """How closely the images follow the prompt, for models with this parameter."""
    output_format: OutputFormat | None = None
    """The format of the original file (`url`). Default: PNG, which loses nothing."""
    output_compression: int | None = Field(None, ge=0, le=100)
    """For JPEG and WebP: 0 gives the smallest file, 100 the best image. Default: 100."""
    webhook_id: WebhookId | None = None
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
    """Only requests with this status."""
    limit: int = Field(20, ge=1, le=100)
    """Maximum number of requests."""
    cursor: Annotated[Cursor, AfterValidator(_request_id)] | None = Field(
        None, description="The `next_cursor` of the page before."
    )


class Links(Schema):
    """Paths of the API."""

    self: str
    """Path of the request."""
    images: list[str] = Field(default_factory=list)
    """Paths of its images in the gallery, without deleted ones."""


class AcceptedView(Schema):
    """An accepted request."""

    id: str
    """Id of the request."""
    status: Status
    """The status when the response was sent."""
    links: Links
    """Related resources."""
    estimated_seconds: int | None = None
    """Until it succeeds, from the durations of recent requests. Absent if there are none."""


class PlannedModel(Schema):
    """A model that may serve the request, and the parameters in the terms of that model."""

    model: str
    """Key of the model."""
    width: int
    """Width of an image in pixels."""
    height: int
    """Height of an image in pixels."""
    aspect_ratio: str | None = None
    """Absent if the model has sizes instead."""
    price_usd: str
    """Per image."""


class Price(Schema):
    """The price of a request in US dollars."""

    per_image_usd: str
    """With the requested model."""
    total_max_usd: str
    """For all images, with the most expensive model that may serve the request."""


class _Parameters(Schema):
    prompt: str
    """What the images show."""
    negative_prompt: str | None = None
    """What the images must not show."""
    style: str | None = None
    """Name of the style."""
    quality: Quality
    """`premium` costs more."""
    count: int
    """Number of images."""
    steps: int | None = None
    """Number of diffusion steps."""
    guidance: float | None = None
    """How closely the images follow the prompt."""
    output_format: OutputFormat | None = None
    """The format of the original files. Absent: PNG."""
    output_compression: int | None = None
    """The quality of a JPEG or WebP original, from 0 to 100."""


class DryRunParameters(_Parameters):
    """The parameters of a request, with defaults for the missing ones."""

    seed: int | None = None
    """Seed of the first image; each further image adds 1. Absent if the caller did not choose one."""


class RequestParameters(_Parameters):
    """The parameters of an accepted request, with the models that may serve it."""

    seed: int
    """Seed of the first image; each further image adds 1."""
    models: list[str]
    """Keys of the models, in the order in which they are tried."""
    width: int
    """Width of the images in pixels, if the first model generates them."""
    height: int
    """Height of the images in pixels, if the first model generates them."""


class DryRunView(Schema):
    """The result of a dry run."""

    request: DryRunParameters
    """The parameters of the request."""
    models: list[PlannedModel]
    """In the order in which they are tried."""
    price: Price
    """What the request would cost."""
    estimated_seconds: int | None = None
    """Until it would succeed, from the durations of recent requests. Absent if there are none."""


class Image(Schema):
    """A finished image. Its URLs are new in every response; a deleted image has none."""

    id: str
    """Id of the image in the gallery."""
    index: int
    """Number of the image within its request, from 0."""
    url: str | None = None
    """URL of the original file. Valid for 15 minutes. Absent if the image is deleted."""
    display_url: str | None = None
    """URL of a smaller file for screens. Valid for 15 minutes. Absent if the image is deleted."""
    thumbnail_url: str | None = None
    """URL of the smallest file. Valid for 15 minutes. Absent if the image is deleted."""
    width: int
    """Width of the original in pixels."""
    height: int
    """Height of the original in pixels."""
    placeholder: str | None = None
    """BlurHash. Absent if the image is deleted."""
    model: str
    """Key of the model that generated it."""
    seed: int
    """Seed that it was generated with."""
    cost_usd: str
    """Price of the image in US dollars."""
    deleted_at: datetime | None = None
    """When the image was deleted. Absent if it was not."""


class RemovedImageView(Schema):
    """An image that was requested but is not delivered."""

    index: int
    """Number of the image within its request, from 0."""
    reason: str
    """A stable code of the reason, for programs."""


class Reason(Schema):
    """The reason why a request has no images, or why it is stalled."""

    code: str
    """A stable code of the reason, for programs."""
    category: str | None = None
    """A category of the content policy, if one was violated."""
    field: str | None = None
    """The parameter, image or step that is concerned."""
    detail: str
    """An explanation, for people."""


class TimelineEntryView(Schema):
    """One event of the timeline."""

    event: str
    """Name of the event. New names may be added."""
    event_id: str
    """Id of the event."""
    at: datetime
    """When it occurred."""
    note: str | None = None
    """Details of the event, for people."""
    policy_version: str | None = None
    """Version of the moderation policy, for a decision of moderation."""


class RequestView(Schema):
    """A request: its parameters, status, timeline and images."""

    id: str
    """Id of the request."""
    status: Status
    """The current status."""
    created_at: datetime
    """When it was accepted."""
    request: RequestParameters
    """The parameters of the request."""
    reason: Reason | None = None
    """Why it has no images, or why it is stalled. Absent otherwise."""
    billed: Billed | None = None
    """Whether images of a cancelled or expired request were paid for. A model call that was running is paid."""
    images: list[Image] = Field(default_factory=list)
    """The finished images, also the deleted ones."""
    removed: list[RemovedImageView] = Field(default_factory=list)
    """Images that were requested but are not delivered."""
    timeline: list[TimelineEntryView]
    """What happened to the request, oldest first."""
    links: Links
    """Related resources."""


class RequestOrDryRun(RootModel[Any]):  # pydantic would build RootModel[RequestView | DryRunView] at import
    """A finished request that the response waited for, or the result of a dry run."""

    model_config = ConfigDict(defer_build=True)

    root: RequestView | DryRunView


class RequestSummary(Schema):
    """A request in a list."""

    id: str
    """Id of the request."""
    status: Status
    """The current status."""
    created_at: datetime
    """When it was accepted."""
    links: Links
    """Related resources."""


class RequestList(Schema):
    """A page of requests, newest first."""

    requests: list[RequestSummary]
    """The requests of this page."""
    next_cursor: str | None = None
    """For the next page. A page may be short or empty although there is one. Absent on the last page."""
