"""Amazon Titan Image Generator and Nova Canvas: one wire format, two sets of limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from local.bedrock.errors import validation
from local.bedrock.families.base import Family, Response, encode
from local.bedrock.fields import Fields
from local.painter.brief import Brief

# Width and height pairs, landscape; the mirrored ones are allowed as well.
_LANDSCAPE = (
    (1024, 1024), (768, 768), (512, 512), (1152, 768), (576, 384), (1280, 768), (640, 384), (1152, 896),
    (576, 448), (1408, 768), (704, 384), (1408, 640), (704, 320), (1152, 640), (1173, 640),
)  # fmt: skip
TITAN_SIZES = frozenset(_LANDSCAPE) | {(height, width) for width, height in _LANDSCAPE}
NOVA_STYLES = (
    "3D_ANIMATED_FAMILY_FILM", "DESIGN_SKETCH", "FLAT_VECTOR_ILLUSTRATION", "GRAPHIC_NOVEL_ILLUSTRATION",
    "MAXIMALISM", "MIDCENTURY_RETRO", "PHOTOREALISM", "SOFT_DIGITAL_PAINTING",
)  # fmt: skip
_OTHER_TASKS = (
    "INPAINTING", "OUTPAINTING", "IMAGE_VARIATION", "COLOR_GUIDED_GENERATION", "BACKGROUND_REMOVAL",
    "VIRTUAL_TRY_ON",
)  # fmt: skip
_BLOCKED_INPUT = (
    "This request has been blocked by our content filters. Please adjust your text prompt to submit a new request."
)
_BLOCKED_OUTPUT = "{} of the generated images have been blocked by our content filters."
_MAX_PIXELS = 4_194_304


@dataclass(frozen=True)
class _Limits:
    max_length: int
    cfg: float
    seed: int
    styles: tuple[str, ...]
    size_ok: Callable[[int, int], bool]


def _nova_size(width: int, height: int) -> bool:
    return (
        all(320 <= side <= 4096 and side % 16 == 0 for side in (width, height))
        and max(width, height) <= 4 * min(width, height)
        and width * height <= _MAX_PIXELS
    )


def _titan_size(width: int, height: int) -> bool:
    return (width, height) in TITAN_SIZES


def _either_size(width: int, height: int) -> bool:
    return _titan_size(width, height) or _nova_size(width, height)


def _read(limits: _Limits, body: Mapping[str, Any]) -> tuple[Brief, ...]:
    fields = Fields(body)
    task = fields.choice("taskType", ("TEXT_IMAGE", *_OTHER_TASKS), "")
    if task != "TEXT_IMAGE":
        raise validation(f"taskType {task or '(absent)'} is not served here: only TEXT_IMAGE is")
    params = fields.section("textToImageParams", required=True)
    prompt = params.text("text", min_length=1, max_length=limits.max_length, required=True)
    negative = params.text("negativeText", max_length=limits.max_length)
    style = params.choice("style", limits.styles) if limits.styles else ""
    params.done()
    config = fields.section("imageGenerationConfig")
    count = config.integer("numberOfImages", 1, 5, 1)
    config.choice("quality", ("standard", "premium"), "standard")
    config.number("cfgScale", 1.1, 10, limits.cfg)
    width = config.integer("width", 320, 4096, 1024)
    height = config.integer("height", 320, 4096, 1024)
    seed = config.integer("seed", 0, 2_147_483_646, limits.seed)
    config.done()
    fields.done()
    if not limits.size_ok(width, height):
        raise validation(f"The requested image size {width}x{height} is not supported by this model.")
    return tuple(Brief(prompt, negative, style, width, height, seed + index) for index in range(count))


def _answer(briefs: Sequence[Brief], images: Sequence[bytes]) -> Response:
    """Return a response with status 200: the images that were not blocked, and an error about the blocked ones."""
    blocked = len(images) < len(briefs)
    error = _BLOCKED_OUTPUT.format("Some" if images else "All") if blocked else None
    return {"images": [encode(image) for image in images], "error": error}


def _blocked(_: Sequence[Brief]) -> Response:
    raise validation(_BLOCKED_INPUT)


def _family(limits: _Limits) -> Family:
    return Family(partial(_read, limits), _answer, _blocked)


TITAN = _family(_Limits(512, 8.0, 42, (), _titan_size))
NOVA = _family(_Limits(1024, 6.5, 12, NOVA_STYLES, _nova_size))
CUSTOM = _family(_Limits(1024, 6.5, 12, NOVA_STYLES, _either_size))
