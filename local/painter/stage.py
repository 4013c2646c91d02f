"""Where things stand: sets a scene's subjects down at a believable place and size."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from local.painter import sky, sprites
from local.painter.canvas import Array, mix, rgb
from local.painter.light import Light
from local.painter.shapes import SHAPES, Shape
from local.painter.words import Scene, Subject

_FLYERS = {"dragon", "owl", "whale", "astronaut", "robot"}
_LANDED = {"lantern"}
_ANIMALS = {"fox", "cat", "dog", "deer", "horse", "rabbit", "bear", "owl"}
_ALWAYS_ONE = {"vase", "bridge", "city"}


@dataclass(frozen=True)
class Ground:
    """The stage: the horizon, the line things stand on, the line they float on, the top of a
    cliff if any, and the farthest row things can stand on where that is not the horizon.
    """

    horizon: float
    stand: float
    water: float | None = None
    cliff: float | None = None
    cliff_right: bool = False
    far: float | None = None


@dataclass(frozen=True)
class _Spot:
    """One thing's place: middle and foot as fractions of the picture, height in pixels."""

    subject: Subject
    x: float
    foot: float
    tall: int
    flying: bool


def set_subjects(
    picture: Array, scene: Scene, rng: np.random.Generator, light: Light, ground: Ground, emphasis: float = 1.0
) -> None:
    """Draw every subject, what is high or far away first; the prompt's first one is biggest and off the middle."""
    height, width = picture.shape[:2]
    shown = [subject for subject in scene.subjects if subject.kind in SHAPES]
    first = 0.64 if light.sun[0] < 0.5 else 0.36
    slots = (first, 1 - first - 0.02, 0.5, 0.14, 0.86)
    spots: list[_Spot] = []
    for index, subject in enumerate(shown):
        slot = slots[index % len(slots)]
        size = emphasis if index == 0 else emphasis * 0.82
        spots += _spots(scene, subject, rng, ground, slot, size, [spot.x for spot in spots], (width, height))
    for spot in sorted(spots, key=lambda s: (not s.flying, s.foot)):
        _stamp(picture, spot, light)


def _spots(
    scene: Scene, subject: Subject, rng: np.random.Generator, ground: Ground, slot: float, emphasis: float,
    taken: list[float], size: tuple[int, int],
) -> list[_Spot]:  # fmt: skip
    """Places for all of one kind: the first at its slot, the others smaller, farther off and where there is room."""
    width, height = size
    shape = SHAPES[subject.kind]
    flying = (shape.stand == "air" and subject.kind not in _LANDED) or (scene.aloft and subject.kind in _FLYERS)
    wanted = max(subject.count, 5 if subject.kind == "bird" and subject.count > 1 else 1)
    spots: list[_Spot] = []
    for number in range(1 if subject.kind in _ALWAYS_ONE else wanted):
        share = 1.0 if number == 0 else float(rng.uniform(0.42, 0.72))
        tall = int(_height(shape, subject.kind, width, height) * emphasis * share * (1 if wanted < 3 else 0.85))
        x = slot if number == 0 else _free(rng, [*taken, slot, *(spot.x for spot in spots)])
        foot = _foot(shape, rng, ground, number, tall / height, flying)
        if subject.kind == "bridge":
            x, foot = 0.5, ground.horizon + 0.12
        elif shape.stand == "ground" and ground.cliff is not None and number == 0 and not flying:
            x, foot = (0.79 if ground.cliff_right else 0.21), ground.cliff + 0.012
        spots.append(_Spot(subject, x, foot, tall, flying))
    return spots


def _free(rng: np.random.Generator, taken: list[float]) -> float:
    """Of some random places, the one farthest from what is already there."""
    tries = [float(x) for x in rng.uniform(0.08, 0.92, 6)]
    return max(tries, key=lambda x: min(abs(x - other) for other in taken))


def _stamp(picture: Array, spot: _Spot, light: Light) -> None:
    """Draw one thing with its shadow or its reflection."""
    if spot.tall < 6:
        return
    height, width = picture.shape[:2]
    shape = SHAPES[spot.subject.kind]
    colour = spot.subject.colour
    if colour and spot.subject.kind in _ANIMALS and max(colour) - min(colour) > 0.3:
        colour = mix(colour, rgb(shape.tones["main"]), 0.4)  # a red fox is a fox first
    seen = replace(light, day=max(light.day, 0.36))
    sprite = sprites.draw(shape, seen, spot.tall, colour=colour, flip=spot.x > 0.5, lit=1 - 0.45 * light.backlit)
    x, foot = spot.x * width, spot.foot * height
    if not spot.flying and shape.stand in ("ground", "table"):
        sprites.shadow(picture, x, foot, spot.tall * shape.aspect * 0.56, 0.25 + 0.3 * light.day)
    if shape.stand == "water":
        line = sprites.waterline(sprite, spot.tall, shape.sink)
        sprites.mirror(picture, sprite, x, foot, spot.tall, line)
        foot += spot.tall * shape.sink
    sprites.place(picture, sprite, x, foot, spot.tall)
    if spot.subject.kind == "lighthouse" and light.day < 0.7:
        sky.beam(picture, x, foot - spot.tall * 0.815, light)


def _height(shape: Shape, kind: str, width: int, height: int) -> float:
    """As tall as the shape likes to be, unless that is wider than the picture bears; a bridge spans all of it."""
    if kind == "bridge":
        return 1.06 * width / shape.aspect
    return min(shape.size * height, 0.62 * width / shape.aspect, shape.size * width * 1.25)


def _foot(shape: Shape, rng: np.random.Generator, ground: Ground, number: int, tall: float, flying: bool) -> float:
    """The row a thing stands on: on water, in the air, or on the ground; later ones of a group stand farther off."""
    if flying:
        middle = ground.horizon * (0.56 if number == 0 else float(rng.uniform(0.2, 0.8)))
        return max(middle + tall * 0.5, tall + 0.03)
    back = 0.0 if number == 0 else 0.35 + 0.25 * float(rng.random())
    if shape.stand == "water" and ground.water is not None:
        return ground.water + (0.24 - 0.2 * back) * (1 - ground.water)
    return ground.stand - back * (ground.stand - (ground.far or ground.horizon))
