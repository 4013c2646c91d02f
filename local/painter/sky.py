"""Everything above the horizon: gradient, sun, moons, stars, clouds, aurora, lightning."""

from __future__ import annotations

import numpy as np

from local.painter.canvas import (
    Array,
    Colour,
    Stencil,
    blend,
    blur,
    fractal,
    grid,
    line_noise,
    mix,
    rgb,
    screen,
    shifted,
    smooth,
    solid,
)
from local.painter.light import Light


def gradient(light: Light, width: int, height: int, horizon: float) -> Array:
    """The bare sky with the sun's glow in it."""
    x, y = grid(width, height)
    t = np.clip(y / max(horizon, 0.05), 0, 1) ** 1.15
    stops = np.array([0.0, 0.55, 1.0], np.float32)
    rows = np.stack(
        [np.interp(t[:, 0], stops, (light.top[c], light.middle[c], light.horizon[c])) for c in range(3)], axis=-1
    )
    picture = np.repeat(rows[:, None, :].astype(np.float32), width, axis=1)
    away = np.sqrt(((x - light.sun[0]) * width / height) ** 2 + (y - light.sun[1]) ** 2)
    strength = 0.2 + 0.5 * light.day * (1 - 0.45 * light.day)
    screen(picture, np.exp(-((away / 0.34) ** 1.3))[..., None] * solid(light.glow) * strength)
    return picture


def sun(picture: Array, light: Light) -> None:
    """The disc and its halo, by day."""
    height, width = picture.shape[:2]
    x, y = grid(width, height)
    away = np.sqrt(((x - light.sun[0]) * width) ** 2 + ((y - light.sun[1]) * height) ** 2) / min(width, height)
    disc = smooth(0.047, 0.042, away)
    blend(picture, solid(mix(light.glow, (1, 1, 1), 0.55)), disc)
    screen(picture, (np.exp(-away / 0.07) * 0.65)[..., None] * solid(light.glow))


def moons(picture: Array, rng: np.random.Generator, places: list[tuple[float, float, float]], colour: Colour) -> None:
    """Full moons with maria and a halo; a place is x, y and radius as fractions."""
    height, width = picture.shape[:2]
    x, y = grid(width, height)
    side = min(width, height)
    texture = fractal(rng, width, height, 14, 4)
    for cx, cy, radius in places:
        dx, dy = (x - cx) * width / side / radius, (y - cy) * height / side / radius
        away = np.sqrt(dx * dx + dy * dy)
        edge = 1.5 / (radius * side)
        disc = smooth(1 + edge, 1 - edge, away)
        shade = np.clip(1.02 - 0.34 * smooth(0.45, 0.7, texture) - 0.28 * smooth(0.5, 1.2, away - dx * 0.4), 0, 1)
        screen(picture, (np.exp(-np.clip(away - 1, 0, None) / 1.1) * 0.34)[..., None] * solid(colour))
        blend(picture, shade[..., None] * solid(mix(colour, (1, 1, 1), 0.5)), disc)


def planet(picture: Array, rng: np.random.Generator, cx: float, cy: float, radius: float, colour: Colour) -> None:
    """A banded gas giant, lit from one side, with a ring."""
    height, width = picture.shape[:2]
    side = min(width, height)
    x, y = grid(width, height)
    dx, dy = (x - cx) * width / side / radius, (y - cy) * height / side / radius
    away = np.sqrt(dx * dx + dy * dy)
    bands = fractal(rng, width, height, 26, 3, stretch=7.0)
    tilted = np.clip(0.62 + 0.5 * (bands - 0.5) + 0.1 * np.sin((dy + dx * 0.25) * 14), 0, 1.1)
    lit = np.clip(0.12 + 0.95 * smooth(1.15, -0.9, dx * 0.8 + dy * 0.55), 0, 1)
    body = (tilted * lit)[..., None] * solid(mix(colour, (1, 0.93, 0.82), 0.35))
    edge = 1.5 / (radius * side)
    screen(picture, (np.exp(-np.clip(away - 1, 0, None) / 0.25) * 0.3)[..., None] * solid(colour))
    ring_at = np.sqrt((dx * 0.95 + dy * 0.3) ** 2 + ((dy - dx * 0.3) * 3.6) ** 2)
    ring = smooth(1.35, 1.45, ring_at) * smooth(2.15, 2.0, ring_at) * (0.55 + 0.45 * np.sin(ring_at * 34)) * 0.75
    front = dy - dx * 0.3 > 0
    ring_colour = solid(mix(colour, (1, 0.95, 0.88), 0.6))
    blend(picture, ring_colour, (ring * ~front).astype(np.float32))
    blend(picture, body, smooth(1 + edge, 1 - edge, away))
    blend(picture, ring_colour, (ring * front).astype(np.float32))


