"""Layer 1: a keyword filter that recognises disguised words and does not block innocent ones.

A term is compared with whole words only, so ``Scunthorpe`` and ``therapist`` pass. Disguises are undone first:

    characters   see ``normalisation``
    leetspeak    k1ll, p0rn, $3x: digits and symbols inside a word are read as letters
    separators   po.rn, b-o-m-b: read with and without them; k i l l: runs of single letters are joined
    repetition   kiiill: three and more equal letters may be fewer, but not omitted (``niger`` is a country)

Every combination is a variant of the text and is searched separately. A term does not cross the end of a sentence or
clause (``a child, nude pink``), and a match that shares a word with an innocent phrase (``naked mole-rats``) does not
count. The words of a pair may be anywhere in a clause.
"""

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from itertools import product
from string import punctuation
from typing import Final, NamedTuple, get_args

from events.catalog.prompt_rejected import Strength
from services.moderation.models import Hit, TextField
from services.moderation.normalisation import LEET_SYMBOLS, normalise
from services.moderation.policy import Policy
from services.moderation.policy_rules import ARTICLES

_REPEATED: Final = re.compile(r"(.)\1*")
_DOUBLES: Final = [(letter * 2, letter) for letter in "abcdefghijkmnopqrstuvwxyz"]

_SEPARATORS: Final = punctuation + LEET_SYMBOLS + "0123456789"
_SPACES: Final = str.maketrans(dict.fromkeys(_SEPARATORS, " "))
_HYPHENS: Final = str.maketrans(dict.fromkeys(_SEPARATORS, "-"))
_DIGITS: Final = str.maketrans("013456789@$€£¢¥§©®", "oieasgtbgaseicyscr")
"""Read as letters everywhere."""
_SYMBOLS: Final = str.maketrans("!|¡+(<[", "iiitccc")
"""Read as letters inside a word; at its edge they are punctuation."""
_EDGE: Final = punctuation.replace("@", "").replace("$", "")
_SYMBOL_INSIDE: Final = re.compile(r"[^\s!-/:-?\[-`{-~][!|¡+(<\[]+[^\s!-/:-?\[-`{-~]")

_CLAUSE_END: Final = re.compile(r"[,;:.!?]+(?=[\s\"')\]}]|$)|[/\n]+")
_BOUNDARY: Final = "\x02"
"""Marks the end of a clause. Like ``_GAP``, it occurs in no normalised text."""
_WIDE_GAP: Final = re.compile(r"\s{2,}|\s*[\n,;/]\s*")
_GAP: Final = "\x01"
"""Marks a wide gap between spelled-out words. It is not white space, and no normalised text contains it."""


class _Term(NamedTuple):
    words: list[str]
    keys: list[str]
    """The words without repeated letters."""
    rank: int
    """The position of its strength and category: the lowest is the gravest."""


class KeywordFilter:
    """Searches the texts of a request for the policy's terms. Pure: the result depends on policy and text only."""

    name: Final = "keywords"

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._ranks: list[tuple[Strength, str]] = list(product(get_args(Strength), policy.categories))
        self._indices: dict[TextField, _Index] = {}

    def screen(self, texts: Mapping[TextField, str], _hit: Hit | None = None) -> Hit | None:
        """Return the gravest hit, or None. As the first layer, it has no hit of another one."""
        return self.find(texts)

    def find(self, texts: Mapping[TextField, str]) -> Hit | None:
        """Return the gravest hit, or None: one that blocks before one to review, then by category."""
        matches = [(rank, field) for field, text in texts.items() for rank in self._index(field).matches(text)]
        if not matches:
            return None
        rank, field = min(matches, key=lambda match: match[0])
        strength, category = self._ranks[rank]
        return Hit(category=category, field=field, strength=strength)

    def _index(self, field: TextField) -> "_Index":
        """Return the index of the terms that count in ``field``. It is built on first use, not at cold start."""
        if field not in self._indices:
            terms = [
                (term, rank)
                for rank, (strength, name) in enumerate(self._ranks)
                for term in self._policy.categories[name].terms(strength, field)
            ]
            pairs = [
                (pair.one, pair.other, self._ranks.index((pair.strength, name)))
                for name, category in self._policy.categories.items()
                for pair in category.pairs
                if field == "prompt"
            ]
            self._indices[field] = _Index(terms, pairs, self._policy.innocent)
        return self._indices[field]


