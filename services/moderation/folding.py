"""Canonical text: what a reader sees, whatever characters it was written with.

``fold`` undoes disguises that change characters: case, compatibility forms (full-width, mathematical, circled
letters), accents, invisible characters, look-alikes of other alphabets. One class is coarser than the alphabet: ``l``
becomes ``i``, because I, l, 1, | and ! stand for either. Disguises that change words (spacing, leetspeak) are undone by
the reader of the words, in ``keywords``.
"""

import json
import unicodedata
from pathlib import Path
from typing import Final

_LOOK_ALIKES: Final = json.loads(Path(__file__).with_name("look_alikes.json").read_text(encoding="utf-8"))
"""Letter → the characters of other alphabets that look like it and that Unicode does not fold."""
_LETTER: Final[dict[str, str]] = {look: letter for letter, looks in _LOOK_ALIKES.items() for look in looks}
# Alphabets of symbols that Unicode does not fold: regional indicators, negative circled and negative squared letters.
_ALPHABETS: Final = (0x1F1E6, 0x1F150, 0x1F170)
# Letters and symbols that show as nothing although Unicode counts them as something.
_BLANK: Final = frozenset("\u115f\u1160\u3164\uffa0\u2800")
_INVISIBLE: Final = frozenset({"Mn", "Me", "Cf", "Co", "Cs", "Cn"})
STAND_INS: Final = "€£¢¥§©®¡"
"""Symbols beyond ASCII that leetspeak uses for letters; all others fold to a hyphen."""
_REMEMBERED: Final = 4096
"""Code points whose folding is kept: enough for any text, too few to fill the memory with."""


class _Folding(dict[int, str | None]):
    """``str.translate``'s table, filled as characters are met."""

    def __missing__(self, code: int) -> str | None:
        folded = _fold_character(chr(code))
        if len(self) < _REMEMBERED:
            self[code] = folded
        return folded


def _fold_character(character: str) -> str | None:
    category = unicodedata.category(character)
    if category in _INVISIBLE or character in _BLANK:
        return None
    if category == "Cc":
        return character if character.isspace() else None
    for start in _ALPHABETS:
        if start <= ord(character) < start + 26:
            return chr(ord("a") + ord(character) - start).replace("l", "i")
    lower = character.lower()
    letter = _LETTER.get(character) or _LETTER.get(lower)
    if letter is None and category[0] in "PS":
        return character if character.isascii() or character in STAND_INS else "-"
    if letter is None and category[0] == "N":
        return str(unicodedata.digit(character, "-"))
    return (letter or lower.casefold()).replace("l", "i")


_FOLDING: Final = _Folding()


def fold(text: str) -> str:
    """Return ``text`` in lower-case letters as they look; white space, digits and ASCII symbols stay."""
    return unicodedata.normalize("NFKD", text).translate(_FOLDING)


def clean(text: str) -> str:
    """Return ``text`` as a person would read it aloud: compatibility forms replaced, invisible characters removed."""
    shown = unicodedata.normalize("NFKC", text)
    if shown.isascii() and shown.isprintable():
        return shown
    return "".join(c for c in shown if c in "\n\t" or unicodedata.category(c) not in {"Cf", "Cc", "Co", "Cs", "Cn"})
