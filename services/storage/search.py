# ruff: noqa: RUF001 - the characters that people replace by others
"""Words of prompts as searches compare them: what people type finds what people wrote.

Case, accents, Arabic and Hebrew vocalisation, Unicode's widths and ligatures, and typographic apostrophes and dashes
make no difference. German umlauts are found as ``ü``, ``u`` and ``ue``.
"""

from collections.abc import Sequence
from typing import Final
from unicodedata import category, combining, normalize

_LETTERS: Final = str.maketrans(
    {
        **dict.fromkeys("’‘ʼʻ‛′`´", "'"),
        **dict.fromkeys("‐‑‒–—―−", "-"),
        "ı": "i",
        "ł": "l",
        "ø": "o",
        "đ": "d",
        "ð": "d",
        "ħ": "h",
        "ŧ": "t",
        "æ": "ae",
        "œ": "oe",
        "þ": "th",
        "ـ": None,  # Arabic tatweel only stretches a word
    }
)
"""Characters that people replace by others and that Unicode does not decompose."""
_DIGRAPHS: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})
_MEANINGFUL_MARKS: Final = frozenset({0, 8, 9})
"""Combining classes of marks that make another letter: vowel signs, the voicing marks of kana, the virama."""


def fold(text: str) -> str:
    """Return ``text`` without differences that a search ignores."""
    marked = normalize("NFKD", _lower(text))
    kept = "".join(c for c in marked if combining(c) in _MEANINGFUL_MARKS and category(c) != "Cf")
    return normalize("NFC", kept.translate(_LETTERS))


def search_text(prompt: str) -> str:
    """Return the text that is stored for a prompt: the folded prompt, and words with umlauts spelled otherwise."""
    words = dict.fromkeys(word for word in _lower(prompt).split() if word != word.translate(_DIGRAPHS))
    return " ".join([fold(prompt), *(fold(word.translate(_DIGRAPHS)) for word in words)])


def search_words(query: str) -> tuple[Sequence[str], ...]:
    """Return the words of a query, each with its spellings. A prompt matches with one spelling of every word."""
    spellings = (tuple(dict.fromkeys((fold(word), fold(word.translate(_DIGRAPHS))))) for word in _lower(query).split())
    return tuple(dict.fromkeys(each for each in spellings if each[0]))


def _lower(text: str) -> str:
    return normalize("NFC", normalize("NFKC", text).casefold())