class _Index:
    """Terms by their first and second word, and pairs by their words."""

    def __init__(
        self,
        terms: Sequence[tuple[str, int]],
        pairs: Sequence[tuple[Sequence[str], Sequence[str], int]],
        innocent: Sequence[str],
    ) -> None:
        self._terms: dict[str, dict[str, list[_Term]]] = {}
        # One call for all terms: a call per term would take ten times as long at cold start.
        phrases = [_content(line.split()) for line in _normalised([text for text, _ in terms])]
        keyed = [line.split() for line in _collapse("\n".join(" ".join(words) for words in phrases)).splitlines()]
        for words, keys, (_, rank) in zip(phrases, keyed, terms, strict=True):
            self._add(_Term(words, keys, rank))
            if len(words) > 1:
                self._add(_Term(["".join(words)], [_collapse("".join(keys))], rank))
        self._vocabulary = {key for keys in keyed for key in keys} | self._terms.keys() | ARTICLES
        lines = _normalised(innocent)
        self._innocent = {spelling for line in lines for spelling in _spellings(_content(line.split()))}
        self._longest = max(map(len, self._innocent), default=0)
        self._pairs = [(_by_key(one), _by_key(other), rank) for one, other, rank in pairs]

    def _add(self, term: _Term) -> None:
        second = term.keys[1] if len(term.keys) > 1 else ""
        self._terms.setdefault(term.keys[0], {}).setdefault(second, []).append(term)

    def matches(self, text: str) -> Iterator[int]:
        """Yield the rank of every term that occurs in a variant of ``text``."""
        normal = normalise(text)
        for words in _variants(_CLAUSE_END.sub(f" {_BOUNDARY} ", normal)):
            keys = _keys(words)
            yield from self._search(words, keys)
            yield from self._search_pairs(words, keys)
        spelled_out = False
        for words in _variants(normal):
            if runs := _runs(_keys(words)):
                spelled_out = True
                yield from self._search_spelled_out(words, runs)
        if spelled_out:
            for words in _variants(_WIDE_GAP.sub(f" {_GAP} ", normal)):
                yield from self._search_spelled_out(words, _runs(_keys(words), at_least=2))

    def _search(self, words: list[str], keys: list[str], only: Set[int] | None = None) -> Iterator[int]:
        """Yield the rank of every term, or with ``only`` of every term with one of the words at these positions."""
        if self._terms.keys().isdisjoint(keys):
            return
        content = [position for position, key in enumerate(keys) if key not in ARTICLES]
        words, keys = [words[position] for position in content], [keys[position] for position in content]
        for start in [position for position, key in enumerate(keys) if key in self._terms]:
            terms = self._terms[keys[start]]
            for term in [*terms.get("", ()), *terms.get("".join(keys[start + 1 : start + 2]), ())]:
                stop = start + len(term.keys)
                if (
                    keys[start:stop] == term.keys
                    and all(map(_spells, words[start:stop], term.words))
                    and (only is None or not only.isdisjoint(content[start:stop]))
                    and not self._is_innocent(words, start, stop)
                ):
                    yield term.rank

    def _search_pairs(self, words: list[str], keys: list[str]) -> Iterator[int]:
        """Yield the rank of every pair with a word of both lists between two boundaries."""
        for one, other, rank in self._pairs:
            if one.keys().isdisjoint(keys) or other.keys().isdisjoint(keys):
                continue
            ones, others = (self._clauses_with(side, words, keys) for side in (one, other))
            if not ones.isdisjoint(others):
                yield rank

    def _clauses_with(self, side: Mapping[str, list[str]], words: list[str], keys: list[str]) -> set[int]:
        """Return the numbers of the clauses that contain a word of ``side`` outside of innocent phrases."""
        clause = 0
        found = set()
        for position, (word, key) in enumerate(zip(words, keys, strict=True)):
            clause += word == _BOUNDARY
            if any(_spells(word, term) for term in side.get(key, ())) and not self._is_innocent(
                words, position, position + 1
            ):
                found.add(clause)
        return found

    def _is_innocent(self, words: list[str], start: int, stop: int) -> bool:
        """Return whether ``words[start:stop]`` shares a word with an innocent phrase."""
        return any(
            tuple(map(_stem, words[first:last])) in self._innocent
            for first in range(max(0, start - self._longest + 1), stop)
            for last in range(max(first, start) + 1, first + self._longest + 1)
        )

    def _search_spelled_out(self, words: list[str], runs: Sequence[tuple[int, int]]) -> Iterator[int]:
        """Search with runs of single letters joined: complete, and without the first or last letter (``a k i l l``)."""
        for trim_first, trim_last in ((0, 0), (1, 0), (0, 1), (1, 1)):
            joined: list[str] = []
            spelled: set[int] = set()
            done = 0
            for start, end in runs:
                word = "".join(words[start + trim_first : end - trim_last])
                if _collapse(word) in self._vocabulary:
                    joined += [each for each in words[done : start + trim_first] if each != _GAP]
                    spelled.add(len(joined))
                    joined.append(word)
                    done = end - trim_last
            if spelled:
                joined += [each for each in words[done:] if each != _GAP]
                yield from self._search(joined, _keys(joined), spelled)


