"""Normalises text to what a reader sees, whatever characters it is written with.

``normalise`` undoes disguises that change characters: case, compatibility forms (full-width, mathematical, circled
letters), accents, invisible characters, and look-alikes from other alphabets. ``l`` becomes ``i``, because I, l, 1, |
and ! stand for either. A Cyrillic or Greek word with a letter that nobody takes for a Latin one is no disguise, and
becomes a blank. Disguises that change words (spacing, leetspeak) are undone in ``keywords``.
"""

import json
import re
import unicodedata
from pathlib import Path
from typing import Final

_CONFUSABLES: Final = json.loads(Path(__file__).with_name("confusables.json").read_text(encoding="utf-8"))["letters"]
"""Letter → what Unicode calls confusable with it. `tools/look_alikes.py` writes the file."""
_LOOK_ALIKES: Final = json.loads(Path(__file__).with_name("look_alikes.json").read_text(encoding="utf-8"))
"""Letter → look-alikes that Unicode does not list. They take precedence."""
_LETTER: Final[dict[str, str]] = {
    look: letter for table in (_CONFUSABLES, _LOOK_ALIKES) for letter, looks in table.items() for look in looks
}
# Symbols that Unicode does not normalise: regional indicators, negative circled and negative squared letters.
_REGIONAL_A: Final = 0x1F1E6
_ALPHABETS: Final = (_REGIONAL_A, 0x1F150, 0x1F170)
# Letters and symbols that are invisible, although Unicode does not classify them as such.
_BLANKS: Final = frozenset("\u115f\u1160\u3164\uffa0\u2800")
_INVISIBLE: Final = frozenset({"Mn", "Me", "Cf", "Co", "Cs", "Cn"})
LEET_SYMBOLS: Final = "€£¢¥§©®¡"
"""Symbols beyond ASCII that leetspeak uses for letters. All others become a hyphen."""
_CACHE_SIZE: Final = 4096
"""Code points in the translation table: enough for any text, and a limit on memory."""

_REGIONAL_INDICATORS: Final = re.compile("[\U0001f1e6-\U0001f1ff]+")
_FLAGS: Final = frozenset(json.loads(Path(__file__).with_name("flags.json").read_text(encoding="utf-8")))
"""Pairs of letters with a flag: https://www.unicode.org/Public/emoji/latest/emoji-sequences.txt."""

_OTHER_SCRIPTS: Final = re.compile(
    "(?<!\\w)[\u0590-\u109f\u1200-\u139f\u1780-\u18af\u3040-\u3163\u3165-\ua48f]+(?!\\w)"
)
"""Hebrew to Myanmar, Ethiopic, Khmer, Mongolian, Kana, Han, Yi: words without a Latin letter are no disguise.

U+3164 is a blank (see ``_BLANKS``): between two invisible characters it would count as a word and split the one around
it."""
_FOREIGN_WORD: Final = re.compile(r"(?<!\w)(?:[\u0400-\u052f]+|[\u0370-\u03ff\u1f00-\u1fff]+)(?!\w)")
_UNMISTAKABLE: Final = re.compile("[бгджзийлпфцчшщъыьэюя]|[γδζθλξπσςφψω]", re.IGNORECASE)


class _Translation(dict[int, str | None]):
    """The table for ``str.translate``, filled on first use of a character."""

    def __missing__(self, code: int) -> str | None:
        normal = _normalise_character(chr(code))
        if len(self) < _CACHE_SIZE:
            self[code] = normal
        return normal


def _normalise_character(character: str) -> str | None:
    category = unicodedata.category(character)
    if category in _INVISIBLE or character in _BLANKS:
        return None
    if category == "Cc":
        return character if character.isspace() else None
    for start in _ALPHABETS:
        if start <= ord(character) < start + 26:
            return chr(ord("a") + ord(character) - start).replace("l", "i")
    lower = character.lower()
    letter = _LETTER.get(character) or _LETTER.get(lower)
    if letter is None and category[0] in "PS":
        return character if character.isascii() or character in LEET_SYMBOLS else "-"
    if letter is None and category[0] == "N":
        return str(unicodedata.digit(character, "-"))
    return (letter or lower.casefold()).replace("l", "i")


_TRANSLATION: Final = _Translation()


def normalise(text: str) -> str:
    """Return ``text`` in the lower-case letters that it looks like; white space, digits and ASCII symbols stay."""
    if not text.isascii():
        text = _REGIONAL_INDICATORS.sub(_flags_as_blanks, text)
        text = _OTHER_SCRIPTS.sub(" ", text)
        text = _FOREIGN_WORD.sub(lambda word: " " if _UNMISTAKABLE.search(word[0]) else word[0], text)
    return unicodedata.normalize("NFKD", text).translate(_TRANSLATION)


def _flags_as_blanks(run: re.Match[str]) -> str:
    """Return blanks for flags. Regional indicators that are no flags may spell a word."""
    letters = "".join(chr(ord(each) - _REGIONAL_A + ord("A")) for each in run[0])
    pairs = [letters[start : start + 2] for start in range(0, len(letters), 2)]
    return " " if all(pair in _FLAGS for pair in pairs) else run[0]
