"""What all families share: a image taken out of an answer, or the reason there is none."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from events.images import GenerationParameters, ModelPlan
from events.model_catalog import Model, Range
from services.generation.image_header import Header, read_header
from services.generation.model_errors import ModelCallError


@dataclass(frozen=True)
class Drawn:
    """A image, what it is, and the seed the model says it took (where it says)."""

    content: bytes
    header: Header
    seed: int | None


def image(text: str, seed: int | None = None) -> Drawn:
    """Return the image of a base64 text. Raises ``ValueError`` where it is none."""
    content = base64.b64decode(text, validate=True)
    return Drawn(content, read_header(content), seed)


@dataclass(frozen=True)
class Family:
    """One wire shape of InvokeModel. One call asks for one image, so that each has a guard of its own."""

    body: Callable[[GenerationParameters, ModelPlan, Model, int], dict[str, Any]]
    """Parameters, plan, model and seed of this image → the request's body."""
    parse: Callable[[Mapping[str, Any]], Drawn]

    def read(self, answer: Any) -> Drawn:
        """Take the image out of an answer with status 200. Raises ``ModelCallError`` where there is none."""
        try:
            return self.parse(answer)
        except (AttributeError, LookupError, TypeError, ValueError):  # paid for, and not in a shape anybody documented
            raise ModelCallError("MalformedAnswer") from None


def within(value: float | None, known: Range | None) -> bool:
    """Tell whether the model takes this value: a successor goes without what it doesn't know."""
    return value is not None and known is not None and known.min <= value <= known.max
