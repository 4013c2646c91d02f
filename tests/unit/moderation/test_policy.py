"""The rules that every edit of the policy file must keep."""

import re
from collections import Counter
from typing import Final, get_args

from events.catalog.prompt_rejected import Strength
from services.moderation.policy import load_policy

POLICY: Final = load_policy()
STRENGTHS: Final = get_args(Strength)
TERMS: Final = [
    term for category in POLICY.categories.values() for each in STRENGTHS for term in category.terms(each, "prompt")
]


def test_the_version_is_a_date() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\d(\.\d+)?", POLICY.version)


def test_terms_are_plain_lower_case_words() -> None:
    assert [term for term in [*TERMS, *POLICY.innocent] if not re.fullmatch(r"[a-z]+( [a-z]+)*", term)] == []


def test_no_term_is_shorter_than_three_letters() -> None:
    assert [term for term in TERMS if len(term) < 3] == []


def test_no_term_is_listed_twice() -> None:
    assert [term for term, count in Counter([*TERMS, *POLICY.innocent]).items() if count > 1] == []


def test_pairs_are_of_plain_single_words() -> None:
    pairs = [pair for category in POLICY.categories.values() for pair in category.pairs]
    assert pairs
    for pair in pairs:
        words = [*pair.one, *pair.other]
        assert [word for word in words if not re.fullmatch(r"[a-z]{3,}", word)] == []
        assert len(set(words)) == len(words)


def test_every_label_belongs_to_a_category() -> None:
    assert set(POLICY.image.labels.values()) <= set(POLICY.categories)
    assert 0 < POLICY.image.min_confidence <= 100


def test_labels_are_ordered_by_severity() -> None:
    ranks = [list(POLICY.categories).index(category) for category in POLICY.labels_by_severity().values()]
    assert ranks == sorted(ranks)
    assert POLICY.labels_by_severity() == POLICY.image.labels


def test_three_categories_have_terms_for_negative_prompts() -> None:
    blocked = {
        name
        for name, category in POLICY.categories.items()
        for each in STRENGTHS
        if category.terms(each, "negative_prompt")
    }
    assert blocked == {"child_safety", "hate", "prompt_injection"}
