"""What falls or hangs between the picture and who looks at it: mist, rain, snow."""

from __future__ import annotations

import numpy as np

from local.painter.canvas import Array, Stencil, blend, blur, fractal, grid, mix, screen, smooth, solid
from local.painter.light import Light


def mist(picture: Array, rng: np.random.Generator, light: Light, horizon: float, thick: float = 0.8) -> None:
    """Banks of mist that gather at the horizon."""
    height, width = picture.shape[:2]
    _, y = grid(width, height)
    drift = fractal(rng, width, height, 3, 5, stretch=3.2)
    bank = np.exp(-(((y - horizon) / 0.19) ** 2)) * (0.35 + 0.85 * drift) * thick
    colour = mix(mix(light.horizon, light.middle, 0.25), (1, 1, 1), 0.2 * light.day)
    blend(picture, solid(colour), np.clip(bank, 0, 0.9).astype(np.float32))


def rain(picture: Array, rng: np.random.Generator, light: Light) -> None:
    """Slanting streaks at two distances, and a veil."""
    height, width = picture.shape[:2]
    blend(picture, solid(mix(light.horizon, light.shade, 0.5)), np.full((height, width), 0.1, np.float32))
    for count, length, thickness, strength in ((520, 0.035, 0.6, 0.2), (150, 0.085, 1.1, 0.34)):
        stencil = Stencil(width, height)
        for x, y, jitter in rng.random((count, 3)):
            fall = length * height * (0.6 + 0.8 * jitter)
            left, top = (x * 1.2 - 0.1) * width, (y * 1.1 - 0.1) * height
            stencil.line([(left, top), (left - fall * 0.16, top + fall)], thickness * width / 700)
        screen(picture, (stencil.mask() * strength)[..., None] * solid(mix(light.glow, (0.85, 0.92, 1), 0.6)))


def snow(picture: Array, rng: np.random.Generator) -> None:
    """Flakes at three distances; the nearest are out of focus."""
    height, width = picture.shape[:2]
    unit = min(width, height) / 640
    for count, size, soft, strength in ((420, 0.9, 0.0, 0.75), (130, 1.9, 0.9, 0.8), (26, 5.5, 4.0, 0.5)):
        stencil = Stencil(width, height)
        for x, y, jitter in rng.random((count, 3)):
            radius = size * unit * (0.6 + 0.7 * jitter)
            stencil.oval(x * width, y * height, radius, radius)
        mask = stencil.mask()
        mask = blur(mask, soft * unit) if soft else mask
        screen(picture, (mask * strength)[..., None] * solid((1, 1, 1)))


def settle(picture: Array, light: Light) -> None:
    """A last look at the light: bloom around what is bright, and darker corners."""
    height, width = picture.shape[:2]
    bright = smooth(0.72, 1.0, picture.max(axis=2))
    screen(picture, (blur(bright, width / 34) * 0.24)[..., None] * solid(mix(light.glow, (1, 1, 1), 0.4)))
    x, y = grid(width, height)
    corner = ((x - 0.5) ** 2 + (y - 0.48) ** 2) / 0.5
    picture *= (1 - 0.42 * corner**1.35)[..., None]
