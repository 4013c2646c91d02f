"""Layer 1: a keyword filter that sees through disguises and leaves innocent words alone.

A term is only ever compared with whole words: ``Scunthorpe`` and ``therapist`` pass. What hides a word is undone first:

    characters   see ``folding``
    leetspeak    k1ll, p0rn, $3x: digits and symbols inside a word are read as letters
    separators   po.rn, b-o-m-b: read with and without them; k i l l: runs of single letters are joined
    repetition   kiiill: a letter may be repeated, but not left out (``niger`` is a country)

Each way to read the text is tried on its own, because what is a letter in one (``k!ll``) is punctuation in another
(``kill!``). A hit inside an innocent phrase (``naked mole rat``) does not count.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from string import punctuation
from typing import Final, NamedTuple

from services.moderation.folding import STAND_INS, fold
from services.moderation.policy import Policy
from services.moderation.service import Field, Finding

_ARTICLES: Final = frozenset({"a", "an", "the"})
_REPEATED: Final = re.compile(r"(.)\1*")
_DOUBLES: Final = [(letter * 2, letter) for letter in "abcdefghijkmnopqrstuvwxyz"]

_OTHERS: Final = punctuation + STAND_INS + "0123456789"
_APART: Final = str.maketrans(dict.fromkeys(_OTHERS, " "))
_HYPHENS: Final = str.maketrans(dict.fromkeys(_OTHERS, "-"))
_DIGITS: Final = str.maketrans("013456789@$€£¢¥§©®", "oieasgtbgaseicyscr")
"""Read as letters wherever they are."""
_SYMBOLS: Final = str.maketrans("!|¡+(<[", "iiitccc")
"""Read as letters where one stands inside a word; at its edge they are punctuation."""
_EDGE: Final = punctuation.replace("@", "").replace("$", "")
_SYMBOL_INSIDE: Final = re.compile(r"[^\s!-/:-?\[-`{-~][!|¡+(<\[]+[^\s!-/:-?\[-`{-~]")

_WIDE_GAP: Final = re.compile(r"\s{2,}|\s*[\n,;/]\s*")
_GAP: Final = "\x01"
"""Stands for a wide gap between spelled-out words. Not white space, and nothing folds to it."""


class _Term(NamedTuple):
    words: list[str]
    keys: list[str]
    """The words with every repeated letter written once."""
    rank: int
    """Its category's position in the policy: the smaller, the graver."""


class KeywordFilter:
    """The policy's terms, indexed for each field of a request. Pure: same policy and text, same answer."""

    name: Final = "keywords"

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._categories = list(policy.categories)
        self._indices: dict[Field, _Index] = {}

    def find(self, texts: Mapping[Field, str]) -> Finding | None:
        """Return the gravest category a term of which occurs, with its field; None where there is none."""
        hits = [(rank, field) for field, text in texts.items() for rank in self._index(field).hits(text)]
        if not hits:
            return None
        rank, field = min(hits, key=lambda hit: hit[0])
        return Finding(category=self._categories[rank], field=field, reason="category_blocked")

    def _index(self, field: Field) -> "_Index":
        """Return the index of what is blocked in ``field``, made when first needed: a cold start does not wait."""
        if field not in self._indices:
            categories = enumerate(self._policy.categories.values())
            terms = [(term, rank) for rank, category in categories for term in category.terms_for(field)]
            self._indices[field] = _Index(terms, self._policy.innocent)
        return self._indices[field]


