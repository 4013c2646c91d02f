"""Stable Diffusion XL 1.0: weighted text prompts, artifacts with a finish reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from local.bedrock.errors import malformed, validation
from local.bedrock.families.base import Answer, Family, encode
from local.bedrock.fields import Fields
from local.painter.brief import Brief

_LANDSCAPE = ((1024, 1024), (1152, 896), (1216, 832), (1344, 768), (1536, 640))
SIZES = frozenset(_LANDSCAPE) | {(height, width) for width, height in _LANDSCAPE}
STYLES = (
    "3d-model", "analog-film", "anime", "cinematic", "comic-book", "digital-art", "enhance", "fantasy-art",
    "isometric", "line-art", "low-poly", "modeling-compound", "neon-punk", "origami", "photographic", "pixel-art",
    "tile-texture",
)  # fmt: skip
_GUIDANCE = ("FAST_BLUE", "FAST_GREEN", "NONE", "SIMPLE", "SLOW", "SLOWER", "SLOWEST")
_SAMPLERS = (
    "DDIM", "DDPM", "K_DPMPP_2M", "K_DPMPP_2S_ANCESTRAL", "K_DPM_2", "K_DPM_2_ANCESTRAL", "K_EULER",
    "K_EULER_ANCESTRAL", "K_HEUN", "K_LMS",
)  # fmt: skip


def _read(body: Mapping[str, Any]) -> tuple[Brief, ...]:
    fields = Fields(body)
    wanted, unwanted = _prompts(fields)
    width = fields.integer("width", 320, 1536, 1024)
    height = fields.integer("height", 320, 1536, 1024)
    if (width, height) not in SIZES:
        raise validation(
            f"For stable-diffusion-xl-1024-v1-0 the height and width must be an allowed pair: {width}x{height}"
        )
    fields.number("cfg_scale", 0, 35, 7)
    fields.choice("clip_guidance_preset", _GUIDANCE)
    fields.choice("sampler", _SAMPLERS)
    fields.integer("samples", 1, 1, 1)
    fields.integer("steps", 10, 50, 30)
    seed = fields.integer("seed", 0, 4_294_967_295, 0)
    style = fields.choice("style_preset", STYLES)
    fields.ignore("extras")
    if fields.has("init_image"):
        raise validation("image-to-image is not served here")
    fields.done()
    return (Brief(wanted, unwanted, style, width, height, seed),)


def _prompts(fields: Fields) -> tuple[str, str]:
    """Positive entries are the prompt, negatively weighted ones the negative prompt."""
    wanted: list[str] = []
    unwanted: list[str] = []
    for entry in fields.items("text_prompts"):
        text = entry.text("text", longest=2000, required=True)
        weight = entry.number("weight", -100, 100, 1)
        entry.done()
        (wanted if weight >= 0 else unwanted).append(text)
    if not wanted:
        raise malformed("#/text_prompts: at least one prompt must have a positive weight")
    return ", ".join(wanted), ", ".join(unwanted)


def _answer(briefs: Sequence[Brief], images: Sequence[bytes]) -> Answer:
    reason = "SUCCESS" if images else "CONTENT_FILTERED"
    image = encode(images[0]) if images else ""
    return {
        "result": "success",
        "artifacts": [{"seed": briefs[0].seed, "base64": image, "finishReason": reason}],
    }


def _blocked(briefs: Sequence[Brief]) -> Answer:
    return _answer(briefs, ())


SDXL = Family(_read, _answer, _blocked)
