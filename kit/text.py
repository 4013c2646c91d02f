"""Types for text that people write."""

import re
from typing import Annotated, Any, Final
from unicodedata import category, name, normalize

from pydantic import AfterValidator, BeforeValidator, Field

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_INVISIBLE: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and symbols without a visible form: the Hangul fillers and the blank Braille pattern."""

_SIGNS: Final = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")
"""Visible signs, such as those of Arabic numbers, that Unicode classifies as format characters."""
_JOINERS: Final = frozenset("\u061c\u180e\u200b\u200c\u200d\u200e\u200f")
"""Invisible characters that scripts and emoji need: zero-width spaces and joiners, and marks of direction."""
_SELECTORS: Final = frozenset("\u180b\u180c\u180d\u180f") | frozenset(map(chr, range(0xFE00, 0xFE10)))
"""Select a form of the character before them, such as the colourful form of an emoji."""
_IDEOGRAPHIC_SELECTORS: Final = frozenset(map(chr, range(0xE0100, 0xE01F0)))

_REFUSED: Final = {
    "Cf": "an invisible format character",
    "Co": "a private-use character",
    "Cn": "an unassigned code point",
    "Cs": "half of a surrogate pair",
}
"""The categories of characters in which a text can be hidden from a reader, except ``_SIGNS`` and ``_JOINERS``."""


def _text(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError as error:  # JSON can encode half of a surrogate pair
        raise ValueError("must be valid Unicode") from error
    shown = readable(value)
    if not any(_is_visible(character) for character in shown):
        raise ValueError("must not be blank")
    if "\ufffd" in value:  # a gateway replaces invalid UTF-8 by it
        raise ValueError("must be UTF-8 text")
    if _CONTROL.search(value):
        raise ValueError("must not contain control characters")
    for character in value if not value.isascii() else "":
        if _is_refused(character):
            kind = _REFUSED[category(character)]
            raise ValueError(f"must not contain U+{ord(character):04X}, {kind}: remove it")
    return shown


def _is_visible(character: str) -> bool:
    """Return whether a character can be seen by itself: no space, no format or control character, no mark."""
    return category(character)[0] not in "ZCM" and character not in _INVISIBLE


def _is_refused(character: str) -> bool:
    return category(character) in _REFUSED and character not in _SIGNS and character not in _JOINERS


Text = Annotated[str, AfterValidator(_text)]
"""Text with a visible character, in its ``readable`` form.

It is valid Unicode without control characters and without characters in which a text can be hidden.
"""


def readable(text: str) -> str:
    """Return ``text`` in the form that is stored, moderated and sent to models.

    It has no compatibility forms (NFKC), its lines end with a line feed, and it has no refused or control characters.
    Joiners and selectors stay only where scripts and emoji need them, so that they neither split a word nor encode a
    hidden text. The readable form of a readable text is the same text.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    if lines.isascii():
        return lines if lines.isprintable() else _CONTROL.sub("", lines)
    # NFKC may join what a removed character separated, and a selector may follow another character after NFKC.
    shown = normalize("NFKC", "".join(c for c in _CONTROL.sub("", lines) if not _is_refused(c)))
    while (kept := normalize("NFKC", _without_misplaced(shown))) != shown:  # at most as often as marks are composed
        shown = kept
    return shown


def _without_misplaced(text: str) -> str:
    """Return ``text`` without joiners and selectors that do not belong to the character before them."""
    if text.isascii() or not (_JOINERS | _SELECTORS | _IDEOGRAPHIC_SELECTORS) & set(text):
        return text
    kept: list[str] = []
    for character in text:
        if _is_in_place(kept[-1] if kept else " ", character):
            kept.append(character)
    return "".join(kept)


def _is_in_place(previous: str, character: str) -> bool:
    if character in _IDEOGRAPHIC_SELECTORS:
        return name(previous, "").startswith("CJK")
    is_selector = character in _SELECTORS
    if not is_selector and character not in _JOINERS:
        return True
    if previous in _SELECTORS:  # a joiner may follow, as in the emoji of a heart on fire
        return not is_selector
    return previous not in _JOINERS and category(previous) not in {"Lu", "Ll", "Lt", "Zs", "Zl", "Zp", "Cc"}


def length_rule(limit: int, limited_by: str = "") -> str:
    """Return the rule that a text has at most ``limit`` characters, in words."""
    return f"must have at most {limit} characters{limited_by}, counted after Unicode normalisation (NFKC)"


def at_most(limit: int) -> Any:
    """Return the validators of ``Text`` with at most ``limit`` characters. They count what the model receives.

    One character can become 18 (U+FDFA), so the length before normalisation does not bound what a model receives.
    """

    def check(value: str) -> str:
        if len(value) > limit:
            raise ValueError(length_rule(limit))
        return value

    return Field(json_schema_extra={"maxLength": limit}), AfterValidator(check)


def matching(expression: str, rule: str) -> Any:
    """Return the validator of texts that match ``expression``. Its error is ``rule``, in words."""
    compiled = re.compile(expression)

    def check(value: str) -> str:
        if not compiled.fullmatch(value):
            raise ValueError(rule)
        return value

    return AfterValidator(check), Field(json_schema_extra={"pattern": f"^{expression}$"})


def _with_plain_x(value: Any) -> Any:
    return re.sub(r"(?<=\d)\s*[xX*\u00d7]\s*(?=\d)", "x", value) if isinstance(value, str) else value


_SIZE: Final = r"[1-9][0-9]{1,3}x[1-9][0-9]{1,3}"

Size = Annotated[
    str,
    BeforeValidator(_with_plain_x),
    *matching(_SIZE, "must be WIDTHxHEIGHT in pixels, such as 1024x1024"),
]
"""The size of an image. ``X``, ``*`` and the multiplication sign are accepted as well."""
_RATIO: Final = r"[1-9][0-9]?:[1-9][0-9]?"
AspectRatio = Annotated[str, *matching(_RATIO, "must be WIDTH:HEIGHT, such as 16:9")]
SizeRatioOrAuto = Annotated[
    str,
    BeforeValidator(_with_plain_x),
    *matching(
        f"(?:auto|{_SIZE}|{_RATIO})",
        "must be WIDTHxHEIGHT in pixels, such as 1024x1024, a ratio, such as 16:9, or auto",
    ),
]
