"""Single features of a landscape: a far shore, a bank, an island, a river, a waterfall."""

from __future__ import annotations

import numpy as np

from local.painter import land, water
from local.painter.canvas import (
    Array,
    Colour,
    blend,
    fractal,
    grid,
    line_noise,
    mix,
    rgb,
    scale,
    screen,
    shifted,
    smooth,
    solid,
)
from local.painter.light import Light


def far_trees(picture: Array, rng: np.random.Generator, light: Light, horizon: float, green: Colour) -> None:
    """A low, dark line of trees along the far shore."""
    height, width = picture.shape[:2]
    jag = line_noise(rng, width, 70, 2) * 0.6 + line_noise(rng, width, 6, 3) * 0.6
    line = height * (horizon - 0.008 - 0.045 * jag)
    rows = np.arange(height)[:, None]
    blend(picture, solid(land.hazed(light, green, 0.72)), land.below(line, height) * (rows < height * horizon))


def bank(picture: Array, rng: np.random.Generator, light: Light, top: float, grassy: Colour, *, snow: bool) -> None:
    """The near shore of a lake."""
    height, width = picture.shape[:2]
    line = height * (top - 0.05 * (line_noise(rng, width, 2.2, 2) - 0.3) + 0.01 * line_noise(rng, width, 30, 3))
    depth = (np.arange(height, dtype=np.float32)[:, None] - line[None, :]) / height
    rough = fractal(rng, width, height, 16, 5, stretch=2)
    tone = solid(light.on((0.93, 0.95, 1.0) if snow else scale(grassy, 0.85))) * (0.55 + 0.75 * rough)[..., None]
    rim = smooth(0.02, 0.0, depth)[..., None]
    tone = tone * (1 - 0.45 * rim)
    blend(picture, tone, land.below(line, height))


def island(picture: Array, rng: np.random.Generator, light: Light, horizon: float) -> None:
    """A green hump in the sea with a rim of sand."""
    height, width = picture.shape[:2]
    x, _ = grid(width, height)
    middle = 1 - light.sun[0]
    hump = np.exp(-(((x[0] - middle) / 0.2) ** 2)) * (0.55 + 0.6 * line_noise(rng, width, 7, 5))
    line = height * (horizon + 0.012 - 0.13 * hump)
    rough = fractal(rng, width, height, 14, 5)
    tone = solid(land.hazed(light, rgb("#4f8a52"), 0.8)) * (0.55 + 0.8 * rough)[..., None]
    rows = np.arange(height)[:, None]
    sand = solid(land.hazed(light, rgb("#ecd8a8"), 0.9))
    tone = (
        tone
        + (sand - tone)
        * smooth(height * (horizon - 0.012), height * (horizon + 0.002), rows.astype(np.float32))[..., None]
    )
    blend(picture, tone, land.below(line, height) * (rows < height * horizon) * (hump > 0.07))


def river(picture: Array, rng: np.random.Generator, light: Light, horizon: float, colour: Colour) -> None:
    """A river that winds out of the distance."""
    height, width = picture.shape[:2]
    mirror = picture.copy()
    water.reflect(mirror, rng, light, horizon, colour, 0.8)
    x, y = grid(width, height)
    t = np.clip((y - horizon) / (1 - horizon), 0, 1)
    middle = 0.5 + 0.2 * np.sin(4.2 / (t + 0.32) + float(rng.random()) * 6) * (0.25 + 0.75 * t)
    ragged = 0.006 * (fractal(rng, width, height, 20, 3) - 0.5)
    mask = smooth(0.004, -0.004, np.abs(x - middle) - 0.004 - 0.17 * t**1.35 + ragged) * (y > horizon)
    blend(picture, mirror, mask.astype(np.float32))


def waterfall(picture: Array, rng: np.random.Generator, light: Light, horizon: float) -> None:
    """A wall of rock with white water coming down it, and spray at its foot."""
    height, width = picture.shape[:2]
    x, y = grid(width, height)
    top = horizon * (0.34 + 0.2 * (line_noise(rng, width, 4, 5) - 0.5) + 0.25 * (np.abs(x[0] - 0.5) < 0.05))
    wall = land.below(height * top, height) * (y < horizon + 0.02)
    rock = fractal(rng, width, height, 8, 6, stretch=0.45)
    relief = np.clip(0.5 + 5 * (rock - shifted(rock, 4, 4)), 0.1, 1.3)
    moss = smooth(0.5, 0.75, fractal(rng, width, height, 6, 4))[..., None]
    tone = (
        solid(land.hazed(light, rgb("#6d6a68"), 0.85)) * (1 - moss * 0.7)
        + solid(land.hazed(light, rgb("#5d8a4a"), 0.85)) * moss * 0.7
    )
    blend(picture, tone * (0.35 + 0.75 * relief)[..., None], wall.astype(np.float32))
    lip = horizon * 0.4
    fall = (
        smooth(0.075, 0.05, np.abs(x - 0.5 - 0.015 * np.sin(y * 9)) - 0.05 * np.clip(y - lip, 0, 1))
        * (y > lip)
        * (y < horizon + 0.03)
    )
    threads = (
        np.repeat(line_noise(rng, width, 120, 3)[None, :], height, 0) * 0.6
        + fractal(rng, width, height, 40, 2, stretch=0.2) * 0.4
    )
    white = solid(mix(light.glow, (1, 1, 1), 0.5)) * (0.62 + 0.45 * threads)[..., None] * (0.45 + 0.55 * light.day)
    blend(picture, white, (fall * 0.95).astype(np.float32))
    spray = np.exp(-(((x - 0.5) / 0.16) ** 2) - ((y - horizon) / 0.06) ** 2) * (
        0.5 + 0.7 * fractal(rng, width, height, 7, 4)
    )
    screen(picture, np.clip(spray * 0.85, 0, 1)[..., None] * solid(mix(light.horizon, (1, 1, 1), 0.4)))
