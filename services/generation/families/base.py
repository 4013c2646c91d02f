"""What all families share: decoding the image in a response, or the reason why there is none."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from events.model_catalog import Model, Range
from events.parameters import GenerationParameters, ModelPlan
from kit.sealing import Texts
from kit.text import readable
from services.generation.image_header import ImageHeader, read_header
from services.generation.model_errors import ModelCallError


@dataclass(frozen=True)
class ModelImage:
    """An image as the model returned it."""

    content: bytes
    header: ImageHeader
    seed: int | None
    """The seed that the model reports, if it reports one."""


def decode_image(text: str, seed: int | None = None) -> ModelImage:
    """Return the image in a base64 text. Raises ``ValueError`` if it contains none."""
    content = base64.b64decode(text, validate=True)
    return ModelImage(content, read_header(content), seed)


@dataclass(frozen=True)
class Family:
    """One wire format of InvokeModel. A call asks for one image, so that the ledger has one item per call."""

    body: Callable[[Texts, GenerationParameters, ModelPlan, Model, int], dict[str, Any]]
    """Return the request body for texts, other parameters, plan, model and the seed of this image."""
    parse: Callable[[Mapping[str, Any]], ModelImage]
    """Return the image of a response."""

    def request(
        self, texts: Texts, parameters: GenerationParameters, plan: ModelPlan, model: Model, seed: int
    ) -> dict[str, Any]:
        """Return the request body with the texts as moderation read them, without invisible characters."""
        negative = texts.negative_prompt
        read = Texts(readable(texts.prompt), readable(negative) if negative else None)
        return self.body(read, parameters, plan, model, seed)

    def read(self, response: Any) -> ModelImage:
        """Return the image of a response with status 200. Raises ``ModelCallError`` if there is none."""
        try:
            return self.parse(response)
        except (AttributeError, LookupError, TypeError, ValueError):  # billed, in an undocumented format
            raise ModelCallError("MalformedResponse") from None


def is_within(value: float | None, limits: Range | None) -> bool:
    """Return whether the model accepts this value. A successor may not; the value is then omitted."""
    return value is not None and limits is not None and limits.min <= value <= limits.max
