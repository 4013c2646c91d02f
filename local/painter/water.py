"""Water: what is above mirrored and broken by ripples, glitter under the light, breakers in a storm."""

from __future__ import annotations

import numpy as np

from local.painter.canvas import Array, Colour, blend, fractal, grid, line_noise, mix, rgb, screen, smooth, solid
from local.painter.land import below
from local.painter.light import Light


def reflect(
    picture: Array, rng: np.random.Generator, light: Light, top: float, colour: Colour, calm: float, bottom: float = 1.0
) -> None:
    """Fill from `top` to `bottom` (fractions) with a mirror of what stands above it; `calm` is 1 on a still lake."""
    height, width = picture.shape[:2]
    start, end = int(height * top), int(height * bottom)
    rows = end - start
    if rows < 2 or start < 2:
        return
    down = np.arange(rows, dtype=np.float32)[:, None]
    t = down / rows
    waves = fractal(rng, width, rows, 26, 4, stretch=9)
    fine = fractal(rng, width, rows, 80, 2, stretch=7)
    swing = (0.006 + 0.05 * (1 - calm)) * (0.2 + t)
    squeeze = min(1.0, start / rows) * (0.98 if calm > 0.5 else 0.8)
    source_y = np.clip(start - 1 - down * squeeze - (waves - 0.5) * height * swing, 0, start - 1).astype(np.int32)
    columns = np.arange(width, dtype=np.float32)[None, :]
    source_x = np.clip(columns + (fine - 0.5) * width * swing * 0.8, 0, width - 1).astype(np.int32)
    mirror = picture[source_y, source_x]
    share = np.clip(0.16 + 0.5 * (1 - calm) * (0.35 + t) + 0.22 * t, 0, 0.85)[..., None]
    body = solid(light.on(colour)) * (0.72 + 0.75 * (waves - 0.42))[..., None]
    surface = mirror * 0.94 + (body - mirror * 0.94) * share
    crest = smooth(0.66, 0.84, waves * 0.65 + fine * 0.35)
    surface += (crest * (0.1 + 0.28 * (1 - calm)))[..., None] * solid(mix(light.horizon, light.glow, 0.5))
    x, _ = grid(width, rows)
    path = np.exp(-(((x - light.sun[0]) / (0.035 + 0.13 * t)) ** 2)) * smooth(0.52, 0.72, fine * 0.55 + waves * 0.45)
    screen(surface, (path * (0.95 if light.day < 0.95 else 0.35))[..., None] * solid(light.glow))
    picture[start:end] = np.clip(surface, 0, 1)


def breakers(picture: Array, rng: np.random.Generator, light: Light, top: float, colour: Colour) -> None:
    """Rows of steep waves with foam on their crests and spray above them."""
    height, width = picture.shape[:2]
    rows = np.arange(height, dtype=np.float32)[:, None]
    for index in range(5):
        near = (index + 1) / 5
        base = top + (1 - top) * (index + 0.45) / 5.2
        swell = line_noise(rng, width, 3.5 + 6.5 * (1 - near), 3) ** 1.5
        chop = line_noise(rng, width, 40, 3)
        line = height * (base - (0.03 + 0.1 * near) * swell - 0.008 * chop)
        depth = (rows - line[None, :]) / (height * (0.05 + 0.1 * near))
        marbling = fractal(rng, width, height, 12, 5, stretch=2.5)
        deep = solid(mix(light.on(mix(colour, (0.03, 0.1, 0.16), 0.3)), colour, 0.3))
        glass = solid(mix(light.on(mix(colour, rgb("#7fe0cf"), 0.5)), light.horizon, 0.15))
        tone = deep + (glass - deep) * np.clip(smooth(0.9, 0.0, depth) * (0.5 + 0.6 * swell[None, :]), 0, 1)[..., None]
        foam = smooth(0.24, 0.0, depth - 0.4 * (marbling - 0.5)) * smooth(0.3, 0.8, swell)[None, :]
        streaks = smooth(0.68, 0.86, marbling) * smooth(1.6, 0.2, depth) * 0.4
        white = solid(mix(mix(light.horizon, (1, 1, 1), 0.55), light.shade, 0.25 * (1 - light.day)))
        tone = tone + (white - tone) * np.clip(foam * 0.9 + streaks, 0, 1)[..., None]
        blend(picture, tone, below(line, height))


def shore(picture: Array, rng: np.random.Generator, light: Light, top: float, sand: Colour) -> None:
    """A beach across the bottom, wet at its rim, with a line of foam."""
    height, width = picture.shape[:2]
    rows = np.arange(height, dtype=np.float32)[:, None]
    slope = np.linspace(0.05, -0.05, width, dtype=np.float32) * (1 if rng.random() < 0.5 else -1)
    line = height * (top + slope + 0.035 * (line_noise(rng, width, 3, 3) - 0.5))
    depth = (rows - line[None, :]) / height
    grain = fractal(rng, width, height, 60, 3)
    broad = fractal(rng, width, height, 5, 3, stretch=3)
    tone = solid(light.on(sand)) * (0.72 + 0.16 * grain + 0.3 * broad)[..., None]
    wet = smooth(0.085, 0.02, depth + 0.03 * (broad - 0.5))
    tone = tone + (tone * 0.5 + solid(light.horizon) * 0.22 - tone) * wet[..., None]
    blend(picture, tone, below(line, height))
    lace = smooth(0.012, 0.004, np.abs(depth + 0.002 - 0.02 * (broad - 0.5))) * smooth(0.25, 0.5, grain)
    blend(picture, solid(mix(light.horizon, (1, 1, 1), 0.7)), (lace * 0.85).astype(np.float32))


def underwater(picture: Array, rng: np.random.Generator, colour: Colour) -> None:
    """Looking up through the deep: shafts of light, drifting motes, corals on the ground."""
    height, width = picture.shape[:2]
    x, y = grid(width, height)
    bright, deep = solid(mix(colour, rgb("#b9fff0"), 0.55)), solid(mix(colour, rgb("#021a33"), 0.75))
    picture[:] = bright + (deep - bright) * (np.clip(y, 0, 1) ** 0.75)[..., None]
    angle = (x - 0.45) / (y + 0.42)
    rays = np.interp(angle, np.linspace(-1.5, 1.6, 900), line_noise(rng, 900, 20, 4)).astype(np.float32)
    screen(picture, (smooth(0.45, 0.95, rays) * (1 - y) ** 1.4 * 0.75)[..., None] * solid((0.85, 1, 0.95)))
    caustic = np.abs(fractal(rng, width, height, 10, 3, stretch=2) - 0.5)
    screen(picture, (smooth(0.07, 0.0, caustic) * smooth(0.28, 0.0, y) * 0.5)[..., None] * solid((0.9, 1, 1)))
    motes = smooth(0.9985, 0.9999, rng.random((height, width), np.float32))
    screen(picture, (motes * 0.5)[..., None] * solid((0.9, 1, 1)))
    for index in range(3):
        line = height * (0.93 - 0.13 * (2 - index) * 0.6 - 0.1 * line_noise(rng, width, 3 + index, 5))
        tone = mix(mix(colour, rgb("#04263c"), 0.55), rgb("#0b2c38"), index / 3)
        rough = fractal(rng, width, height, 18, 4)
        blend(picture, solid(tone) * (0.65 + 0.7 * rough[..., None]), below(line, height))
