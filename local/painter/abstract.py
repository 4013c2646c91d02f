"""Pictures for words the painter does not know: one of four compositions, chosen and coloured by the words."""

from __future__ import annotations

import colorsys
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from local.painter.canvas import (
    Array,
    Colour,
    blend,
    blur,
    fractal,
    grid,
    line_noise,
    mix,
    noise,
    screen,
    shifted,
    smooth,
    solid,
)
from local.painter.land import below
from local.painter.words import Scene

Palette = tuple[Colour, ...]


def paint(scene: Scene, rng: np.random.Generator, width: int, height: int) -> Array:
    """An abstract composition in the prompt's colours, or in a harmony of its own."""
    kinds: tuple[Callable[[np.random.Generator, int, int, Palette], Array], ...] = (_ribbons, _currents, _paper, _orbs)
    return kinds[int(rng.integers(len(kinds)))](rng, width, height, _palette(scene, rng))


def _palette(scene: Scene, rng: np.random.Generator) -> Palette:
    """Five colours: a dark ground, three of a kind, one complement."""
    if scene.colours:
        base = scene.colours[0]
        hue = colorsys.rgb_to_hsv(*base)[0]
    else:
        hue = float(rng.random())
        base = colorsys.hsv_to_rgb(hue, 0.62, 0.82)
    spread = float(rng.uniform(0.05, 0.11))
    other = scene.colours[1] if len(scene.colours) > 1 else colorsys.hsv_to_rgb((hue + 0.5) % 1, 0.5, 0.96)
    if scene.colours and colorsys.rgb_to_hsv(*base)[1] < 0.12:
        return (
            mix(base, (0.05, 0.06, 0.09), 0.75),
            mix(base, (0.3, 0.3, 0.34), 0.5),
            base,
            mix(base, (1, 1, 1), 0.4),
            other,
        )
    return (
        mix(colorsys.hsv_to_rgb((hue - spread) % 1, 0.7, 0.24), base, 0.1),
        mix(colorsys.hsv_to_rgb((hue - spread) % 1, 0.6, 0.66), base, 0.35),
        base,
        mix(colorsys.hsv_to_rgb((hue + spread) % 1, 0.42, 0.97), base, 0.25),
        other,
    )


def _ground(width: int, height: int, top: Colour, bottom: Colour) -> Array:
    _, y = grid(width, height)
    rows = solid(top) + (solid(bottom) - solid(top)) * y[..., None]
    return np.repeat(rows, width, axis=1).astype(np.float32)


def _ribbons(rng: np.random.Generator, width: int, height: int, palette: Palette) -> Array:
    """Silk bands that fold over each other."""
    picture = _ground(width, height, palette[0], mix(palette[0], palette[1], 0.6))
    x, y = grid(width, height)
    for index in range(7):
        middle = 0.12 + 0.125 * index + 0.3 * (line_noise(rng, width, 1.7, 3) - 0.5)
        half = 0.025 + 0.11 * line_noise(rng, width, 2.2, 2)
        across = (y - middle[None, :]) / half[None, :]
        mask = smooth(1.02, 0.97, np.abs(across))
        fold = 0.5 + 0.5 * np.sin(across * 1.5 + x * 7 + index)
        tone = solid(palette[1 + index % 4]) * (0.62 + 0.38 * fold)[..., None]
        sheen = np.exp(-(((across + 0.35) / 0.22) ** 2)) * 0.4
        picture *= (1 - 0.4 * smooth(1.9, 0.9, np.abs(across - 0.25)) * (1 - mask))[..., None]
        blend(picture, tone + sheen[..., None] * solid(mix(palette[3], (1, 1, 1), 0.5)), mask * 0.95)
    return picture