def _normalised(phrases: Sequence[str]) -> list[str]:
    """Return the phrases in their normalised form, with one call for all."""
    return normalise("\n".join(phrases)).splitlines()


def _spellings(words: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Yield the stems of a phrase with its words apart and, as in hyphenated compounds, together."""
    for together in product((False, True), repeat=len(words) - 1):
        spelling = list(words[:1])
        for word, glued in zip(words[1:], together, strict=True):
            if glued:
                spelling[-1] += word
            else:
                spelling.append(word)
        yield tuple(map(_stem, spelling))


def _stem(word: str) -> str:
    """Return ``word`` without the ``s`` of a plural or genitive."""
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def _by_key(words: Sequence[str]) -> dict[str, list[str]]:
    """Return normalised words by their keys."""
    by_key: dict[str, list[str]] = {}
    for word in _normalised(words):
        by_key.setdefault(_collapse(word), []).append(word)
    return by_key


def _content(words: Sequence[str]) -> list[str]:
    return [word for word in words if word not in ARTICLES]


def _collapse(text: str) -> str:
    """Return ``text`` without repeated letters."""
    # Much faster than a regular expression.
    for double, letter in _DOUBLES:
        while double in text:
            text = text.replace(double, letter)
    return text


def _keys(words: Sequence[str]) -> list[str]:
    return _collapse(" ".join(words)).split(" ")


def _spells(word: str, term: str) -> bool:
    """Return whether ``word`` is ``term``, possibly with letters repeated: two equal letters are ordinary spelling."""
    if len(word) <= len(term):
        return word == term
    have, need = ([run.group() for run in _REPEATED.finditer(text)] for text in (word, term))
    return all(
        run == wanted or (len(run) >= 3 and run.startswith(wanted)) for run, wanted in zip(have, need, strict=True)
    )


def _variants(text: str) -> Iterator[list[str]]:
    """Yield the words of every distinct variant of a normalised text.

    Each variant is searched separately, because a letter in one (``k!ll``) is punctuation in another (``kill!``).
    """
    letters = _digits_as_letters(text)
    variants = [_separators_as_spaces(text), _separators_removed(letters)]
    if letters != text:
        variants.append(_separators_as_spaces(letters))
    if _SYMBOL_INSIDE.search(text):
        letters = _inner_symbols_as_letters(text)
        variants += [_separators_as_spaces(letters), _separators_removed(letters)]
    seen: list[list[str]] = []
    for variant in variants:
        words = variant.split()
        if words not in seen:
            seen.append(words)
            yield words


def _digits_as_letters(text: str) -> str:
    """Read digits and currency symbols as letters: ``p0rn`` is ``porn``."""
    return text.translate(_DIGITS)


def _inner_symbols_as_letters(text: str) -> str:
    """Read symbols inside words as letters, too: ``k!ll`` is ``kill``. At the edge of a word they are punctuation."""
    inner = " ".join(chunk.strip(_EDGE) for chunk in text.split())
    return inner.translate(_DIGITS).translate(_SYMBOLS)


def _separators_as_spaces(text: str) -> str:
    """Read everything except letters as spaces: ``nude/woman`` is two words."""
    return text.translate(_SPACES)


def _separators_removed(text: str) -> str:
    """Read words without the characters that separate their letters: ``po.rn`` is ``porn``."""
    # Not by mapping to nothing: `translate` has no fast path for that.
    return text.translate(_HYPHENS).replace("-", "")


def _runs(keys: Sequence[str], at_least: int = 3) -> list[tuple[int, int]]:
    """Return start and end of every sequence of at least so many single letters (``k``, also ``kkk``).

    Two letters are a word only between wide gaps: in ``o n   t h e``, but not in ``vitamin b c``.
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
