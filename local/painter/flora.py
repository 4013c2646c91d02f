"""Small growing things near the viewer: flowers, blades of grass, corals."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from local.painter.canvas import Array, Colour, Stencil, blend, mix, rgb, scale, solid
from local.painter.light import Light

_MEADOW = ("#f2c53d", "#e8583e", "#f4f0e6", "#b06ad0", "#f08fb0")


def flowers(
    picture: Array, rng: np.random.Generator, light: Light, top: float, colours: tuple[Colour, ...], many: int = 420
) -> None:
    """Blossoms on stems, smaller and denser towards the horizon."""
    height, width = picture.shape[:2]
    over = 2
    image = Image.new("RGBA", (width * over, height * over))
    pen = ImageDraw.Draw(image)
    hues = colours or tuple(rgb(code) for code in _MEADOW)
    for t in np.sort(rng.random(many) ** 1.25):
        y = (top + (1.03 - top) * float(t)) * height * over
        x = float(rng.random()) * width * over
        size = (0.0016 + 0.0125 * float(t) ** 1.6) * height * over * float(rng.uniform(0.7, 1.25))
        hue = light.on(mix(hues[int(rng.integers(len(hues)))], (1, 1, 1), float(rng.uniform(0, 0.22))))
        if size > 3:
            stem = _bytes(scale(light.on(rgb("#5f8a3f")), 0.8))
            pen.line([(x, y), (x + size * 0.3, y + size * 3.2)], fill=stem, width=max(1, round(size / 6)))
        if size < 5:
            pen.ellipse((x - size, y - size * 0.8, x + size, y + size * 0.8), fill=_bytes(hue))
            continue
        turn = float(rng.random())
        for petal in range(5):
            angle = (petal + turn) * 2 * np.pi / 5
            px, py, r = x + size * 0.62 * np.cos(angle), y + size * 0.5 * np.sin(angle), size * 0.56
            shade = _bytes(scale(hue, 0.86 + 0.14 * float(np.sin(angle) < 0)))
            pen.ellipse((px - r, py - r * 0.85, px + r, py + r * 0.85), fill=shade)
        core = _bytes(light.on(rgb("#f7d25a")))
        pen.ellipse((x - size * 0.3, y - size * 0.26, x + size * 0.3, y + size * 0.26), fill=core)
    layer = np.asarray(image.reduce(over), np.float32) / 255
    blend(picture, layer[..., :3] / np.maximum(layer[..., 3:], 0.02), layer[..., 3])


def grass(picture: Array, rng: np.random.Generator, light: Light, colour: Colour, tall: float = 0.09) -> None:
    """Blades along the lower edge, in two shades."""
    height, width = picture.shape[:2]
    for tone, count in ((scale(colour, 0.45), 130), (scale(colour, 0.72), 100)):
        stencil = Stencil(width, height)
        for x, size, lean in rng.random((count, 3)):
            foot, rise = height * 1.01, height * tall * (0.35 + 0.65 * size)
            root, tip = x * width, x * width + (lean - 0.5) * rise * 0.9
            half = width * 0.0028
            stencil.polygon(
                [
                    (root - half, foot),
                    ((root + tip) / 2 - half * 0.4, foot - rise * 0.6),
                    (tip, foot - rise),
                    (root + half, foot),
                ]
            )
        blend(picture, solid(light.on(tone)), stencil.mask())


def corals(picture: Array, rng: np.random.Generator, colours: tuple[Colour, ...]) -> None:
    """Branching corals, sea fans and weed on the ground."""
    height, width = picture.shape[:2]
    hues = colours or tuple(rgb(code) for code in ("#ff6f61", "#f2a65a", "#c86bfa", "#ff8fb3", "#5fd6a0"))
    for index in range(13):
        stencil = Stencil(width, height)
        x = (index + float(rng.random())) / 13 * width
        size = height * float(rng.uniform(0.09, 0.24)) * (0.5 + abs(x / width - 0.5))
        _branch(stencil, rng, x, height * float(rng.uniform(0.94, 1.02)), -np.pi / 2, size, 5)
        hue = mix(hues[int(rng.integers(len(hues)))], rgb("#0b3f5c"), float(rng.uniform(0.1, 0.45)))
        blend(picture, solid(hue), stencil.mask())


def _branch(
    stencil: Stencil, rng: np.random.Generator, x: float, y: float, angle: float, size: float, depth: int
) -> None:
    reach = size * 0.34
    tip = (x + float(np.cos(angle)) * reach, y + float(np.sin(angle)) * reach)
    stencil.line([(x, y), tip], max(1.2, size * 0.075))
    stencil.oval(*tip, max(0.8, size * 0.04), max(0.8, size * 0.04))
    if depth:
        for turn in (-1, 1):
            _branch(stencil, rng, *tip, angle + turn * float(rng.uniform(0.2, 0.55)), size * 0.78, depth - 1)


def _bytes(colour: Colour) -> tuple[int, int, int, int]:
    red, green, blue = (round(min(max(part, 0.0), 1.0) * 255) for part in colour)
    return (red, green, blue, 255)