def _currents(rng: np.random.Generator, width: int, height: int, palette: Palette) -> Array:
    """Thousands of strokes that follow a field."""
    ground = _ground(width, height, mix(palette[0], palette[1], 0.25), palette[0])
    angle = (fractal(rng, width, height, 2.2, 3) * 3.2 + float(rng.random())) * np.pi
    hues = fractal(rng, width, height, 1.8, 3)
    over = 2
    image = Image.fromarray((ground * 255).astype(np.uint8)).resize((width * over, height * over))
    pen = ImageDraw.Draw(image)
    step = max(width, height) / 90
    for x, y, pick in rng.random((1500, 3)):
        px, py = float(x) * width, float(y) * height
        path = [(px * over, py * over)]
        for _ in range(15):
            row, column = min(max(int(py), 0), height - 1), min(max(int(px), 0), width - 1)
            px, py = px + step * float(np.cos(angle[row, column])), py + step * float(np.sin(angle[row, column]))
            path.append((px * over, py * over))
        share = float(hues[min(int(y * height), height - 1), min(int(x * width), width - 1)])
        tone = (
            palette[4]
            if pick > 0.93
            else mix(palette[1], palette[3], share)
            if pick > 0.3
            else mix(palette[2], palette[0], 0.4 * share)
        )
        pen.line(
            path,
            fill=tuple(round(part * 255) for part in tone),
            width=max(1, round((0.6 + 2.2 * pick) * width * over / 620)),
            joint="curve",
        )
    return np.asarray(image.reduce(over), np.float32) / 255


def _paper(rng: np.random.Generator, width: int, height: int, palette: Palette) -> Array:
    """Sheets of cut paper, each casting its shadow on the one behind, with a disc of light."""
    picture = _ground(width, height, mix(palette[3], (1, 1, 1), 0.55), mix(palette[3], palette[4], 0.25))
    x, y = grid(width, height)
    cx, cy = float(rng.uniform(0.3, 0.7)), float(rng.uniform(0.24, 0.36))
    away = np.sqrt(((x - cx) * width) ** 2 + ((y - cy) * height) ** 2) / min(width, height)
    blend(picture, solid(palette[4]), smooth(0.165, 0.162, away))
    for index in range(6):
        line = height * (0.34 + 0.115 * index + 0.2 * (line_noise(rng, width, 2.0 + 0.5 * index, 2) - 0.5))
        mask = below(line, height)
        shade = blur(shifted(mask, -max(2, height // 90), 0), height / 70) * (1 - mask)
        picture *= (1 - 0.42 * shade)[..., None]
        t = index / 5
        tone = mix(mix(palette[3], palette[2], min(1, t * 2)), palette[0], max(0, t * 1.7 - 0.7))
        fibre = 0.97 + 0.06 * noise(rng, width, height, 260)
        blend(picture, solid(tone) * fibre[..., None], mask)
    return picture


def _orbs(rng: np.random.Generator, width: int, height: int, palette: Palette) -> Array:
    """Glass spheres of light drifting over a soft gradient."""
    picture = _ground(width, height, palette[0], mix(palette[1], palette[4], 0.2))
    screen(picture, (fractal(rng, width, height, 2, 4) * 0.32)[..., None] * solid(palette[2]))
    x, y = grid(width, height)
    side = min(width, height)
    for index in range(11):
        cx, cy, r = float(rng.random()), float(rng.random()), float(rng.uniform(0.04, 0.21)) * (1.1 - index / 16)
        dx, dy = (x - cx) * width / side / r, (y - cy) * height / side / r
        away = np.sqrt(dx * dx + dy * dy)
        disc = smooth(1 + 2 / (r * side), 1 - 2 / (r * side), away)
        tone = solid(palette[1 + index % 4])
        lit = np.clip(0.55 - 0.45 * (dx * 0.5 + dy * 0.8), 0.1, 1.15)
        blend(picture, tone * lit[..., None], disc * 0.88)
        screen(
            picture,
            (disc * np.exp(-(((dx + 0.38) / 0.24) ** 2) - ((dy + 0.45) / 0.17) ** 2) * 0.75)[..., None]
            * solid((1, 1, 1)),
        )
        screen(picture, (disc * smooth(0.7, 1.0, away) * 0.3)[..., None] * solid(palette[3]))
        screen(picture, (np.exp(-np.clip(away - 1, 0, None) / 0.35) * (1 - disc) * 0.13)[..., None] * tone)
    return picture
