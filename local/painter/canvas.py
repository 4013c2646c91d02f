"""Arithmetic on pictures: arrays of shape (height, width, 3) with values from 0 to 1, and masks without depth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

Array = npt.NDArray[np.floating[Any]]
Colour = tuple[float, float, float]
Point = tuple[float, float]


def rgb(code: str) -> Colour:
    """`#rrggbb` as fractions."""
    return (int(code[1:3], 16) / 255, int(code[3:5], 16) / 255, int(code[5:7], 16) / 255)


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """`a` with a share of `b` in it."""
    return (a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share)


def scale(colour: Colour, factor: float) -> Colour:
    """A darker or lighter version."""
    return (min(colour[0] * factor, 1.0), min(colour[1] * factor, 1.0), min(colour[2] * factor, 1.0))


def solid(colour: Colour) -> Array:
    """A colour that broadcasts over a picture."""
    return np.asarray(colour, np.float32)


def blend(picture: Array, colour: Array, mask: Array) -> None:
    """Paint `colour` over `picture` in place where the mask says so."""
    picture += (colour - picture) * mask[..., None]


def screen(picture: Array, light: Array) -> None:
    """Add light in place without clipping."""
    picture += light * (1 - np.clip(picture, 0, 1))


def resize(array: Array, width: int, height: int, how: Image.Resampling = Image.Resampling.BICUBIC) -> Array:
    """A mask in another size."""
    return np.asarray(Image.fromarray(array).resize((width, height), how), np.float32)


def blur(array: Array, radius: float) -> Array:
    """A soft version of a mask. Wide blurs work on a smaller copy, which nobody can tell."""
    height, width = array.shape
    shrink = max(1, int(radius / 3))
    image = Image.fromarray((np.clip(array, 0, 1) * 255).astype(np.uint8))
    small = image.resize((max(2, width // shrink), max(2, height // shrink)), Image.Resampling.BOX)
    soft = small.filter(ImageFilter.GaussianBlur(radius / shrink)).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(soft, np.float32) / 255


def soften(array: Array, radius: float) -> Array:
    """A blur without steps, for slopes to be taken of: through a much smaller copy in full precision."""
    height, width = array.shape
    cell = max(1.0, radius / 2)
    small = resize(array, max(3, round(width / cell)), max(3, round(height / cell)), Image.Resampling.BOX)
    for _ in range(2):
        wide = np.pad(small, 1, mode="edge")
        rows = (wide[:-2] + 2 * wide[1:-1] + wide[2:]) / 4
        small = ((rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]) / 4).astype(np.float32)
    return resize(small, width, height)


def shifted(array: Array, down: int, right: int) -> Array:
    """The mask moved, its edge repeated where nothing moves in."""
    height, width = array.shape
    rows = np.clip(np.arange(height) - down, 0, height - 1)
    columns = np.clip(np.arange(width) - right, 0, width - 1)
    moved: Array = array[rows[:, None], columns[None, :]]
    return moved


def smooth(low: float, high: float, value: Array) -> Array:
    """Zero below `low`, one above `high`, an S-curve between; `low` may be the larger."""
    t = np.clip((value - low) / (high - low), 0, 1)
    curve: Array = (t * t * (3 - 2 * t)).astype(np.float32)
    return curve


def noise(rng: np.random.Generator, width: int, height: int, cells: float, stretch: float = 1.0) -> Array:
    """Smooth random values from 0 to 1: `cells` of them across the longer side, `stretch` times wider than tall."""
    across = max(2, round(cells * width / max(width, height) / stretch) + 1)
    down = max(2, round(cells * height / max(width, height)) + 1)
    return np.clip(resize(rng.random((down, across), np.float32), width, height), 0, 1)


def fractal(
    rng: np.random.Generator, width: int, height: int, cells: float, octaves: int = 5, stretch: float = 1.0
) -> Array:
    """Octaves of noise, each twice as fine and half as strong, spread over 0 to 1."""
    total = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        fine = cells * 2**octave
        if fine > max(width, height):
            break
        total += (noise(rng, width, height, fine, stretch) - 0.5) * 0.5**octave
    low, high = float(total.min()), float(total.max())
    return (total - low) / max(high - low, 1e-6)


def line_noise(rng: np.random.Generator, width: int, cells: float, octaves: int = 6) -> Array:
    """Fractal noise along one line, from 0 to 1: a skyline of hills."""
    first_row: Array = fractal(rng, width, 2, cells, octaves)[0]
    return first_row


def grid(width: int, height: int) -> tuple[Array, Array]:
    """Column and row positions from 0 to 1, ready to broadcast."""
    x = (np.arange(width, dtype=np.float32) / max(width - 1, 1))[None, :]
    y = (np.arange(height, dtype=np.float32) / max(height - 1, 1))[:, None]
    return x, y


def curve(points: Sequence[Point], steps: int = 8) -> list[Point]:
    """A closed Catmull-Rom curve through the points, as a polygon."""
    n = len(points)
    p = np.asarray(points, np.float64)
    t = np.arange(steps)[:, None] / steps
    out: list[Point] = []
    for i in range(n):
        a, b, c, d = p[i - 1], p[i], p[(i + 1) % n], p[(i + 2) % n]
        arc = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
        out.extend((float(x), float(y)) for x, y in arc)
    return out


class Stencil:
    """A mask drawn with vector shapes in pixel coordinates, antialiased by drawing it larger."""

    def __init__(self, width: int, height: int, over: int = 2) -> None:
        self._size = (width, height)
        self._over = over
        self._image = Image.new("L", (width * over, height * over))
        self._draw = ImageDraw.Draw(self._image)

    def polygon(self, points: Sequence[Point], value: float = 1.0) -> None:
        """Fill a polygon."""
        self._draw.polygon([(x * self._over, y * self._over) for x, y in points], fill=round(value * 255))

    def oval(self, x: float, y: float, rx: float, ry: float, value: float = 1.0) -> None:
        """Fill an upright ellipse around a centre."""
        o = self._over
        self._draw.ellipse(((x - rx) * o, (y - ry) * o, (x + rx) * o, (y + ry) * o), fill=round(value * 255))

    def line(self, points: Sequence[Point], width: float, value: float = 1.0) -> None:
        """Stroke a line with round joints."""
        scaled = [(x * self._over, y * self._over) for x, y in points]
        self._draw.line(scaled, fill=round(value * 255), width=max(1, round(width * self._over)), joint="curve")

    def box(self, left: float, top: float, right: float, bottom: float, value: float = 1.0) -> None:
        """Fill a rectangle."""
        o = self._over
        edges = (left * o, top * o, max(left * o, right * o - 1), max(top * o, bottom * o - 1))
        self._draw.rectangle(edges, fill=round(value * 255))

    def mask(self) -> Array:
        """The finished mask."""
        image: Any = self._image
        if self._over > 1:
            image = image.reduce(self._over)
        return np.asarray(image, np.float32) / 255
