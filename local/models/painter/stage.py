"""Where things stand: sets a scene's subjects down at a believable place and size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from local.models.painter import sprites
from local.models.painter.canvas import Array, Colour
from local.models.painter.light import Light
from local.models.painter.shapes import SHAPES, Shape
from local.models.painter.words import Scene, Subject

_FLYERS = {"dragon", "owl", "whale", "astronaut", "robot", "castle", "person", "bird", "butterfly", "car", "sailboat"}
_LANDED = {"rocket", "lantern"}


@dataclass(frozen=True)
class Ground:
    """The stage: the horizon, the line things stand on, the line they float on, and the top of a cliff if any."""

    horizon: float
    stand: float
    water: float | None = None
    cliff: float | None = None
    cliff_right: bool = False


def set_subjects(
    picture: Array, scene: Scene, rng: np.random.Generator, light: Light, ground: Ground, emphasis: float = 1.0
) -> None:
    """Draw every subject: far and high ones first, the prompt's first one biggest and off the middle."""
    shown = [subject for subject in scene.subjects if subject.kind in SHAPES]
    right = light.sun[0] < 0.5
    first = 0.64 if right else 0.36
    slots = (first, 1 - first, 0.5, 0.14 if right else 0.86, 0.86 if right else 0.14)
    alone = len(shown) == 1
    order = sorted(
        range(len(shown)),
        key=lambda i: (not _floats_in_air(shown[i], scene), SHAPES[shown[i].kind].size),
        reverse=False,
    )
    for index in sorted(order, key=lambda i: not _floats_in_air(shown[i], scene)):
        x = slots[index % len(slots)] if not (alone and shown[index].kind == "bridge") else 0.5
        _set(picture, scene, shown[index], rng, light, ground, x, emphasis if index == 0 else emphasis * 0.82)


def _floats_in_air(subject: Subject, scene: Scene) -> bool:
    shape = SHAPES[subject.kind]
    return (shape.stand == "air" and subject.kind not in _LANDED) or (scene.aloft and subject.kind in _FLYERS)


def _set(
    picture: Array, scene: Scene, subject: Subject, rng: np.random.Generator, light: Light, ground: Ground, x: float,
    emphasis: float,
) -> None:  # fmt: skip
    height, width = picture.shape[:2]
    shape = SHAPES[subject.kind]
    count = max(subject.count, 5 if subject.kind == "bird" and subject.count > 1 else 1)
    for number in range(count):
        share = 1.0 if number == 0 else float(rng.uniform(0.42, 0.72))
        tall = int(_height(shape, width, height) * emphasis * share * (1 if count < 3 else 0.85))
        where = (
            x
            if number == 0
            else float(np.clip(x + rng.uniform(0.2, 0.5) * (-1 if number % 2 == (x > 0.5) else 1), 0.08, 0.92))
        )
        foot, opacity = _foot(scene, subject, rng, ground, number, tall / height), 1.0
        if shape.stand == "ground" and ground.cliff is not None and number == 0 and not _floats_in_air(subject, scene):
            where = 0.79 if ground.cliff_right else 0.21
            foot = ground.cliff + 0.012
        _stamp(
            picture,
            subject,
            light,
            (where * width, foot * height),
            tall,
            opacity,
            flip=where > 0.5,
            colour=subject.colour,
        )


def _stamp(
    picture: Array, subject: Subject, light: Light, at: tuple[float, float], tall: int, opacity: float,
    *, flip: bool, colour: Colour | None,
) -> None:  # fmt: skip
    shape = SHAPES[subject.kind]
    if tall < 6:
        return
    sprite = sprites.draw(shape, light, tall, colour=colour, flip=flip, lit=1 - 0.55 * light.backlit)
    x, foot = at
    if shape.stand in ("ground", "table"):
        sprites.shadow(picture, x, foot, tall * shape.aspect * 0.56, 0.25 + 0.3 * light.day)
    if shape.stand == "water":
        _mirror(picture, sprite, x, foot, tall)
    sprites.place(picture, sprite, x, foot, tall, opacity)


def _mirror(picture: Array, sprite: sprites.Sprite, x: float, foot: float, tall: int) -> None:
    """A dim reflection under something that floats."""
    upside = sprites.Sprite(sprite.picture[::-1] * 0.75, sprite.mask[::-1] * 0.42, sprite.glow[::-1] * 0.3)
    sprites.place(picture, upside, x, foot + tall * 0.97, tall)


def _height(shape: Shape, width: int, height: int) -> float:
    """As tall as the shape likes to be, unless that is wider than the picture bears."""
    return min(shape.size * height, 0.62 * width / shape.aspect, shape.size * width * 1.25)


def _foot(scene: Scene, subject: Subject, rng: np.random.Generator, ground: Ground, number: int, tall: float) -> float:
    """The row a thing stands on: on water, in the air, or on the ground; later ones of a group stand farther off."""
    shape = SHAPES[subject.kind]
    if _floats_in_air(subject, scene):
        middle = ground.horizon * (0.56 if number == 0 else float(rng.uniform(0.22, 0.75)))
        return max(middle + tall * 0.5, tall + 0.03)
    back = 0.0 if number == 0 else 0.4 * (1 - 0.5 * float(rng.random()))
    if shape.stand == "water" and ground.water is not None:
        return ground.water + (0.2 - 0.17 * (number > 0) * float(rng.random()) - 0.05) * (1 - ground.water) * 1.6
    return ground.stand - back * (ground.stand - ground.horizon)
