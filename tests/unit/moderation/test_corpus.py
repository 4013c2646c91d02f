"""The corpus: what is innocent is not blocked by a word, and what the keyword filter has to block is blocked."""

from collections import Counter
from typing import Final

import pytest

from services.moderation.keywords import KeywordFilter
from services.moderation.policy import load_policy
from tools.moderation.corpus import Line, read_corpus

POLICY: Final = load_policy()
FILTER: Final = KeywordFilter(POLICY)
LINES: Final = list(read_corpus())
MAX_REVIEWS: Final = 0.05
"""Of the innocent prompts, which are as close to terms as we could find. Each review is a hint to Claude."""


def ids(line: Line) -> str:
    return f"{line.language}: {line.prompt}"


def test_the_corpus_is_large_and_has_no_duplicates() -> None:
    assert len(LINES) >= 1500
    assert len({line.language for line in LINES}) >= 12
    assert [each for each, count in Counter((line.language, line.prompt) for line in LINES).items() if count > 1] == []
    assert {line.category for line in LINES} <= {None, *POLICY.categories}
    assert {line.layer for line in LINES} == {None, "keywords", "claude"}


@pytest.mark.parametrize("language", sorted({line.language for line in LINES}))
def test_innocent_prompts_are_not_blocked_by_a_word(language: str) -> None:
    innocent = [line.prompt for line in LINES if line.language == language and line.category is None]
    hits = {prompt: hit for prompt in innocent if (hit := FILTER.find({"prompt": prompt}))}
    assert [prompt for prompt, hit in hits.items() if hit.strength == "block"] == []


def test_few_innocent_prompts_are_reviewed() -> None:
    innocent = [line for line in LINES if line.category is None]
    assert sum(FILTER.find({"prompt": line.prompt}) is not None for line in innocent) <= MAX_REVIEWS * len(innocent)


@pytest.mark.parametrize("line", [line for line in LINES if line.layer == "keywords"], ids=ids)
def test_what_the_keyword_filter_has_to_block_is_blocked(line: Line) -> None:
    hit = FILTER.find({"prompt": line.prompt})
    assert hit is not None
    assert (hit.strength, hit.category) == ("block", line.category)


@pytest.mark.parametrize("line", [line for line in LINES if line.layer == "claude"], ids=ids)
def test_disguised_terms_with_an_innocent_use_are_hints(line: Line) -> None:
    hit = FILTER.find({"prompt": line.prompt})
    assert hit is not None
    assert (hit.strength, hit.category) == ("review", line.category)
