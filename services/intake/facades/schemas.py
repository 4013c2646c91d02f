"""Request and response bodies of the facades. Fields are named as their clients name them."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field

from events.pipeline import Status
from kit.schemas import Input, Schema
from kit.text import Size, SizeOrAuto, Text
from services.intake.schemas import MAX_COUNT


class FacadeBody(Input):
    """A request body of another API. Unknown fields are ignored, because its clients send more than is supported."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True, defer_build=True)


class ImageGeneration(FacadeBody):
    """The body of OpenAI's `images.generate`. Other fields are ignored."""

    prompt: Text
    """What the images show."""
    model: str | None = None
    """A key of the model catalog or a Bedrock id. Any other name, such as gpt-image-1, means the default model."""
    n: int | None = Field(None, ge=1, le=MAX_COUNT)
    """Number of images. Default: 1."""
    size: SizeOrAuto | None = None
    """`WIDTHxHEIGHT` or `auto`. The model generates the nearest aspect ratio that it supports."""
    response_format: Literal["url", "b64_json"] | None = None
    """Default: short-lived URLs. `b64_json`: PNG files, or smaller WebP files if they exceed the size of a response."""
    quality: str | None = None
    """`hd` and `high` mean `premium` if the model supports it. Everything else means `standard`."""
    style: str | None = None
    """Ignored if the model does not support it."""
    stream: Literal[False] | None = None
    """Only ``false``: this API does not stream partial images."""


class ImageData(Schema):
    """An image: its URL or its content."""

    url: str | None = None
    """Short-lived URL of the image. Absent with ``b64_json``."""
    b64_json: str | None = None
    """The file in base64. Absent with URLs."""


class Images(Schema):
    """The generated images: fewer than requested if some were filtered."""

    created: int
    """Seconds since 1970."""
    data: list[ImageData]
    """One entry per image."""


class OpenAIFailure(Schema):
    """An error as OpenAI's clients read it."""

    message: str
    """An explanation, for people."""
    type: str
    """The class of the error, as OpenAI names it."""
    param: str | None = None
    """The invalid field, if the error is about one."""
    code: str
    """A stable code, for programs."""
    call_id: str
    """The id of the call, which also is in the header `x-call-id` and in our logs."""


class OpenAIError(Schema):
    """The body of every error."""

    error: OpenAIFailure
    """The error."""


def _blank_is_none(value: Any) -> Any:
    return None if isinstance(value, str) and not value.strip() else value


class LegacyRequest(FacadeBody):
    """The body of the first version. Unknown fields are ignored."""

    prompt: Text
    """What the image shows."""
    modelId: str | None = None
    """A Bedrock id or a key of the model catalog. A model at its end of life is replaced by its successor."""
    size: Size | None = None
    """`WIDTHxHEIGHT`. The model generates the nearest aspect ratio that it supports."""
    steps: int | None = None
    """Ignored if the model does not support it, like `cfgScale` and `style`."""
    cfgScale: float | None = Field(None, allow_inf_nan=False)
    """How closely the image follows the prompt."""
    style: str | None = None
    """A style of the model."""
    negativePrompt: Annotated[Text | None, BeforeValidator(_blank_is_none)] = None
    """What the image must not show."""


class LegacyAcceptedData(Schema):
    """An accepted request."""

    id: str
    """Id of the request."""
    status: Status
    """The status when the response was sent."""
    statusUrl: str
    """Path of the API."""


class LegacyAccepted(Schema):
    """The response if the request is not finished yet."""

    success: Literal[True] = True
    """True in every response without an error."""
    data: LegacyAcceptedData
    """The accepted request."""
    message: str
    """A sentence, for people."""


class LegacyImageData(Schema):
    """A finished image."""

    id: str
    """The id of the request."""
    prompt: str
    """The prompt of the request."""
    url: str
    """Short-lived."""
    generationTime: int
    """Milliseconds from accepted to stored."""
    timestamp: datetime
    """When the image was stored."""


class LegacyImage(Schema):
    """The response if it waited for the finished image."""

    success: Literal[True] = True
    """True in every response without an error."""
    data: LegacyImageData
    """The finished image."""
    message: str
    """A sentence, for people."""
