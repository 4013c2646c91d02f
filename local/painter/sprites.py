"""Turns a shape into a lit picture with a mask, and sets it down in the scene."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from local.painter.canvas import (
    Array,
    Colour,
    Stencil,
    blur,
    curve,
    mix,
    rgb,
    scale,
    screen,
    smooth,
    soften,
    solid,
)
from local.painter.light import Light
from local.painter.shapes import Part, Shape

_MARGIN = 0.12


@dataclass(frozen=True)
class Sprite:
    """A drawn shape: its colours, where it covers, and where it shines by itself."""

    picture: Array
    mask: Array
    glow: Array


def draw(shape: Shape, light: Light, tall: int, *, colour: Colour | None, flip: bool, lit: float = 1.0) -> Sprite:
    """Draw a shape `tall` pixels high in the hour's light; `lit` below 1 is backlight."""
    margin = int(tall * _MARGIN)
    width, height = int(tall * shape.aspect) + 2 * margin, tall + 2 * margin
    tones = _tones(shape, colour)
    picture = np.zeros((height, width, 3), np.float32)
    union = np.zeros((height, width), np.float32)
    glow = np.zeros((height, width), np.float32)
    sun_side = -1.0 if (light.sun[0] < 0.5) != flip else 1.0
    for part in shape.parts:
        left, top, mask = _mask(part, tall, shape.aspect, margin, width, height)
        if mask.size == 0:
            continue
        h, w = mask.shape
        area = (slice(top, top + h), slice(left, left + w))
        if part.tone == "glow":
            tone = solid(tones["glow"])
            glow[area] = np.maximum(glow[area], mask)
        else:
            glow[area] *= 1 - mask
            tone = solid(light.on(tones[part.tone])) * _relief(mask, part, sun_side, tall)[..., None]
        picture[area] += (tone - picture[area]) * mask[..., None]
        union[area] = np.maximum(union[area], mask * (0.8 if part.tone in ("steam", "smoke") else 1))
    picture = _unmatte(picture, union)
    _light_whole(picture, union, glow, light, sun_side, tall, lit)
    if flip:
        picture, union, glow = (np.ascontiguousarray(layer[:, ::-1]) for layer in (picture, union, glow))
    return Sprite(picture, union, glow)


def place(picture: Array, sprite: Sprite, x: float, foot: float, tall: int, opacity: float = 1.0) -> None:
    """Set a sprite down in place: `x` its middle and `foot` its ground line, in pixels."""
    height, width = picture.shape[:2]
    h, w = sprite.mask.shape
    left, top = round(x - w / 2), round(foot - tall * (1 + _MARGIN))
    x0, x1, y0, y1 = max(0, left), min(width, left + w), max(0, top), min(height, top + h)
    if x0 >= x1 or y0 >= y1:
        return
    here = (slice(y0, y1), slice(x0, x1))
    there = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
    cover = sprite.mask[there][..., None] * opacity
    picture[here] += (sprite.picture[there] - picture[here]) * cover
    shine = sprite.glow[there]
    if shine.max(initial=0) > 0:
        halo = blur(sprite.glow, tall * 0.06)[there] * 0.6 + blur(sprite.glow, tall * 0.02)[there] * 0.4
        screen(picture[here], halo[..., None] * solid((1, 0.82, 0.5)) * opacity)


def waterline(sprite: Sprite, tall: int, sink: float) -> int:
    """Cut off, in place, what is under water; returns the row that is left last."""
    row = int(tall * (1 - sink + _MARGIN))
    fade = smooth(row + 3.0, row - 3.0, np.arange(sprite.mask.shape[0], dtype=np.float32))[:, None]
    sprite.mask[:] *= fade
    sprite.glow[:] *= fade
    return row


def mirror(picture: Array, sprite: Sprite, x: float, foot: float, tall: int, line: int) -> None:
    """A dim reflection under something that floats, from its waterline down."""
    above = slice(0, line)
    upside = Sprite(sprite.picture[above][::-1] * 0.72, sprite.mask[above][::-1] * 0.4, sprite.glow[above][::-1] * 0.3)
    place(picture, upside, x, foot + tall * (1 + _MARGIN), tall)


