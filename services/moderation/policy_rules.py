"""The rules of a policy file that its JSON Schema cannot express."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from services.moderation.policy import PolicyFile

ARTICLES: Final = frozenset({"a", "an", "the"})
"""Words that the keyword filter ignores."""
_PLAIN: Final = re.compile(r"[a-z]+(?: [a-z]+)*")
_WORD: Final = re.compile(r"[a-z]+")
_MIN: Final = 3


def problems_of(file: "PolicyFile") -> list[str]:
    """Return a sentence for each problem of a policy file, with its place."""
    problems = [*_groups(file.groups), *_references(file), *_terms(file), *_duplicates(file), *_labels(file)]
    return problems or list(_overlaps(file))


def resolve_words(words: Sequence[str], groups: Mapping[str, Sequence[str]]) -> list[str]:
    """Return ``words`` with the words of groups in place of their names. There must be no cycle."""
    return list(
        chain.from_iterable(resolve_words(groups[each[1:]], groups) if each[0] == "@" else [each] for each in words)
    )


def _groups(groups: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for name in groups:
        if cycle := _cycle(name, groups, ()):
            yield f"groups.{name}: includes itself ({' → '.join(cycle)}); remove one of these names"


def _cycle(name: str, groups: Mapping[str, Sequence[str]], path: tuple[str, ...]) -> tuple[str, ...]:
    """Return the way from the first group of ``path`` back to it, or nothing."""
    if name in path:
        return (*path, name) if name == path[0] else ()
    included = (each[1:] for each in groups.get(name, ()) if each.startswith("@"))
    return next(filter(None, (_cycle(each, groups, (*path, name)) for each in included)), ())


def _references(file: "PolicyFile") -> Iterator[str]:
    used = set()
    for place, words in _word_lists(file):
        for each in words:
            if each.startswith("@"):
                used.add(each[1:])
                if each[1:] not in file.groups:
                    yield f"{place}: {each!r} is no group; add it to groups or use one of: {_listed(file.groups)}"
    for name in file.groups.keys() - used:
        yield f"groups.{name}: is not used; use it as {'@' + name!r} or remove it"


def _terms(file: "PolicyFile") -> Iterator[str]:
    """Yield terms that can never match, because the keyword filter folds texts to words of the letters a to z."""
    for place, terms in [*_term_lists(file), ("innocent", file.innocent)]:
        for term in terms:
            if not _PLAIN.fullmatch(term):
                yield (
                    f"{place}: {term!r} can never match; write words of the lower-case letters a to z with single"
                    " spaces: texts are compared in this form"
                )
            elif not set(term.split()) - ARTICLES:
                yield f"{place}: {term!r} can never match; articles are ignored in texts"
            elif len(term) < _MIN:
                yield f"{place}: {term!r} is too short; use at least {_MIN} letters"
    for place, words in _word_lists(file):
        for word in words:
            if not word.startswith("@") and (not _WORD.fullmatch(word) or len(word) < _MIN):
                yield f"{place}: {word!r} can never match; write one word of at least {_MIN} lower-case letters a to z"


def _duplicates(file: "PolicyFile") -> Iterator[str]:
    """Yield terms that are listed twice, whatever their category and strength, and words that a pair has twice."""
    first: dict[str, str] = {}
    for place, terms in [*_term_lists(file), ("innocent", file.innocent)]:
        for term in terms:
            if term in first:
                yield f"{place}: {term!r} is listed in {first[term]} already; remove one of them"
            first.setdefault(term, place)
    for place, words in _word_lists(file):
        seen: set[str] = set()
        for word in words:
            if word in seen:
                yield f"{place}: {word!r} is listed twice; remove one of them"
            seen.add(word)


def _overlaps(file: "PolicyFile") -> Iterator[str]:
    for name, category in file.categories.items():
        for index, pair in enumerate(category.pairs):
            one, other = (resolve_words(words, file.groups) for words in (pair.one, pair.other))
            for word in sorted(set(one) & set(other)):
                yield f"categories.{name}.pairs.{index}: {word!r} is in both lists; remove it from one of them"


def _labels(file: "PolicyFile") -> Iterator[str]:
    for place, labels in (("image.labels", file.image.labels), ("guardrail", file.guardrail)):
        for label, category in labels.items():
            if category not in file.categories:
                yield f"{place}.{label}: unknown category {category!r}; use one of: {_listed(file.categories)}"


def _term_lists(file: "PolicyFile") -> Iterator[tuple[str, Sequence[str]]]:
    for name, category in file.categories.items():
        for strength, terms in (("block", category.block), ("review", category.review)):
            yield f"categories.{name}.{strength}.anywhere", terms.anywhere
            yield f"categories.{name}.{strength}.prompt", terms.prompt


def _word_lists(file: "PolicyFile") -> Iterator[tuple[str, Sequence[str]]]:
    for name, words in file.groups.items():
        yield f"groups.{name}", words
    for name, category in file.categories.items():
        for index, pair in enumerate(category.pairs):
            yield f"categories.{name}.pairs.{index}.one", pair.one
            yield f"categories.{name}.pairs.{index}.other", pair.other


def _listed(names: Mapping[str, object]) -> str:
    return ", ".join(names) or "none"
