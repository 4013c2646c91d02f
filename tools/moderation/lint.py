"""Checks moderation policies: `python -m tools.moderation lint`, a part of `make check`.

The loader refuses a file that breaks a rule. This also finds terms that never match because an innocent phrase covers
them, and terms that block an everyday word or an innocent prompt: those belong in `review`.
"""

import lzma
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Final, get_args

from events.catalog.prompt_rejected import Strength
from services.moderation.keywords import KeywordFilter
from services.moderation.models import Hit, TextField
from services.moderation.policy import POLICIES, Category, Policy, PolicyError, Terms, parse_policy
from tools import everyday_words
from tools.moderation.corpus import CORPUS, read_corpus

PHRASES: Final = CORPUS.with_name("innocent_phrases.txt")


def main(folder: Path = POLICIES) -> int:
    """Print the problems of every policy in ``folder``. Return 1 if there are any."""
    problems = [f"{path.name}: {problem}" for path in sorted(folder.glob("*.json")) for problem in lint(path)]
    print("\n".join(problems) or "Every policy keeps the rules.")
    return 1 if problems else 0


def lint(path: Path) -> list[str]:
    """Return the problems of a policy file."""
    try:
        policy = parse_policy(path.stem, path.read_bytes())
    except PolicyError as error:
        return error.problems
    find = KeywordFilter(policy).find
    return [*_without_hit(policy, find), *_blocked_innocents(policy, find)]


def _without_hit(policy: Policy, find: Callable[[dict[TextField, str]], Hit | None]) -> Iterator[str]:
    for name, category in policy.categories.items():
        texts = [(repr(term), term) for each in get_args(Strength) for term in category.terms(each, "prompt")]
        for pair in category.pairs:
            combined = [f"{word} {pair.other[0]}" for word in pair.one] + [
                f"{pair.one[0]} {word}" for word in pair.other
            ]
            texts += [(f"the pair {text!r}", text) for text in combined]
        for shown, text in texts:
            if find({"prompt": text}) is None:
                yield f"categories.{name}: {shown} never matches: an innocent phrase covers it; remove one of them"


def _blocked_innocents(policy: Policy, find: Callable[[dict[TextField, str]], Hit | None]) -> Iterator[str]:
    for text, source in innocent_texts().items():
        hit = find({"prompt": text})
        if hit is not None and hit.strength == "block":
            term = blocking_term(policy, hit.category, text)
            yield f"categories.{hit.category}.block: {term} blocks {text!r} ({source}); move it to review"


@cache
def innocent_texts() -> dict[str, str]:
    """Return everyday words, innocent phrases and the innocent prompts of the corpus → their source."""
    lines = lzma.decompress(everyday_words.FILE.read_bytes()).decode().splitlines()
    words = {
        word: f"an everyday word, {code}"
        for code, listed in (line.split("\t") for line in lines)
        for word in listed.split()
    }
    phrases = dict.fromkeys(PHRASES.read_text(encoding="utf-8").splitlines(), "an innocent phrase")
    prompts = {line.prompt: f"the corpus, {line.language}" for line in read_corpus() if line.category is None}
    return words | phrases | prompts


def blocking_term(policy: Policy, category: str, text: str) -> str:
    """Return the term or the pair of a category that blocks ``text``."""
    data = policy.categories[category]
    for term in data.terms("block", "prompt"):
        if _blocks(policy, category, data.model_copy(update={"block": Terms(prompt=[term]), "pairs": []}), text):
            return repr(term)
    for index, pair in enumerate(data.pairs):
        if _blocks(policy, category, data.model_copy(update={"block": Terms(), "pairs": [pair]}), text):
            return f"pair {index}"
    raise LookupError(f"no term of {category} blocks {text!r}")


def _blocks(policy: Policy, name: str, category: Category, text: str) -> bool:
    only = policy.model_copy(update={"categories": {name: category.model_copy(update={"review": Terms()})}})
    hit = KeywordFilter(only).find({"prompt": text})
    return hit is not None and hit.strength == "block"
