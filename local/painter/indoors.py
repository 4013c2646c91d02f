"""Pictures that are no landscape: a table with things on it, outer space, the deep sea."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from local.painter import flora, sky, stage, water, weather
from local.painter.canvas import Array, Colour, fractal, grid, mix, rgb, scale, smooth, solid
from local.painter.light import light_for
from local.painter.stage import Ground
from local.painter.words import Scene


def still_life(scene: Scene, rng: np.random.Generator, width: int, height: int) -> Array:
    """A table in the light of a window at one side, the wall behind it in shade."""
    light = light_for(scene, rng, 0.62)
    table = scene.place("room")
    wood = (table.colour if table else None) or rgb("#8a5a3a")
    wall = mix(_opposite(wood), rgb("#cdb08a"), 0.5)
    x, y = grid(width, height)
    edge = 0.66
    side = x if light.sun[0] < 0.5 else 1 - x
    pool = np.exp(-(((side - 0.3) / 0.5) ** 2) - ((y - 0.3) / 0.5) ** 2)
    mottled = fractal(rng, width, height, 5, 6)
    day = 0.45 + 0.55 * light.day
    picture: Array = (solid(scale(wall, day)) * (0.46 + 0.72 * pool + 0.2 * (mottled - 0.5))[..., None]).astype(
        np.float32
    )
    pane = smooth(0.01, 0.0, np.abs(((side - 0.28 + 0.35 * (y - 0.3)) % 0.16) - 0.08) - 0.068)
    frame = smooth(0.2, 0.19, np.abs(side - 0.33 + 0.35 * (y - 0.3))) * smooth(0.2, 0.19, np.abs(y - 0.3))
    picture += (pane * frame * 0.17 * day)[..., None] * solid(light.glow)
    grain = fractal(rng, width, height, 9, 5, stretch=9)
    depth = np.clip((y - edge) / (1 - edge), 0, 1)
    top = solid(scale(wood, day)) * (0.72 + 0.34 * grain + 0.25 * pool)[..., None] * (1.12 - 0.34 * depth)[..., None]
    cover = smooth(edge - 0.003, edge + 0.003, np.broadcast_to(y, (height, width)))
    picture += (top - picture) * cover[..., None]
    picture *= (1 - 0.3 * np.exp(-(((y - edge) / 0.012) ** 2)))[..., None]
    stage.set_subjects(picture, scene, rng, light, Ground(0.6, 0.85, 0.85), emphasis=1.2)
    weather.settle(picture, light)
    return picture


def space(scene: Scene, rng: np.random.Generator, width: int, height: int) -> Array:
    """Stars, gas, a planet or two."""
    light = light_for(scene, rng, 0.8)
    picture = np.zeros((height, width, 3), np.float32) + solid(rgb("#04050f"))
    hues = scene.colours[:2] or tuple(
        (rgb("#5a2a9a"), rgb("#1f5fae"), rgb("#b0356a"), rgb("#117a7a"))[int(i)] for i in rng.permutation(4)[:2]
    )
    sky.nebula(picture, rng, (*(scale(hue, 0.85) for hue in hues), rgb("#c4703a")))
    sky.stars(picture, rng, 3.0, 2.4)
    asked = scene.place("planet")
    if scene.place("galaxy"):
        sky.galaxy(picture, rng, 0.5, 0.46, hues[0])
    elif asked or scene.subjects:
        x = light.sun[0]
        sky.planet(picture, rng, x, 0.32, 0.2, (asked.colour if asked else None) or rgb("#d8a071"))
    moon = next((s for s in scene.subjects if s.kind == "moon"), None)
    if moon:
        sky.moons(
            picture,
            rng,
            [(1 - light.sun[0], 0.24, 0.09), (0.5, 0.12, 0.045)][: moon.count],
            moon.colour or rgb("#e8e2d4"),
        )
    stage.set_subjects(picture, scene, rng, light_for(_by_day(scene), rng, 0.8), Ground(0.92, 0.82), emphasis=1.0)
    weather.settle(picture, light)
    return picture


def deep_sea(scene: Scene, rng: np.random.Generator, width: int, height: int) -> Array:
    """Under water, with corals and whatever swims there."""
    place = scene.place("underwater") or scene.place("sea")
    colour = (place.colour if place else None) or (
        scene.colours[0] if scene.colours and not scene.subjects else rgb("#1f86ae")
    )
    picture = np.zeros((height, width, 3), np.float32)
    water.underwater(picture, rng, colour)
    flora.corals(picture, rng, ())
    light = light_for(_by_day(scene), rng, 0.8)
    school = tuple(replace(s, count=max(s.count, 6)) if s.kind == "fish" else s for s in scene.subjects)
    stage.set_subjects(picture, replace(scene, subjects=school), rng, light, Ground(0.9, 0.92, 0.3), emphasis=1.25)
    haze = fractal(rng, width, height, 3, 3)
    picture += (solid(colour) - picture) * (0.08 + 0.12 * haze)[..., None]
    weather.settle(picture, light)
    return picture


def _by_day(scene: Scene) -> Scene:
    """The same subjects lit so that they can be seen."""
    return Scene("golden", True, frozenset(), (), scene.subjects, "plain", (), scene.unwanted, True)


def _opposite(colour: Colour) -> Colour:
    """A muted complement: the wall that lets the table speak."""
    level = sum(colour) / 3
    return (level + (level - colour[0]) * 0.5, level + (level - colour[1]) * 0.5, level + (level - colour[2]) * 0.5)
