"""Types for text that people write."""

import re
from typing import Annotated, Any, Final
from unicodedata import category, normalize

from pydantic import AfterValidator, BeforeValidator, Field

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_INVISIBLE: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and symbols without a visible form: the Hangul fillers and the blank Braille pattern."""


def _text(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError as error:  # JSON can encode half of a surrogate pair
        raise ValueError("must be valid Unicode") from error
    if not any(_is_visible(character) for character in value):
        raise ValueError("must not be blank")
    if "\ufffd" in value:  # a gateway replaces invalid UTF-8 by it
        raise ValueError("must be UTF-8 text")
    if _CONTROL.search(value):
        raise ValueError("must not contain control characters")
    return value


def _is_visible(character: str) -> bool:
    """Return whether a character can be seen by itself: no space, no format or control character, no mark."""
    return category(character)[0] not in "ZCM" and character not in _INVISIBLE


Text = Annotated[str, AfterValidator(_text)]
"""Text with a visible character that is valid Unicode and has no control characters."""


_UNSEEN: Final = frozenset({"Cf", "Cc", "Co", "Cs", "Cn"})


def readable(text: str) -> str:
    """Return ``text`` without compatibility forms and invisible characters.

    Moderation reads this, and image models get the same, so that no text reaches a model that was not moderated.
    """
    shown = normalize("NFKC", text)
    if shown.isascii() and shown.isprintable():
        return shown
    return "".join(c for c in shown if c in "\n\t" or category(c) not in _UNSEEN)


def longest_form(text: str) -> int:
    """Return the length of ``text`` in characters, before or after normalisation (NFKC), whichever is larger.

    One character can become 18 (U+FDFA), so the length before normalisation does not bound what a model receives.
    """
    return max(len(text), len(normalize("NFKC", text)))


def length_rule(limit: int, limited_by: str = "") -> str:
    """Return the rule that ``longest_form`` is at most ``limit``, in words."""
    return f"must have at most {limit} characters{limited_by}, also after Unicode normalisation (NFKC)"


def at_most(limit: int) -> Any:
    """Return the validators of text that has at most ``limit`` characters in its longest form."""

    def check(value: str) -> str:
        if longest_form(value) > limit:
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
