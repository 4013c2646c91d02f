"""A skyline: three rows of towers with lit windows, and the street that mirrors them when it is wet."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from local.painter.canvas import Array, Colour, blend, blur, mix, rgb, scale, screen, solid
from local.painter.land import hazed
from local.painter.light import Light

_NEON = ("#ff2f92", "#29e7ff", "#b44dff", "#ffb23e", "#3dffb0")
_WARM = ("#ffd58a", "#ffe7b8", "#ffbf6b", "#d8ecff")


def skyline(picture: Array, rng: np.random.Generator, light: Light, foot: float, *, neon: bool) -> None:
    """Draw the rows from back to front; windows are lit the later it is."""
    height, width = picture.shape[:2]
    late = 1.0 - light.day
    for near, low, high, count in ((0.35, 0.2, 0.42, 17), (0.6, 0.14, 0.4, 13), (0.9, 0.06, 0.27, 10)):
        body, lights = _row(rng, width, height, foot, (low, high, count), late, neon)
        tone = hazed(
            light,
            rgb("#3c4660") if late > 0.3 else (rgb("#8fa3bd"), rgb("#b9a08c"), rgb("#d0b596"))[int(near * 3)],
            near * 0.9,
        )
        mask = np.asarray(body, np.float32)[..., 0] / 255
        shade = np.asarray(body, np.float32)[..., 1:2] / 255
        blend(picture, solid(scale(tone, 0.75 if late < 0.3 else 0.5)) * (0.6 + 0.8 * shade), mask)
        if late < 0.3:
            panes = np.asarray(lights, np.float32).max(axis=2) / 255
            blend(picture, solid(mix(light.middle, tone, 0.35)), panes * 0.6)
            continue
        shine = np.asarray(lights, np.float32) / 255
        strength = (0.35 + 0.65 * near) * (0.45 + 0.6 * late)
        screen(picture, shine * strength)
        for channel in range(3):
            halo = blur(shine[..., channel], width / 60) * (0.8 if neon else 0.45) * strength
            picture[..., channel] += halo * (1 - np.clip(picture[..., channel], 0, 1))


def _row(
    rng: np.random.Generator, width: int, height: int, foot: float, span: tuple[float, float, int],
    late: float, neon: bool,
) -> tuple[Image.Image, Image.Image]:  # fmt: skip
    """One row: an image whose red is the mask and green the shade, and an image of the lights."""
    low, high, count = span
    body, lights = Image.new("RGB", (width, height)), Image.new("RGB", (width, height))
    solid_pen, light_pen = ImageDraw.Draw(body), ImageDraw.Draw(lights)
    x = -0.02
    while x < 1.02:
        wide = float(rng.uniform(0.6, 1.35)) / count
        tall = low + (high - low) * float(rng.random()) ** 1.6 * (1.15 - abs(x - 0.5))
        box = (x * width, (foot - tall) * height, (x + wide) * width, foot * height)
        _tower(solid_pen, rng, box)
        _windows(light_pen, rng, box, late, neon)
        x += wide * float(rng.uniform(0.8, 1.05))
    return body, lights


def _tower(pen: ImageDraw.ImageDraw, rng: np.random.Generator, box: tuple[float, float, float, float]) -> None:
    left, top, right, bottom = box
    side = left + (right - left) * float(rng.uniform(0.55, 0.8))
    pen.rectangle(box, fill=(255, 150, 0))
    pen.rectangle((side, top, right, bottom), fill=(255, 70, 0))
    middle, wide = (left + right) / 2, right - left
    crown = rng.random()
    if crown < 0.25:
        pen.rectangle((left + wide * 0.2, top - wide * 0.35, right - wide * 0.2, top), fill=(255, 130, 0))
    elif crown < 0.45:
        pen.polygon([(left, top), (middle, top - wide * 0.7), (right, top)], fill=(255, 120, 0))
    if crown < 0.6:
        rise = wide * float(rng.uniform(0.5, 1.3))
        pen.line([(middle, top - rise), (middle, top)], fill=(255, 90, 0), width=max(1, round(wide / 24)))


def _windows(
    pen: ImageDraw.ImageDraw, rng: np.random.Generator, box: tuple[float, float, float, float], late: float, neon: bool
) -> None:
    left, top, right, bottom = box
    cell = max(4.0, (right - left) / 9)
    palette = (*_WARM, *_NEON[:2]) if neon else _WARM
    hue = palette[int(rng.integers(len(palette)))]
    share = 0.2 + 0.4 * late
    columns, rows = int((right - left - cell * 0.6) // cell), int((bottom - top) // (cell * 1.35))
    chances = rng.random((max(rows, 0), max(columns, 0)))
    for row in range(rows):
        for column in range(columns):
            if chances[row, column] < share:
                x, y = left + cell * (0.45 + column), top + cell * (0.5 + 1.35 * row)
                strength = 0.55 + 0.45 * chances[row, column] / share
                pen.rectangle((x, y, x + cell * 0.5, y + cell * 0.72), fill=_bytes(scale(rgb(hue), strength)))
    if neon and rng.random() < 0.75:
        sign = _bytes(rgb(_NEON[int(rng.integers(len(_NEON)))]))
        thick = max(2.0, cell * 0.38)
        if rng.random() < 0.5:
            x, y = left + (right - left) * float(rng.uniform(0.1, 0.7)), top + (bottom - top) * 0.15
            pen.rectangle(
                (x, y, x + thick * 2.4, y + (bottom - top) * 0.4), outline=sign, width=max(1, round(thick / 2))
            )
            pen.rectangle((x + thick * 0.9, y + thick, x + thick * 1.5, y + (bottom - top) * 0.34), fill=sign)
        else:
            pen.line([(left, top), (right, top)], fill=sign, width=max(1, round(thick)))
            pen.line([(left, top), (left, bottom)], fill=sign, width=max(1, round(thick / 3)))


def _bytes(colour: Colour) -> tuple[int, int, int]:
    return (round(colour[0] * 255), round(colour[1] * 255), round(colour[2] * 255))