class _Index:
    """Terms by their first and second word."""

    def __init__(self, terms: Sequence[tuple[str, int]], innocent: Sequence[str]) -> None:
        self._terms: dict[str, dict[str, list[_Term]]] = {}
        # Folded in one go: a call a term would cost a cold start ten times as much.
        phrases = [_content(line.split()) for line in fold("\n".join(text for text, _ in terms)).split("\n")]
        keyed = [line.split() for line in _collapse("\n".join(" ".join(words) for words in phrases)).split("\n")]
        for words, keys, (_, rank) in zip(phrases, keyed, terms, strict=True):
            self._add(_Term(words, keys, rank))
            if len(words) > 1:
                self._add(_Term(["".join(words)], [_collapse("".join(keys))], rank))
        self._vocabulary = {key for keys in keyed for key in keys} | self._terms.keys() | _ARTICLES
        lines = fold("\n".join(innocent)).split("\n")
        self._innocent = {tuple(_content(line.split())) for line in lines}
        self._longest = max(map(len, self._innocent))

    def _add(self, term: _Term) -> None:
        second = term.keys[1] if len(term.keys) > 1 else ""
        self._terms.setdefault(term.keys[0], {}).setdefault(second, []).append(term)

    def hits(self, text: str) -> Iterator[int]:
        """Yield the rank of every term found in any reading of ``text``."""
        folded = fold(text)
        spelled_out = False
        for words in _readings(folded):
            keys = _keys(words)
            yield from self._scan(words, keys)
            if runs := _runs(keys):
                spelled_out = True
                yield from self._scan_spelled_out(words, runs)
        if spelled_out:
            for words in _readings(_WIDE_GAP.sub(f" {_GAP} ", folded)):
                yield from self._scan_spelled_out(words, _runs(_keys(words), at_least=2))

    def _scan(self, words: list[str], keys: list[str]) -> Iterator[int]:
        if self._terms.keys().isdisjoint(keys):
            return
        content = [pair for pair in zip(words, keys, strict=True) if pair[1] not in _ARTICLES]
        words, keys = [word for word, _ in content], [key for _, key in content]
        for start in [position for position, key in enumerate(keys) if key in self._terms]:
            terms = self._terms[keys[start]]
            for term in [*terms.get("", ()), *terms.get("".join(keys[start + 1 : start + 2]), ())]:
                stop = start + len(term.keys)
                if (
                    keys[start:stop] == term.keys
                    and all(map(_spells, words[start:stop], term.words))
                    and not self._is_innocent(words, start, stop)
                ):
                    yield term.rank

    def _is_innocent(self, words: list[str], start: int, stop: int) -> bool:
        """Tell whether ``words[start:stop]`` lies within an innocent phrase."""
        return any(
            tuple(words[first:last]) in self._innocent
            for first in range(max(0, stop - self._longest), start + 1)
            for last in range(stop, first + self._longest + 1)
        )

    def _scan_spelled_out(self, words: list[str], runs: Sequence[tuple[int, int]]) -> Iterator[int]:
        """Scan ``words`` with their runs of single letters joined, whole and less the first or last (``a k i l l``)."""
        for trim_first, trim_last in ((0, 0), (1, 0), (0, 1), (1, 1)):
            joined: list[str] = []
            done = 0
            for start, end in runs:
                word = "".join(words[start + trim_first : end - trim_last])
                if _collapse(word) in self._vocabulary:
                    joined += [*words[done : start + trim_first], word]
                    done = end - trim_last
            if joined:
                joined = [word for word in [*joined, *words[done:]] if word != _GAP]
                yield from self._scan(joined, _keys(joined))


def _content(words: Sequence[str]) -> list[str]:
    return [word for word in words if word not in _ARTICLES]


def _collapse(text: str) -> str:
    """Return ``text`` with every repeated letter written once."""
    # Faster than a regular expression, by far.
    for double, letter in _DOUBLES:
        while double in text:
            text = text.replace(double, letter)
    return text


def _keys(words: Sequence[str]) -> list[str]:
    return _collapse(" ".join(words)).split(" ")


def _spells(word: str, term: str) -> bool:
    """Tell whether ``word`` is ``term``, or ``term`` with letters repeated."""
    if len(word) <= len(term):
        return word == term
    have, need = ([run.group() for run in _REPEATED.finditer(text)] for text in (word, term))
    return all(map(str.startswith, have, need))


def _readings(folded: str) -> Iterator[list[str]]:
    """Yield every way to read ``folded`` as words."""
    lettered = folded.translate(_DIGITS)
    texts = [folded.translate(_APART), _together(lettered)]
    if lettered != folded:
        texts.append(lettered.translate(_APART))
    if _SYMBOL_INSIDE.search(folded):
        inner = " ".join(chunk.strip(_EDGE) for chunk in folded.split())
        inner = inner.translate(_DIGITS).translate(_SYMBOLS)
        texts += [inner.translate(_APART), _together(inner)]
    seen: list[list[str]] = []
    for text in texts:
        words = text.split()
        if words not in seen:
            seen.append(words)
            yield words


def _together(text: str) -> str:
    # Not by mapping to nothing: that is not in translate's fast path.
    return text.translate(_HYPHENS).replace("-", "")


def _runs(keys: Sequence[str], at_least: int = 3) -> list[tuple[int, int]]:
    """Return where so many single letters (``k``, also ``kkk``) or more stand in a row: start and end.

    Two are a word only between wide gaps: in ``o n   t h e``, but not in ``vitamin b c``.
    """
    singles = [position for position, key in enumerate(keys) if len(key) == 1 and key != _GAP]
    runs: list[tuple[int, int]] = []
    start = 0
    for count, position in enumerate(singles, 1):
        if count == len(singles) or singles[count] != position + 1:
            if count - start >= at_least:
                runs.append((singles[start], position + 1))
            start = count
    return runs