def shadow(picture: Array, x: float, foot: float, wide: float, strength: float = 0.4) -> None:
    """The soft dark place under something that stands on the ground."""
    height, width = picture.shape[:2]
    x0, x1 = max(0, int(x - wide)), min(width, int(x + wide))
    y0, y1 = max(0, int(foot - wide * 0.22)), min(height, int(foot + wide * 0.22))
    if x0 >= x1 or y0 >= y1:
        return
    across = (np.arange(x0, x1, dtype=np.float32)[None, :] - x) / wide
    down = (np.arange(y0, y1, dtype=np.float32)[:, None] - foot) / (wide * 0.22)
    picture[y0:y1, x0:x1] *= (1 - strength * smooth(1, 0.1, np.sqrt(across**2 + down**2)))[..., None]


def _tones(shape: Shape, colour: Colour | None) -> dict[str, Colour]:
    main = colour or rgb(shape.tones["main"])
    tones = {"dark": scale(main, 0.62), "light": mix(main, (1, 0.98, 0.92), 0.6)}
    tones |= {name: rgb(code) for name, code in shape.tones.items()}
    if colour:
        tones["dark"] = scale(main, 0.6)
        for name in ("wing", "wing2", "petal"):
            if name in tones:
                tones[name] = mix(main, (1, 1, 1), 0.3) if name != "wing2" else scale(main, 0.75)
    return tones | {"main": main}


def _mask(part: Part, tall: int, aspect: float, margin: int, width: int, height: int) -> tuple[int, int, Array]:
    """The part's mask cropped to its surroundings, with the crop's corner."""
    points = [(x * aspect * tall + margin, y * tall + margin) for x, y in _outline(part)]
    pad = part.width * tall / 2 + 2
    left = max(0, int(min(x for x, _ in points) - pad))
    top = max(0, int(min(y for _, y in points) - pad))
    right = min(width, int(max(x for x, _ in points) + pad) + 1)
    bottom = min(height, int(max(y for _, y in points) + pad) + 1)
    if right <= left or bottom <= top:
        return 0, 0, np.zeros((0, 0), np.float32)
    stencil = Stencil(right - left, bottom - top, over=3)
    moved = [(x - left, y - top) for x, y in points]
    if part.form == "line":
        stencil.line(moved, part.width * tall)
        for x, y in (moved[0], moved[-1]):
            stencil.oval(x, y, part.width * tall / 2, part.width * tall / 2)
    else:
        stencil.polygon(moved)
    return left, top, stencil.mask()


def _outline(part: Part) -> list[tuple[float, float]]:
    if part.form == "oval":
        (x, y), (rx, ry) = part.points
        turn = np.linspace(0, 2 * np.pi, 28, endpoint=False)
        return [(x + rx * float(np.cos(t)), y + ry * float(np.sin(t))) for t in turn]
    if part.form == "line" and len(part.points) > 2:
        there_and_back = [*part.points, *part.points[-2:0:-1]]
        return curve(there_and_back, 6)[: 6 * (len(part.points) - 1) + 1]
    return curve(part.points) if part.form == "blob" else list(part.points)


def _relief(mask: Array, part: Part, sun_side: float, tall: int) -> Array:
    """Rounded light on curved parts, a gentle fall-off on flat ones."""
    h, w = mask.shape
    if part.form in ("poly", "line") or min(h, w) < 10:
        return np.broadcast_to(0.95 + 0.13 * sun_side * np.linspace(-1, 1, w, dtype=np.float32), (h, w))
    pad = max(8, min(h, w) // 4)
    soft = soften(np.pad(mask, pad), min(h, w) * 0.2)[pad:-pad, pad:-pad]
    down, across = np.gradient(soft)
    slope: Array = (down - across * sun_side) * min(h, w)
    shade: Array = np.clip(0.9 + 0.26 * slope, 0.55, 1.4)
    return shade


def _unmatte(picture: Array, union: Array) -> Array:
    """Colours at a mask's edge without the black they were drawn on."""
    return np.where(union[..., None] > 0.02, picture / np.maximum(union[..., None], 0.02), picture).clip(0, 1)


def _light_whole(
    picture: Array, union: Array, glow: Array, light: Light, sun_side: float, tall: int, lit: float
) -> None:
    """A rim of light on the sun's side, shade on the other, and a silhouette's darkness against a low sun."""
    soft = soften(union, max(2.0, tall * 0.045))
    down, across = np.gradient(soft)
    turn = (-across * sun_side + down * 0.8) * tall * 0.05
    picture *= (1 - (1 - lit) * (1 - glow) * 0.62)[..., None]
    picture *= np.clip(1 + 0.5 * np.minimum(turn, 0), 0.5, 1)[..., None]
    rim = np.clip(turn * 1.5, 0, 1) * (0.2 + 0.8 * light.backlit) * (1 - glow)
    screen(picture, (rim * 0.8)[..., None] * solid(light.glow))
