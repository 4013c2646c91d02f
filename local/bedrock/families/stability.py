"""Stability AI's newer models (SD3.5 Large, Stable Image Core and Ultra): a prompt and an aspect ratio."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from local.bedrock.errors import validation
from local.bedrock.families.base import Family, Response, encode
from local.bedrock.fields import Fields
from local.painter.brief import Brief

SIZES = {
    "1:1": (1024, 1024),
    "16:9": (1344, 768),
    "21:9": (1536, 640),
    "3:2": (1216, 832),
    "5:4": (1088, 896),
    "4:5": (896, 1088),
    "2:3": (832, 1216),
    "9:16": (768, 1344),
    "9:21": (640, 1536),
}
_HIGHEST_SEED = 4_294_967_294


def _read(has_mode: bool, body: Mapping[str, Any]) -> tuple[Brief, ...]:
    fields = Fields(body)
    if has_mode and fields.choice("mode", ("text-to-image", "image-to-image"), "text-to-image") != "text-to-image":
        raise validation("mode image-to-image is not served here")
    if fields.has("image") or fields.has("strength"):
        raise validation("image and strength are for image-to-image, which is not served here")
    prompt = fields.text("prompt", min_length=1, max_length=10_000, required=True)
    negative = fields.text("negative_prompt", max_length=10_000)
    width, height = SIZES[fields.choice("aspect_ratio", tuple(SIZES), "1:1")]
    seed = fields.integer("seed", 0, _HIGHEST_SEED, 0) or secrets.randbelow(_HIGHEST_SEED) + 1
    kind = fields.choice("output_format", ("png", "jpeg"), "png")
    fields.done()
    return (Brief(prompt, negative, "", width, height, seed, kind),)


def _answer(briefs: Sequence[Brief], images: Sequence[bytes]) -> Response:
    """Return a filtered response, which has neither images nor seeds."""
    if not images:
        return {"finish_reasons": ["Filter reason: output image"]}
    seeds = [brief.seed for brief in briefs]
    return {"seeds": seeds, "finish_reasons": [None], "images": [encode(image) for image in images]}


def _blocked(_: Sequence[Brief]) -> Response:
    return {"finish_reasons": ["Filter reason: prompt"]}


SD35 = Family(partial(_read, True), _answer, _blocked)
CORE_AND_ULTRA = Family(partial(_read, False), _answer, _blocked)