def stars(picture: Array, rng: np.random.Generator, horizon: float, many: float = 1.0) -> None:
    """Points of all magnitudes, denser along a milky band, and a few with a glow."""
    height, width = picture.shape[:2]
    x, y = grid(width, height)
    band = np.exp(-(((x * 0.8 - y + 0.05 + 0.12 * rng.random()) / 0.2) ** 2)).astype(np.float32)
    field = rng.random((height, width), np.float32)
    fade = smooth(horizon, horizon * 0.55, np.broadcast_to(y, (height, width)))
    bright = np.clip((field - (1 - 0.0016 * many) + band * 0.0022) / 0.003, 0, 1) * fade
    big = np.clip((field - 0.99987) / 0.0001, 0, 1) * fade
    light = bright * 0.85 + blur(big, 1.2) * 2.6 + big
    screen(picture, (light + band * fractal(rng, width, height, 6, 4) * 0.13 * fade)[..., None] * solid((0.9, 0.94, 1)))


def clouds(picture: Array, rng: np.random.Generator, light: Light, cover: float, horizon: float) -> None:
    """Banks of cloud, flatter towards the horizon, lit on the side of the sun."""
    height, width = picture.shape[:2]
    density = fractal(rng, width, height, 4.5, 6, stretch=2.1)
    _, y = grid(width, height)
    reach = smooth(horizon * 1.05, horizon * 0.5, np.broadcast_to(y, (height, width)))
    mask = smooth(1.0 - cover * 0.75, 1.25 - cover * 0.6, density + 0.2 * reach) * (0.35 + 0.65 * reach)
    step_x, step_y = (1 if light.sun[0] < 0.5 else -1) * max(2, width // 60), max(2, height // 60)
    lit = np.clip(0.5 + 3.2 * (density - shifted(density, step_y, step_x)), 0, 1)
    dark = mix(light.middle, light.shade, 0.55)
    pale = mix(light.glow, (1, 1, 1), 0.3 * light.day)
    if light.day < 0.3:
        dark, pale = mix(light.top, light.middle, 0.5), mix(light.middle, light.glow, 0.25)
    colour = solid(dark) + (solid(pale) - solid(dark)) * lit[..., None]
    blend(picture, colour, mask * 0.92)


def aurora(picture: Array, rng: np.random.Generator, horizon: float, colour: Colour | None) -> None:
    """Curtains of light: each follows a wavering line and fades upwards in fine rays."""
    height, width = picture.shape[:2]
    _, y = grid(width, height)
    hues = (colour or rgb("#4dffb0"), rgb("#38e8c8"), rgb("#8a6bff"))
    for index, hue in enumerate(hues):
        foot = horizon * (0.62 - 0.13 * index + 0.34 * (line_noise(rng, width, 2.6, 3) - 0.5))
        rays = 0.45 + 0.55 * line_noise(rng, width, 46, 3)
        rise = (foot[None, :] - y) / (horizon * (0.3 + 0.22 * line_noise(rng, width, 4, 2)))
        curtain = np.where(rise > 0, np.exp(-rise * 2.1) * smooth(0, 0.09, rise), 0) * rays * (0.95 - 0.2 * index)
        tint = solid(hue) + (solid(rgb("#b06bff")) - solid(hue)) * np.clip(rise * 0.75, 0, 1)[..., None]
        screen(picture, curtain[..., None] * tint * 0.95)


def nebula(picture: Array, rng: np.random.Generator, colours: tuple[Colour, ...]) -> None:
    """Glowing gas on black, with dark lanes."""
    height, width = picture.shape[:2]
    base = fractal(rng, width, height, 3, 6)
    lanes = np.abs(fractal(rng, width, height, 3.5, 6) - 0.5) * 2
    for index, colour in enumerate(colours):
        veil = base if index == 0 else fractal(rng, width, height, 3, 6)
        cloud = smooth(0.38, 0.95, veil) * (0.35 + 0.65 * smooth(0.02, 0.4, lanes))
        screen(picture, (cloud * 0.95)[..., None] * solid(colour))
    screen(picture, (smooth(0.72, 1.0, base) * 0.45)[..., None] * solid((1, 0.93, 0.9)))


def lightning(picture: Array, rng: np.random.Generator, horizon: float) -> None:
    """One forked bolt and its glow."""
    height, width = picture.shape[:2]
    stencil = Stencil(width, height)
    x, y = float(rng.uniform(0.15, 0.85)) * width, 0.0
    points = [(x, y)]
    while y < horizon * height:
        x, y = x + float(rng.normal(0, 0.022)) * width, y + float(rng.uniform(0.02, 0.05)) * height
        points.append((x, min(y, horizon * height)))
        if rng.random() < 0.28:
            fork = [(x, y)]
            for _ in range(4):
                fx, fy = fork[-1]
                fork.append((fx + float(rng.normal(0.02, 0.02)) * width, fy + 0.026 * height))
            stencil.line(fork, 0.8, 0.7)
    stencil.line(points, max(1.4, width / 420))
    bolt = stencil.mask()
    screen(
        picture,
        (bolt + blur(bolt, width / 90) * 2.2 + blur(bolt, width / 24) * 2.5)[..., None] * solid((0.82, 0.86, 1)),
    )


def galaxy(picture: Array, rng: np.random.Generator, cx: float, cy: float, colour: Colour) -> None:
    """A spiral seen at a slant: a bright core, two arms of stars and dust."""
    height, width = picture.shape[:2]
    x, y = grid(width, height)
    tilt = float(rng.uniform(0.3, 0.7))
    dx, dy = (x - cx) * width / min(width, height), (y - cy) * height / min(width, height)
    u, v = dx * np.cos(tilt) + dy * np.sin(tilt), (dy * np.cos(tilt) - dx * np.sin(tilt)) * 2.1
    away = np.sqrt(u * u + v * v) + 1e-4
    arms = 0.5 + 0.5 * np.cos(2 * (np.arctan2(v, u) - 3.1 * np.log(away * 6 + 0.3)))
    dust = fractal(rng, width, height, 14, 5)
    disc = np.exp(-away / 0.3) * (0.2 + 1.5 * arms**2 * (0.35 + dust))
    grains = smooth(0.986, 0.9995, rng.random((height, width), np.float32)) * np.clip(disc * 2.2, 0, 1)
    screen(picture, np.clip(disc, 0, 1)[..., None] * solid(mix(colour, (0.75, 0.85, 1), 0.45)))
    screen(picture, (np.exp(-((away / 0.095) ** 1.2)) * 0.95)[..., None] * solid((1, 0.9, 0.72)))
    screen(picture, grains[..., None] * solid((1, 0.96, 1)))


def beam(picture: Array, x: float, y: float, light: Light) -> None:
    """The two rays of a lighthouse lamp at x, y in pixels."""
    height, width = picture.shape[:2]
    dx = np.arange(width, dtype=np.float32)[None, :] - x
    dy = np.arange(height, dtype=np.float32)[:, None] - y
    away = np.abs(dx) / width
    spread = 2.0 + np.abs(dx) * 0.085
    ray = np.exp(-(((dy - dx * 0.06) / spread) ** 2)) * np.exp(-away * 2.6) * smooth(0, 0.02, away)
    halo = np.exp(-np.sqrt(dx * dx + dy * dy) / (height * 0.035))
    screen(picture, ((ray * 0.62 + halo * 0.55) * (1.1 - light.day))[..., None] * solid((1, 0.93, 0.7)))
