"""The parameters of a request, which several events share."""

import hashlib
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from .envelope import Id, Payload
from .options import IMAGES_MAX, OutputFormat, Quality

SealedText = Annotated[str, Field(pattern=r"^s[0-9]+\.[A-Za-z0-9_-]+$")]
"""A text of an owner, sealed with the key of the owner: ``s``, the version of the scheme, a period, URL-safe base64."""
AppealSubject = Literal["prompt", "images"]
"""What a rejection was about, which is what an appeal is about."""


class ModelPlan(Payload):
    """A model that may serve the request, with the image size in the terms of that model."""

    model: str
    """Key in the model catalog, or the name of a configured custom model."""
    width: int
    """Pixels. For a model that only takes an aspect ratio: the size of its images."""
    height: int
    """Pixels, as for ``width``."""
    aspect_ratio: str | None = None
    """Set for models that take a ratio instead of a size, such as ``16:9``."""
    price_usd: Decimal
    """List price of one image in US dollars."""


class GrantedAppeal(Payload):
    """The decision of an operator that a rejection was wrong. It holds for the same texts and the same policy only."""

    request_id: Id
    """The rejected request that was appealed."""
    subject: AppealSubject
    """``prompt``: the layers that read the texts are skipped. ``images``: images may have this category."""
    category: str
    """The category of the rejection."""
    policy_version: str
    """Version of the moderation policy that rejected. Under another one, the decision does not hold."""
    texts_digest: str
    """``texts_digest`` of the parameters. With other texts, the decision does not hold."""


class GenerationParameters(Payload):
    """The parameters of a request, as the caller sent them and intake completed them.

    The texts are sealed: ``s1.`` and URL-safe base64. Only services with access to the owner's key can read them, and
    none can once the owner was erased. All events of a request have the same sealed texts.
    """

    prompt: SealedText
    """What the images should show, sealed with the key of the owner."""
    negative_prompt: SealedText | None = None
    """What the images should not show, sealed with the key of the owner. Absent if the caller sent none."""
    style: str | None = None
    """A style preset of the model, such as ``photographic``. Absent if the caller chose none."""
    quality: Quality = "standard"
    """``premium`` costs more and is offered by some models only."""
    count: int = Field(ge=1, le=IMAGES_MAX)
    """Number of images."""
    seed: int
    """Seed of the first image; each further image adds 1. Intake chooses one if the caller did not."""
    steps: int | None = None
    """Number of diffusion steps, for models that take one. Absent: the model's default."""
    guidance: float | None = None
    """How strictly the model follows the prompt, in the scale of the model. Absent: the model's default."""
    output_format: OutputFormat | None = None
    """The format of the original files. Absent: PNG."""
    output_compression: int | None = Field(None, ge=0, le=100)
    """The quality of a JPEG or WebP original: 0 is the smallest file, 100 the best image. Absent: 100."""
    models: list[ModelPlan] = Field(min_length=1)
    """In the order of use: the requested model, then the successors that support the parameters."""
    appeals: list[GrantedAppeal] | None = None
    """The granted appeals because of which this request repeats a rejected one, the latest last. Absent: none."""

    @property
    def texts_digest(self) -> str:
        """SHA-256 of the sealed texts. They are different for each request, so it says nothing about the texts."""
        sealed = "\n".join([self.prompt, self.negative_prompt or ""])
        return hashlib.sha256(sealed.encode()).hexdigest()

    def appealed_categories(self, subject: AppealSubject, policy_version: str) -> set[str]:
        """Return the categories of the granted appeals about ``subject`` that hold for these texts and this policy."""
        return {
            appeal.category
            for appeal in self.appeals or []
            if appeal.subject == subject
            and appeal.policy_version == policy_version
            and appeal.texts_digest == self.texts_digest
        }
