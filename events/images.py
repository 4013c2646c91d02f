"""What is to be drawn and what came of it: the shapes that several events carry."""

from decimal import Decimal
from typing import Literal

from pydantic import Field

from events.envelope import Payload

Quality = Literal["standard", "premium"]


class ModelPlan(Payload):
    """One model that may serve the request, with the request's shape in that model's own terms."""

    model: str
    """Key in the model catalog, or the name of a configured custom model."""
    width: int
    """Pixels. For a model that takes only an aspect ratio: the size it is known to answer with."""
    height: int
    aspect_ratio: str | None = None
    """Set for models that are asked for a ratio instead of a size, such as ``16:9``."""
    price_usd: Decimal
    """What one image costs."""


class GenerationParameters(Payload):
    """The parameters of a request, as its caller gave them and intake resolved them."""

    prompt: str
    negative_prompt: str | None = None
    style: str | None = None
    quality: Quality = "standard"
    count: int = Field(ge=1, le=4)
    seed: int
    """Of the first image; the next ones count up. Chosen by intake where the caller chose none."""
    steps: int | None = None
    guidance: float | None = None
    models: list[ModelPlan] = Field(min_length=1)
    """In the order in which they may be tried: the model asked for, then its fitting successors."""


class RawImage(Payload):
    """A image as the model drew it, in the hand-off bucket (claim check)."""

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
    """What became of the ``index``-th image of a request."""

    index: int
    status: Literal["generated", "filtered", "failed"]
    image: RawImage | None = None
    """Present exactly when ``status`` is ``generated``."""
    reason: str | None = None
    """A stable code for the other two, such as ``content_filtered`` or ``model_end_of_life``."""


class RemovedImage(Payload):
    """A image that will not be delivered, and why."""

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
    """A image in the gallery."""

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
