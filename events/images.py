"""Parameters and results of generation, which several events share."""

from decimal import Decimal
from typing import Final, Literal

from pydantic import Field

from .envelope import Payload

IMAGES_MAX: Final = 4
"""Images per request."""
Quality = Literal["standard", "premium"]
DeletionReason = Literal["owner", "erasure", "withdrawn"]


class ModelPlan(Payload):
    """A model that may serve the request, with the image size in the terms of that model."""

    model: str
    """Key in the model catalog, or the name of a configured custom model."""
    width: int
    """Pixels. For a model that only takes an aspect ratio: the size of its images."""
    height: int
    aspect_ratio: str | None = None
    """Set for models that take a ratio instead of a size, such as ``16:9``."""
    price_usd: Decimal
    """List price of one image in US dollars."""


class GenerationParameters(Payload):
    """The parameters of a request, as the caller sent them and intake completed them."""

    prompt: str
    negative_prompt: str | None = None
    style: str | None = None
    quality: Quality = "standard"
    count: int = Field(ge=1, le=IMAGES_MAX)
    seed: int
    """Seed of the first image; each further image adds 1. Intake chooses one if the caller did not."""
    steps: int | None = None
    guidance: float | None = None
    models: list[ModelPlan] = Field(min_length=1)
    """In the order of use: the requested model, then the successors that support the parameters."""


class RawImage(Payload):
    """An image as the model returned it, in the hand-off bucket (claim check)."""

    key: str
    sha256: str
    bytes: int
    media_type: str
    width: int
    height: int
    model: str
    seed: int
    cost_usd: Decimal


class ImageOutcome(Payload):
    """The result of generating the ``index``-th image of a request."""

    index: int
    status: Literal["generated", "filtered", "failed"]
    image: RawImage | None = None
    """Present if and only if ``status`` is ``generated``."""
    reason: str | None = None
    """A stable code if ``status`` is ``filtered`` or ``failed``: ``content_filtered``, ``model_end_of_life`` …"""


class RemovedImage(Payload):
    """An image that will not be delivered, with the reason."""

    index: int
    reason: str


class Variant(Payload):
    """One file of a stored image, in the gallery bucket."""

    key: str
    sha256: str
    bytes: int
    media_type: str
    width: int
    height: int


class StoredImage(Payload):
    """An image in the gallery."""

    image_id: str
    index: int
    original: Variant
    display: Variant
    thumbnail: Variant
    placeholder: str
    """BlurHash (https://blurha.sh)."""
    model: str
    seed: int
    cost_usd: Decimal
