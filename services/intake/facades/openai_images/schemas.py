"""Request and response bodies of OpenAI's Images API. Fields are named as its clients name them."""

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, ConfigDict, Field

from events.options import OutputFormat
from kit.schemas import Schema
from kit.text import SizeRatioOrAuto, Text
from services.intake.facades.schemas import FacadeBody

MAX_IMAGES: Final = 10
"""Images per call, as OpenAI allows. They may be several requests."""


def _opaque(value: str) -> str:
    if value not in {"auto", "opaque"}:
        raise ValueError("must be auto or opaque, because the models generate opaque images only")
    return value


def _not_streamed(value: bool) -> bool:
    if value:
        raise ValueError("must be false or absent, because this API cannot stream; the answer has finished images")
    return value


def _no_partial_images(value: int) -> int:
    if value:
        raise ValueError("must be 0 or absent, because this API cannot stream")
    return value


OpaqueBackground = Annotated[str, AfterValidator(_opaque), Field(json_schema_extra={"enum": ["auto", "opaque"]})]
NoStream = Annotated[bool, AfterValidator(_not_streamed), Field(json_schema_extra={"const": False})]
NoPartialImages = Annotated[int, AfterValidator(_no_partial_images), Field(json_schema_extra={"const": 0})]


class ImageGeneration(FacadeBody):
    """The body of OpenAI's `images.generate`, with `negative_prompt` and `seed`. An unknown parameter is an error."""

    model_config = ConfigDict(extra="forbid")

    prompt: Text
    """What the images show."""
    model: str | None = None
    """A model of `GET /openai/v1/models`, by its id or its Bedrock id. OpenAI's names (`gpt-image-…`,
    `chatgpt-image-…`, `dall-e-…`) mean the default model."""
    n: int | None = Field(None, ge=1, le=MAX_IMAGES)
    """Number of images. Default: 1. Above four, the call becomes several requests, which are accepted together or not
    at all."""
    size: SizeRatioOrAuto | None = None
    """`WIDTHxHEIGHT`, a ratio such as `16:9`, or `auto`. The model generates the nearest that it supports; `size` in
    the response says what it generated."""
    quality: Literal["auto", "low", "medium", "high", "xhigh", "max", "standard", "hd"] | None = None
    """`high`, `xhigh`, `max` and `hd` mean `premium` if the model supports it. Everything else means `standard`."""
    response_format: Literal["url", "b64_json"] | None = None
    """Default: `b64_json` for `gpt-image-…` and `chatgpt-image-…`, short-lived URLs for all other names."""
    output_format: OutputFormat | None = None
    """Default: `png`. If all images together exceed one response, smaller WebP files are returned instead;
    `output_format` in the response says so."""
    output_compression: int | None = Field(None, ge=0, le=100)
    """For `jpeg` and `webp`: 0 gives the smallest file, 100 (the default) the best image."""
    background: OpaqueBackground | None = None
    """Transparent images are not supported."""
    style: str | None = None
    """A style of the model. Ignored if the model does not support it, such as OpenAI's `vivid` and `natural`."""
    moderation: Literal["auto", "low"] | None = None
    """No effect: the content policy of this installation holds."""
    user: str | None = None
    """No effect, and not stored, like `safety_identifier`: the API key identifies the caller."""
    safety_identifier: str | None = None
    """No effect, and not stored."""
    negative_prompt: Text | None = None
    """What the images must not show. OpenAI's API has no such parameter."""
    seed: int | None = Field(None, ge=0)
    """Seed of the first image; each further image adds 1. OpenAI's API has no such parameter."""
    stream: NoStream | None = None
    """Only `false`: this API does not stream."""
    partial_images: NoPartialImages | None = None
    """Only 0: this API does not stream partial images."""


class ImageData(Schema):
    """An image: its URL or its content."""

    url: str | None = None
    """URL of the image. Valid for 15 minutes. Absent with ``b64_json``."""
    b64_json: str | None = None
    """The file in base64. Absent with URLs."""


class TokenDetails(Schema):
    """Tokens by kind: always 0."""

    text_tokens: int = 0
    """Always 0."""
    image_tokens: int = 0
    """Always 0."""


class Usage(Schema):
    """What the images cost. The models are paid per image and count no tokens, so all numbers of tokens are 0."""

    total_tokens: int = 0
    """Always 0."""
    input_tokens: int = 0
    """Always 0."""
    output_tokens: int = 0
    """Always 0."""
    input_tokens_details: TokenDetails = TokenDetails()
    """Always 0."""
    output_tokens_details: TokenDetails = TokenDetails()
    """Always 0."""
    images: int
    """Number of returned images. OpenAI's API has no such field."""
    cost_usd: str
    """The price of these images in US dollars. OpenAI's API has no such field."""


class Images(Schema):
    """The generated images: fewer than requested if some were filtered."""

    created: int
    """Seconds since 1970."""
    data: list[ImageData]
    """One entry per image."""
    background: Literal["opaque"] = "opaque"
    """Always opaque: transparent images are not supported."""
    output_format: OutputFormat
    """The format of the returned files."""
    quality: Literal["medium", "high"]
    """`high` is the premium quality, `medium` the standard one."""
    size: str | None = None
    """`WIDTHxHEIGHT` of the returned files. Absent if they differ."""
    usage: Usage
    """What the images cost."""
