"""How the stand-in judges a prompt: by words near each other, not by single words.

Text is folded first (NFKC, accents, zero-width characters, look-alike digits), harmless idioms are removed, and a
rule of `policy.json` matches if one word of each of its groups occurs within a short window, or if a phrase matches.
In a context such as a museum, a textbook or an awareness campaign, nudity, violence and the like are allowed.
It imitates a moderator on a laptop. It is not a safe one.
"""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

WINDOW = 8
"""The largest distance in words between the groups of a rule."""

_LONG = 5
_LOOK_ALIKES = str.maketrans("013457@$!", "oieastasi")
_WORD = re.compile(r"[a-z']+")
_SPELLED_OUT = re.compile(r"\b(?:[a-z][ .\-_]){3,}[a-z]\b")


@dataclass(frozen=True)
class _Rule:
    """Groups of word stems that must occur near each other, or phrases. Either is a match for the category."""

    category: str
    near: tuple[re.Pattern[str], ...]
    phrases: re.Pattern[str] | None


_ALLOWED_IN_CONTEXT = frozenset({"sexual", "violence", "self_harm", "hate"})


def _load() -> tuple[re.Pattern[str], re.Pattern[str], tuple[_Rule, ...]]:
    data = json.loads(Path(__file__).with_name("policy.json").read_text(encoding="utf-8"))
    rules = tuple(
        _Rule(
            entry["category"],
            tuple(map(_pattern, entry.get("near", ()))),
            re.compile("|".join(entry["phrases"])) if "phrases" in entry else None,
        )
        for entry in data["rules"]
    )
    return re.compile("|".join(data["harmless"])), re.compile(data["context"]), rules


def fold(text: str) -> str:
    """Return the text without disguises: compatibility forms, accents, invisible and look-alike characters."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text)).lower()
    shown = "".join(c for c in plain if unicodedata.category(c) not in {"Mn", "Cf"})
    words = (w.translate(_LOOK_ALIKES) if re.search("[a-z]", w) else w for w in re.split(r"(\s+)", shown))
    return _SPELLED_OUT.sub(lambda match: re.sub(r"[^a-z]", "", match.group()), "".join(words))


def judge(text: str) -> str:
    """Return the category of the text, or "none"."""
    folded = _HARMLESS.sub(" ", fold(text))
    words = _WORD.findall(folded)
    allowed = _ALLOWED_IN_CONTEXT if _CONTEXT.search(folded) else frozenset()
    matched = (
        rule.category
        for rule in _RULES
        if rule.category not in allowed
        and ((rule.phrases and rule.phrases.search(folded)) or (rule.near and _near(words, rule.near)))
    )
    return next(matched, "none")


def _near(words: list[str], groups: tuple[re.Pattern[str], ...]) -> bool:
    """Return whether some window of words contains at least one word of every group."""
    found = [[i for i, word in enumerate(words) if group.fullmatch(word)] for group in groups]
    return all(found) and any(all(any(abs(i - j) <= WINDOW for j in more) for more in found[1:]) for i in found[0])


def _pattern(stems: str) -> re.Pattern[str]:
    """Match short stems with common suffixes only (cut, cuts, cutting), and longer ones as a prefix."""
    words = stems.split()
    short = "|".join(rf"{word}(?:s|es|d|ed|{word[-1]}?ing|{word[-1]}ed)?" for word in words if len(word) < _LONG)
    long = "|".join(rf"(?:{word})\w*" for word in words if len(word) >= _LONG)
    return re.compile("|".join(filter(None, (short, long))))


# In order of severity: the first rule that matches gives the category.
_HARMLESS, _CONTEXT, _RULES = _load()
