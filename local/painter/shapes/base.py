"""The small language shapes are written in: parts in a unit square, x to the right, y down, feet at y = 1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Point = tuple[float, float]
Stand = Literal["ground", "water", "air", "table"]


@dataclass(frozen=True)
class Part:
    """One filled form. `tone` names a colour of the shape; `blob` points are joined by a curve, `poly` by lines.

    `oval` has two points, its centre and its radii; `line` is a stroke of `width`.
    """

    form: Literal["blob", "poly", "oval", "line"]
    tone: str
    points: tuple[Point, ...]
    width: float = 0.0


@dataclass(frozen=True)
class Shape:
    """A thing to draw: width over height, parts from back to front, how tall it is in a picture, where it stands,
    and what share of it is under water.

    `tones` gives each tone its colour; `main` is the one a prompt's colour word replaces, and `dark` and `light`
    follow from it unless they are given. A tone called `glow` shines by itself.
    """

    aspect: float
    parts: tuple[Part, ...]
    tones: Mapping[str, str]
    size: float = 0.4
    stand: Stand = "ground"
    sink: float = 0.0


def blob(tone: str, *points: Point) -> Part:
    """A closed curve through the points."""
    return Part("blob", tone, points)


def poly(tone: str, *points: Point) -> Part:
    """A polygon."""
    return Part("poly", tone, points)


def oval(tone: str, x: float, y: float, rx: float, ry: float) -> Part:
    """An upright ellipse around x, y."""
    return Part("oval", tone, ((x, y), (rx, ry)))


def line(tone: str, width: float, *points: Point) -> Part:
    """A stroke through the points."""
    return Part("line", tone, points, width)


def box(tone: str, left: float, top: float, right: float, bottom: float) -> Part:
    """A rectangle."""
    return Part("poly", tone, ((left, top), (right, top), (right, bottom), (left, bottom)))


def mirrored(*parts: Part) -> tuple[Part, ...]:
    """The parts and their mirror images about the vertical middle."""
    return (*parts, *(_mirror(part) for part in parts))


def _mirror(part: Part) -> Part:
    if part.form == "oval":
        (x, y), radii = part.points
        return Part(part.form, part.tone, ((1 - x, y), radii), part.width)
    return Part(part.form, part.tone, tuple((1 - x, y) for x, y in part.points), part.width)
