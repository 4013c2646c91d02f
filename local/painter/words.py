"""Reads a prompt: which of its words the painter knows, and what they ask for."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from local.painter.canvas import Colour, rgb

_LEXICON = json.loads(Path(__file__).with_name("lexicon.json").read_text(encoding="utf-8"))
COLOURS: dict[str, Colour] = {name: rgb(code) for name, code in _LEXICON["colours"].items()}
_NUMBERS = {"two": 2, "pair": 2, "three": 3, "four": 4, "five": 5, "few": 3, "several": 4, "many": 6, "flock": 7,
            "herd": 5, "fleet": 4}  # fmt: skip
_IMPLIED: dict[str, Colour] = {name: rgb(code) for name, code in _LEXICON["implied_colours"].items()}
_REACH = 3
_ALOFT = {"flying", "over", "soaring", "floating", "hovering", "flies", "gliding"}


@dataclass(frozen=True)
class Subject:
    """One thing to draw, how often, and in which colour if the prompt gives it one."""

    kind: str
    count: int = 1
    colour: Colour | None = None


@dataclass(frozen=True)
class Scene:
    """What a prompt asks for. `places` and `subjects` keep the prompt's order; `aloft` says that something flies."""

    time: str
    timed: bool
    weather: frozenset[str]
    places: tuple[Subject, ...]
    subjects: tuple[Subject, ...]
    style: str
    colours: tuple[Colour, ...]
    unwanted: frozenset[str] = frozenset()
    aloft: bool = False

    def place(self, kind: str) -> Subject | None:
        """The scenery of that kind, if asked for."""
        return next((place for place in self.places if place.kind == kind), None)

    @property
    def known(self) -> bool:
        """Whether any word named something that can be drawn, or a sky to draw."""
        return bool(self.places or self.subjects or self.weather or self.timed)


def read(prompt: str, negative: str = "", style: str = "") -> Scene:
    """The scene in a prompt's words, without what the negative prompt names."""
    words = _words(prompt)
    unwanted = _meanings(_words(negative))
    found = [item for item in _find(words) if (item.group, item.kind) not in unwanted]
    times = [item.kind for item in found if item.group == "times"]
    styles = [item.kind for item in found if item.group == "styles"]
    weather = frozenset(item.kind for item in found if item.group == "weather")
    banned = {colour for word in _words(negative) if (colour := COLOURS.get(word))}
    nouns = {item.at for item in found}
    hues = (COLOURS.get(word) for at, word in enumerate(words) if at not in nouns)
    colours = tuple(hue for hue in hues if hue and hue not in banned)
    given = _LEXICON["style_parameters"].get(style.lower().replace("_", "-"), "")
    return Scene(
        time=times[0] if times else _usual_time(found, unwanted),
        timed=bool(times),
        weather=weather,
        places=_subjects(words, found, "places", banned),
        subjects=_subjects(words, found, "subjects", banned),
        style=given or (styles[0] if styles else "plain"),
        colours=colours,
        unwanted=frozenset(kind for _, kind in unwanted),
        aloft=bool(_ALOFT & set(words)),
    )


@dataclass(frozen=True)
class _Found:
    group: str
    kind: str
    at: int


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z]+", text.lower().replace("'s", "").replace("sea of fog", "fog"))


def _find(words: list[str]) -> list[_Found]:
    """Every known word or pair of words, in order. Pairs count first ("golden hour" is no gold)."""
    found: list[_Found] = []
    skip = -1
    for at, word in enumerate(words):
        if at <= skip:
            continue
        after = words[at + 1] if at + 1 < len(words) else ""
        hits = _LOOKUP.get(f"{word} {after}") or _LOOKUP.get(f"{word} {_singular(after)}")
        if hits:
            skip = at + 1
        else:
            hits = _LOOKUP.get(word) or _LOOKUP.get(_singular(word), ())
        found.extend(_Found(group, kind, at) for group, kind in hits)
    return found


def _meanings(words: list[str]) -> set[tuple[str, str]]:
    return {(item.group, item.kind) for item in _find(words)}


def _subjects(words: list[str], found: list[_Found], group: str, banned: set[Colour]) -> tuple[Subject, ...]:
    """Each kind once, with the nearest colour and number before it that no other known noun comes between."""
    nouns = {item.at for item in found if item.group in ("places", "subjects")}
    out: dict[str, Subject] = {}
    for item in (item for item in found if item.group == group):
        colour, count = None, 2 if words[item.at].endswith("s") and _singular(words[item.at]) != words[item.at] else 1
        for back in range(item.at - 1, max(-1, item.at - 1 - _REACH), -1):
            colour = colour or (None if back in nouns else COLOURS.get(words[back]))
            count = max(count, _NUMBERS.get(words[back], 1))
            if back in nouns and group == "subjects":
                break
        colour = colour or _IMPLIED.get(words[item.at]) or _IMPLIED.get(_singular(words[item.at]))
        if item.kind not in out:
            out[item.kind] = Subject(item.kind, count, None if colour in banned else colour)
    return tuple(out.values())


def _usual_time(found: list[_Found], unwanted: set[tuple[str, str]]) -> str:
    """The hour a prompt implies without saying."""
    kinds = {item.kind for item in found}
    usual = "day"
    if "planet" in kinds:
        usual = "dusk"
    elif kinds & {"aurora", "space", "stars", "neon", "moon"}:
        usual = "night"
    elif kinds & {"noir", "storm"}:
        usual = "dusk"
    return usual if ("times", usual) not in unwanted else "dusk"


def _singular(word: str) -> str:
    """Good enough for nouns: foxes, ponies, boats; grass stays."""
    for ending, instead in (("ies", "y"), ("ches", "ch"), ("shes", "sh"), ("xes", "x"), ("ves", "f"), ("s", "")):
        if word.endswith(ending) and len(word) > len(ending) + 1 and not word.endswith("ss"):
            return word[: -len(ending)] + instead
    return word


def _lookup() -> dict[str, tuple[tuple[str, str], ...]]:
    table: dict[str, tuple[tuple[str, str], ...]] = {}
    for group in ("times", "weather", "places", "subjects", "styles"):
        for kind, names in _LEXICON[group].items():
            for name in names.split(","):
                table[name.strip()] = (*table.get(name.strip(), ()), (group, kind))
    return table


_LOOKUP = _lookup()
