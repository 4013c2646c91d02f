"""The keyword filter in 42 languages: their everyday words are not blocked, and almost none asks for a review."""

import lzma
from typing import Final

import pytest

from services.moderation.keywords import KeywordFilter
from services.moderation.policy import load_policy
from tools.everyday_words import FILE, WORDS

FILTER: Final = KeywordFilter(load_policy())
EVERYDAY: Final = {
    code: words.split(" ")
    for code, words in (line.split("\t") for line in lzma.decompress(FILE.read_bytes()).decode().splitlines())
}
MAX_REVIEWS: Final = WORDS // 1000
"""0.1 %: words such as "porno" are everyday words of some languages."""


def test_the_list_has_at_least_forty_languages() -> None:
    assert len(EVERYDAY) >= 40
    assert {len(words) for words in EVERYDAY.values()} == {WORDS}


@pytest.mark.parametrize("language", EVERYDAY)
def test_everyday_words_of_a_language_pass(language: str) -> None:
    hits = {word: hit for word in EVERYDAY[language] if (hit := FILTER.find({"prompt": word}))}
    assert [word for word, hit in hits.items() if hit.strength == "block"] == []
    assert len(hits) <= MAX_REVIEWS, list(hits)


@pytest.mark.parametrize("language", EVERYDAY)
def test_everyday_words_pass_in_negative_prompts(language: str) -> None:
    assert [word for word in EVERYDAY[language] if FILTER.find({"prompt": "a fox", "negative_prompt": word})] == []
