"""Paints a picture from words: procedural, and the same order always gives the same bytes.

The words are read into a scene, the scene is painted at a moderate size, rendered in a style, enlarged and grained.
"""

from __future__ import annotations

import hashlib
import io
import math

import numpy as np
from PIL import Image

from local.painter import abstract, indoors, outdoors, people
from local.painter.brief import Brief
from local.painter.canvas import Array
from local.painter.styles import STYLES
from local.painter.words import Scene, read

WORKING_PIXELS = 640 * 640
"""The size a picture is painted at; larger ones are enlarged from it, so time and memory stay bounded."""

_TABLE_THINGS = {"teapot", "cup", "vase", "fruit", "book"}
_GRAINY = {"photo", "noir", "plain"}


def paint(brief: Brief) -> bytes:
    """The finished picture as PNG or JPEG bytes."""
    rng = np.random.default_rng(_seed(brief))
    scene = read(brief.prompt, brief.negative, brief.style)
    width, height = _working_size(brief.width, brief.height)
    person = people.person_of(brief)
    drawn = people.paint(person, width, height) if person else _compose(scene, rng, width, height)
    picture = np.clip(drawn, 0, 1)
    if scene.style in STYLES:
        picture = STYLES[scene.style](picture, rng)
    return _finish(picture, scene, rng, brief)


def _seed(brief: Brief) -> int:
    """Everything that makes one order differ from another."""
    order = repr((brief.prompt, brief.negative, brief.style, brief.width, brief.height, brief.seed))
    return int.from_bytes(hashlib.sha256(order.encode()).digest()[:16], "big")


def _working_size(width: int, height: int) -> tuple[int, int]:
    shrink = min(1.0, math.sqrt(WORKING_PIXELS / (width * height)))
    return max(8, round(width * shrink)), max(8, round(height * shrink))


def _compose(scene: Scene, rng: np.random.Generator, width: int, height: int) -> Array:
    """Choose the kind of picture the words call for."""
    kinds = {subject.kind for subject in scene.subjects}
    outside = [
        place
        for place in scene.places
        if place.kind not in ("room", "flowers", "space", "galaxy", "planet", "underwater")
    ]
    if not scene.known:
        return abstract.paint(scene, rng, width, height)
    if scene.place("underwater") or (kinds == {"fish"} and not outside):
        return indoors.deep_sea(scene, rng, width, height)
    if scene.place("room") or (kinds & _TABLE_THINGS and not outside and not scene.weather):
        return indoors.still_life(scene, rng, width, height)
    afloat = scene.place("space") or scene.place("galaxy") or scene.place("planet") or "rocket" in kinds
    landed = scene.place("planet") and kinds - {"moon", "rocket"} and not scene.place("space")
    if afloat and not outside and not landed:
        return indoors.space(scene, rng, width, height)
    return outdoors.paint(scene, rng, width, height)


def _finish(picture: Array, scene: Scene, rng: np.random.Generator, brief: Brief) -> bytes:
    """Enlarge, add a breath of grain (it also hides banding), encode."""
    size = (brief.width, brief.height)
    image = Image.fromarray((np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8))
    if scene.style == "pixel":
        image = image.resize(size, Image.Resampling.NEAREST)
    else:
        if image.size != size:
            image = image.resize(size, Image.Resampling.BICUBIC)
        if scene.style in _GRAINY:
            image = _grained(image, rng)
    out = io.BytesIO()
    if brief.format == "jpeg":
        image.save(out, "JPEG", quality=92)
    else:
        image.save(out, "PNG", compress_level=3)
    return out.getvalue()


def _grained(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """One tile of fine grain repeated over the picture: at most two of 255 levels either way."""
    pixels = np.asarray(image)
    tile = np.clip(rng.normal(0, 0.9, (256, 256)), -2, 2).round().astype(np.int16)
    height, width = pixels.shape[:2]
    grain = np.tile(tile, (height // 256 + 1, width // 256 + 1))[:height, :width, None]
    return Image.fromarray(np.clip(pixels + grain, 0, 255).astype(np.uint8))


__all__ = ["Brief", "paint"]
