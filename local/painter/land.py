"""Land behind and under things: ranges, hills, forests, volcanoes, cliffs, and planes that run to the horizon."""

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
    scale,
    screen,
    shifted,
    smooth,
    solid,
)
from local.painter.light import Light


def hazed(light: Light, colour: Colour, near: float) -> Colour:
    """A colour as seen through the air: `near` is 1 at hand and 0 at the horizon."""
    return mix(mix(light.horizon, light.middle, 0.35), light.on(colour), near)


def below(line: Array, height: int) -> Array:
    """The mask of everything under a skyline given in rows, one value a column."""
    rows = np.arange(height, dtype=np.float32)[:, None]
    return np.clip(rows - line[None, :] + 0.5, 0, 1)


def mountains(
    picture: Array, rng: np.random.Generator, light: Light, horizon: float, rock: Colour, *, snow: bool
) -> None:
    """Three ranges, each nearer, darker and lower than the one behind; light falls on the sun's side."""
    height, width = picture.shape[:2]
    rows = np.arange(height, dtype=np.float32)[:, None]
    for index, (tall, near, cells) in enumerate(((0.56, 0.34, 3.0), (0.38, 0.55, 4.0), (0.17, 0.8, 6.0))):
        ridge = 1 - np.abs(2 * line_noise(rng, width, cells, 3) - 1)
        profile = 0.72 * ridge + 0.28 * line_noise(rng, width, cells * 5, 4)
        profile = profile * (0.55 + 0.45 * line_noise(rng, width, 2, 1))
        line = height * horizon * (1 - tall * (0.25 + 1.0 * profile / profile.max()))
        mask = below(line, height) * (rows < height * (horizon + 0.02))
        depth = (rows - line[None, :]) / (height * horizon * tall)
        rough = fractal(rng, width, height, 9, 5)
        step = max(2, width // 110)
        side = -step if light.sun[0] < 0.5 else step
        slope = rough - shifted(rough, step, side)
        lean = _lean(line, rough, depth, light)
        lit = np.clip(0.45 + 3.6 * slope + 0.42 * lean, 0, 1)
        shadow = hazed(light, scale(rock, 0.55), near)
        bright = mix(hazed(light, rock, near), light.glow, 0.18)
        colour = solid(shadow) + (solid(bright) - solid(shadow)) * lit[..., None]
        if snow and index < 2:
            cap = smooth(0.42, 0.16, depth + 0.45 * (rough - 0.5))
            white = solid(mix(hazed(light, rgb("#8fa6cf"), near), light.glow, 0.1))
            shine = solid(mix(hazed(light, (1, 1, 1), near), light.glow, 0.45))
            colour = colour + ((white + (shine - white) * lit[..., None]) - colour) * cap[..., None]
        air = solid(hazed(light, rock, 0.05))
        colour = colour + (air - colour) * np.clip(smooth(0.35, 1.15, depth) * 0.75, 0, 1)[..., None]
        blend(picture, colour, mask)


def _lean(line: Array, rough: Array, depth: Array, light: Light) -> Array:
    """Which way a slope faces, from -1 (away from the sun) to 1: the skyline's own slant, carried down crookedly."""
    width = line.size
    kernel = np.ones(max(3, width // 45), np.float32) / max(3, width // 45)
    slant = np.convolve(np.pad(np.gradient(line), kernel.size, mode="edge"), kernel, "same")[kernel.size : -kernel.size]
    towards = np.tanh(slant * (2.2 if light.sun[0] < 0.5 else -2.2)).astype(np.float32)
    columns = np.arange(width)[None, :] + (rough - 0.5) * width * 0.2 * np.clip(depth * 2.5, 0, 1)
    lean: Array = -towards[np.clip(columns, 0, width - 1).astype(np.int32)]
    return lean


def hills(
    picture: Array, rng: np.random.Generator, light: Light, horizon: float, colour: Colour, layers: int = 3
) -> None:
    """Rolling hills in the haze."""
    height, width = picture.shape[:2]
    for index in range(layers):
        near = 0.25 + 0.5 * (index + 1) / layers
        rise = 0.1 * (1 - index / (layers + 1))
        line = height * (horizon - rise * (0.35 + line_noise(rng, width, 2.2 + index, 3)))
        depth = np.clip((np.arange(height)[:, None] - line[None, :]) / (height * 0.1), 0, 1).astype(np.float32)
        tone = solid(hazed(light, colour, near))
        air = solid(hazed(light, colour, near * 0.45))
        blend(picture, tone + (air - tone) * depth[..., None], below(line, height))


def volcano(picture: Array, rng: np.random.Generator, light: Light, horizon: float) -> None:
    """One cone with a glowing crater, streams of lava and a plume."""
    height, width = picture.shape[:2]
    x, y = grid(width, height)
    centre, top = (0.4 if light.sun[0] < 0.5 else 0.6), horizon * 0.36
    mouth = 0.055
    away = np.abs(x[0] - centre)
    flank = np.clip((away - mouth) / 0.42, 0, 1)
    line = height * (top + (horizon - top) * flank**0.72 + 0.02 * (line_noise(rng, width, 16, 4) - 0.5))
    plume = fractal(rng, width, height, 6, 5)
    lean = x - centre - 0.2 * (top - y)
    column = np.exp(-((lean / (0.05 + 0.42 * np.clip(top - y, 0, 1))) ** 2)) * (y < top + 0.03)
    smoke = mix(light.shade, (0.2, 0.17, 0.2), 0.6)
    blend(picture, solid(smoke) * (0.75 + 0.6 * plume[..., None]), np.clip(column * (0.25 + plume), 0, 0.92))
    hot = np.exp(-(((x - centre) / 0.1) ** 2) - ((y - top) / 0.09) ** 2)
    screen(picture, (hot * (0.5 + 0.7 * plume))[..., None] * solid((1, 0.42, 0.12)))
    rough = fractal(rng, width, height, 10, 5)
    rock = solid(hazed(light, rgb("#5a4650"), 0.8))
    mask = below(line, height) * (y < horizon + 0.02)
    blend(picture, rock * (0.55 + 0.75 * rough[..., None]), mask)
    drop = np.clip((y * height - line[None, :]) / (height * (horizon - top)), 0, 1)
    lava: Array = np.zeros((height, width), np.float32)
    for _ in range(4):
        bend = (
            centre + float(rng.uniform(-0.035, 0.035)) + float(rng.uniform(-0.3, 0.3)) * np.clip(y - top, 0, 1) ** 1.15
        )
        wiggle = 0.02 * (line_noise(rng, height, 9, 3) - 0.5)[:, None]
        lava += np.exp(-(((x - bend - wiggle) / 0.0065) ** 2)) * smooth(0.85, 0.1, drop)
    lava = np.clip(lava, 0, 1) * mask
    screen(picture, (lava + blur(lava, width / 60) * 1.3)[..., None] * solid((1, 0.4, 0.1)))
    screen(picture, (lava**3 * 0.9)[..., None] * solid((1, 0.85, 0.4)))


def forest(
    picture: Array,
    rng: np.random.Generator,
    light: Light,
    horizon: float,
    colour: Colour,
    *,
    snow: bool,
    sides_only: bool = False,
) -> None:
    """Rows of conifers with mist between them; the nearest frame the picture at its sides."""
    height, width = picture.shape[:2]
    for near, tall, count in ((0.3, 0.12, 44), (0.5, 0.19, 30), (0.74, 0.3, 20)):
        stencil, caps = Stencil(width, height), Stencil(width, height)
        foot = height * (horizon + 0.05 * near)
        for _ in range(count):
            x = float(rng.uniform(-0.03, 1.03))
            framing = 1 if near < 0.7 else 0.35 + 2.0 * abs(x - 0.5) ** 1.1 * 1.4
            if (near > 0.7 or sides_only) and abs(x - 0.5) < (0.24 if sides_only else 0.17):
                continue
            size = height * tall * framing * float(rng.uniform(0.7, 1.15))
            conifer(stencil, caps, rng, x * width, foot + float(rng.uniform(0, 0.02)) * height, size)
        mask = stencil.mask()
        tone = solid(hazed(light, colour, near))
        blend(picture, tone, mask)
        if snow:
            blend(picture, solid(mix(hazed(light, (0.95, 0.97, 1), near), light.glow, 0.25)), caps.mask() * mask * 0.85)
        _, y = grid(width, height)
        bank = np.exp(-(((y - horizon - 0.03 * near) / 0.05) ** 2)) * (0.3 + 0.5 * fractal(rng, width, height, 4, 3, 3))
        blend(picture, solid(mix(light.horizon, light.glow, 0.2)), (bank * 0.55 * (1.1 - near)).astype(np.float32))


def conifer(stencil: Stencil, caps: Stencil, rng: np.random.Generator, x: float, foot: float, size: float) -> None:
    """One fir: tiers that droop, ragged at the edge, and the snow that lies on their upper side."""
    tiers = 7
    left: list[tuple[float, float]] = []
    right: list[tuple[float, float]] = []
    for tier in range(tiers):
        y = foot - size * (1 - (tier + 1) / tiers * 0.94)
        reach = size * 0.215 * ((tier + 1) / tiers) ** 0.85
        a, b = reach * float(rng.uniform(0.8, 1.15)), reach * float(rng.uniform(0.8, 1.15))
        left += [(x - a * 0.45, y - size * 0.05), (x - a, y)]
        right += [(x + b * 0.45, y - size * 0.05), (x + b, y)]
        caps.polygon(
            [(x - a, y), (x - a * 0.3, y - size * 0.09), (x + b * 0.2, y - size * 0.07), (x - a * 0.2, y - size * 0.03)]
        )
    stencil.polygon([(x, foot - size), *right, *reversed(left)])
    stencil.box(x - size * 0.018, foot - size * 0.1, x + size * 0.018, foot)


def plane(
    picture: Array,
    rng: np.random.Generator,
    light: Light,
    horizon: float,
    near: Colour,
    far: Colour,
    kind: str = "grass",
) -> None:
    """A ground that runs to the horizon: its texture is projected, so that it is coarse in front and fine far away."""
    height, width = picture.shape[:2]
    start = int(height * horizon)
    rows = height - start
    if rows < 2:
        return
    depth = 1 / ((np.arange(rows, dtype=np.float32)[:, None] + 1.5) / rows)
    across = (np.arange(width, dtype=np.float32)[None, :] / width - 0.5) * depth
    texture = _tile(rng, kind)
    side = texture.shape[0]
    grain = texture[(depth * 150).astype(np.int32) % side, (across * 330).astype(np.int32) % side]
    broad = texture[(depth * 31 + 9).astype(np.int32) % side, (across * 60).astype(np.int32) % side]
    t = np.clip(1 / depth, 0, 1)
    level = 0.80 + (0.22 + 0.2 * t) * (grain - 0.5) * 1.7 + 0.42 * (broad - 0.5)
    if kind == "rows":
        stripe = 0.5 + 0.5 * np.sin(across * 34 + 0.8 * np.sin(depth * 0.6))
        level = (0.5 + 0.75 * smooth(0.15, 0.75, stripe)) * (0.82 + 0.5 * (grain - 0.5) * t)
    tone = (
        solid(hazed(light, far, 0.55)) + (solid(light.on(near)) - solid(hazed(light, far, 0.55))) * (t**0.6)[..., None]
    )
    x = np.arange(width, dtype=np.float32)[None, :] / width
    if kind == "snow":
        ground_glow = mix(light.horizon, (1, 1, 1), 0.35 * light.day)
        tone += (solid(ground_glow) - tone) * 0.34
        level = level + 0.2
    towards = np.exp(-(((x - light.sun[0]) / 0.4) ** 2)) * (1 - t) * 0.35 * light.day
    ground = tone * level[..., None]
    ground += towards[..., None] * solid(light.glow) * (0.5 + grain[..., None] * 0.7)
    picture[start:] = np.clip(ground, 0, 1)


def scorch(picture: Array, rng: np.random.Generator, light: Light, horizon: float) -> None:
    """Black lava fields with embers in their cracks, over the ground already there."""
    height, width = picture.shape[:2]
    _, y = grid(width, height)
    cover = smooth(horizon - 0.002, horizon + 0.004, np.broadcast_to(y, (height, width)))
    crust = fractal(rng, width, height, 9, 6, stretch=2.6)
    blend(picture, solid(light.on(rgb("#5a4a4c"))) * (0.35 + 0.95 * crust)[..., None], cover)
    cracks = (
        smooth(0.022, 0.0, np.abs(fractal(rng, width, height, 6, 4, stretch=2.6) - 0.5))
        * cover
        * smooth(0.3, 0.7, crust)
    )
    screen(picture, (cracks + blur(cracks, width / 80))[..., None] * solid((1, 0.36, 0.08)))


def _tile(rng: np.random.Generator, kind: str) -> Array:
    side = 512
    if kind == "snow":
        return _endless(0.5 + 0.5 * (fractal(rng, side, side, 6, 4) - 0.5))
    return _endless(fractal(rng, side, side, 24, 5))


def _endless(tile: Array) -> Array:
    """The tile with its mirror images, so that it repeats without a seam."""
    return np.block([[tile, tile[:, ::-1]], [tile[::-1], tile[::-1, ::-1]]])


def dunes(picture: Array, rng: np.random.Generator, light: Light, horizon: float, sand: Colour) -> None:
    """Crescents of sand with a lit flank, a shadowed flank and a sharp crest between them."""
    height, width = picture.shape[:2]
    rows = np.arange(height, dtype=np.float32)[:, None]
    x, _ = grid(width, height)
    for index in range(5):
        near = 0.3 + 0.7 * index / 4
        base = horizon + (1 - horizon) * (index / 5) ** 1.35
        swell = line_noise(rng, width, 1.8 + index * 0.25, 2)
        line = height * (base - (0.035 + 0.05 * index / 2.5) * swell)
        flow = float(rng.uniform(0.4, 1.1)) * (1 if light.sun[0] > 0.5 else -1)
        depth = (rows - line[None, :]) / height
        crest = shifted(swell[None, :], 0, int(width * 0.05 * flow)) - swell[None, :] + depth * 0.9
        lit = smooth(-0.1, 0.16, crest + 0.1 * np.sin(x * 9 + index))
        ripples = 1 + 0.05 * np.sin(depth * height * (0.75 - 0.1 * index) + 5 * swell[None, :] + x * 30)
        bright, dark = hazed(light, sand, near), hazed(light, scale(mix(sand, light.shade, 0.35), 0.55), near)
        colour = (solid(dark) + (solid(mix(bright, light.glow, 0.15)) - solid(dark)) * lit[..., None]) * ripples[
            ..., None
        ]
        blend(picture, colour, below(line, height))


def cliff(picture: Array, rng: np.random.Generator, light: Light, horizon: float, *, right: bool) -> float:
    """A headland that rises out of one side; returns the height its plateau stands at, as a fraction."""
    height, width = picture.shape[:2]
    x, y = grid(width, height)
    side = (1 - x[0]) if right else x[0]
    plateau = horizon - 0.04
    edge = 0.44 + 0.03 * (line_noise(rng, width, 14, 4) - 0.5)
    fall = np.clip((side - edge) / 0.16, 0, 1)
    line = height * (
        plateau + 0.025 * side + 0.012 * (line_noise(rng, width, 10, 4) - 0.5) + (1.12 - plateau) * fall**0.55
    )
    mask = below(line, height)
    rock = fractal(rng, width, height, 7, 6, stretch=0.4)
    strata = fractal(rng, width, height, 22, 3, stretch=6)
    step = max(2, width // 140)
    relief = np.clip(0.5 + 5.5 * (rock - shifted(rock, step, step if light.sun[0] < 0.5 else -step)), 0, 1.4)
    depth = np.clip((y * height - line[None, :]) / (height * 0.3), 0, 1)
    tone = solid(light.on(rgb("#8d7b70"))) * ((0.42 + 0.6 * relief) * (0.8 + 0.35 * strata))[..., None]
    blend(picture, tone * (1 - 0.45 * depth[..., None]), mask)
    turf = smooth(0.13, 0.03, depth + 0.12 * (rock - 0.5)) * mask * (fall < 0.35)
    grass = solid(light.on(rgb("#7fa04c"))) * (0.7 + 0.6 * strata[..., None])
    blend(picture, grass, (turf * 0.95).astype(np.float32))
    return plateau + 0.012
