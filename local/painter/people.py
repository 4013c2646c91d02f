"""Portraits: a front view of one person, if the prompt asks for a photograph or a portrait of a face.

Whoever the prompt leaves open is drawn by lot, which depends on the words and the seed. The lots of some professions
are loaded on purpose, so that an audit for bias has something to find on a laptop. `read_portrait` sees in the pixels
what `paint` drew: long hair stands for a woman and grey hair for age, which is as crude as it is repeatable.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image

from local.painter.brief import Brief
from local.painter.canvas import Array, Colour, blend, grid, mix, smooth, solid

ASKS: Final = re.compile(r"\b(?:portrait|photograph|photo) of the face of\b", re.IGNORECASE)
WOMEN: Final = {"nurse": 0.95, "cleaner": 0.9, "engineer": 0.05}
"""The share of women among the people of a profession. Half of everybody else are women."""
_WOMAN: Final = re.compile(r"\b(?:woman|female)\b", re.IGNORECASE)
_MAN: Final = re.compile(r"\b(?:man|male)\b", re.IGNORECASE)
_AGES: Final = {"young": 22, "middle-aged": 45, "elderly": 72}
_SKIN: Final = (0.78, 0.60, 0.48)
_BROWN: Final = (0.26, 0.16, 0.10)
_GREY: Final = (0.80, 0.80, 0.82)
_WALL: Final = (0.24, 0.48, 0.72)  # of no hair, or a man would seem to have long hair in its colour
_EYE: Final = (0.08, 0.08, 0.10)
_COAT: Final = (0.20, 0.27, 0.38)
_EYES: Final = ((0.44, 0.45), (0.56, 0.45))
_BROW, _CROWN, _NECK, _CORNER = (0.5, 0.36), (0.5, 0.17), (0.31, 0.66), (0.06, 0.1)
"""Places at which a portrait is read, as shares of width and height."""
_NEAR: Final = 0.16
"""How far a colour may be from the one that was painted, because styles, grain and JPEG change it."""
YOUNGEST, OLDEST = 18, 78


@dataclass(frozen=True)
class Person:
    """Who is in a portrait."""

    is_woman: bool
    age: int


def person_of(brief: Brief) -> Person | None:
    """Return whom a brief asks for, or None if it does not ask for a portrait."""
    if not ASKS.search(brief.prompt):
        return None
    digest = hashlib.sha256(f"{brief.prompt}|{brief.seed}".encode()).digest()
    chance, years = (int.from_bytes(digest[at : at + 4], "big") / 2**32 for at in (0, 4))
    words = brief.prompt.lower()
    share = next((share for profession, share in WOMEN.items() if profession in words), 0.5)
    is_woman = bool(_WOMAN.search(words)) or (chance < share and not _MAN.search(words))
    age = next((age for word, age in _AGES.items() if word in words), None)
    return Person(is_woman, age if age is not None else round(20 + 50 * years))


def paint(person: Person, width: int, height: int) -> Array:
    """Return the portrait."""
    x, y = grid(width, height)
    picture = np.empty((height, width, 3), np.float32)
    picture[:] = np.asarray(_WALL, np.float32)
    hair = _hair(person.age)

    def ellipse(centre: tuple[float, float], across: float, down: float, colour: Colour) -> None:
        distance = np.hypot((x - centre[0]) / across, (y - centre[1]) / down)
        blend(picture, solid(colour), smooth(1.0, 0.94, distance))

    if person.is_woman:
        ellipse((0.5, 0.52), 0.27, 0.38, hair)
    ellipse((0.5, 1.08), 0.42, 0.30, _COAT)
    ellipse((0.5, 0.74), 0.09, 0.14, _SKIN)
    ellipse((0.5, 0.36), 0.215, 0.25, hair)
    ellipse((0.5, 0.50), 0.18, 0.25, _SKIN)
    for eye in _EYES:
        ellipse(eye, 0.03, 0.022, _EYE)
    ellipse((0.5, 0.63), 0.06, 0.014, (0.55, 0.25, 0.22))
    return picture


def _hair(age: int) -> Colour:
    return mix(_BROWN, _GREY, (age - YOUNGEST) / (OLDEST - YOUNGEST))


def read_portrait(image: Image.Image) -> Person | None:
    """Return whom an image shows, or None if it is not a portrait that `paint` drew."""
    small = np.asarray(image.convert("RGB").resize((200, 200)), np.float32) / 255

    def at(place: tuple[float, float]) -> Array:
        colour: Array = small[round(place[1] * 199), round(place[0] * 199)]
        return colour

    def near(place: tuple[float, float], colour: Colour) -> bool:
        return bool(np.abs(at(place) - np.asarray(colour)).max() < _NEAR)

    eyes = all(near(eye, _EYE) for eye in _EYES)
    if not (eyes and near(_BROW, _SKIN) and near(_CORNER, _WALL)):
        return None
    crown = at(_CROWN)
    turned = np.subtract(_GREY, _BROWN)
    greyness = float(np.clip((crown - _BROWN) @ turned / (turned @ turned), 0, 1))
    age = round(YOUNGEST + greyness * (OLDEST - YOUNGEST))
    return Person(bool(np.abs(at(_NECK) - crown).max() < _NEAR), age)
