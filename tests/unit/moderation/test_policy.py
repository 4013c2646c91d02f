"""The policy file: what an editor of it may rely on, and may not break."""

import re
from collections import Counter
from typing import Final

from services.moderation import policy

RULES: Final = policy.load()
TERMS: Final = [term for category in RULES.categories.values() for term in [*category.anywhere, *category.prompt]]


def test_the_version_is_a_date() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\d(\.\d+)?", RULES.version)


def test_terms_are_plain_lower_case_words() -> None:
    assert [term for term in [*TERMS, *RULES.innocent] if not re.fullmatch(r"[a-z]+( [a-z]+)*", term)] == []


def test_no_term_is_so_short_that_it_is_everywhere() -> None:
    assert [term for term in TERMS if len(term) < 3] == []


def test_no_term_is_listed_twice() -> None:
    assert [term for term, count in Counter([*TERMS, *RULES.innocent]).items() if count > 1] == []


def test_every_label_of_a_image_means_a_category() -> None:
    assert set(RULES.image.labels.values()) <= set(RULES.categories)
    assert 0 < RULES.image.min_confidence <= 100


def test_labels_are_looked_through_by_the_gravity_of_their_category() -> None:
    ranks = [list(RULES.categories).index(category) for category in RULES.labels_by_gravity().values()]
    assert ranks == sorted(ranks)
    assert RULES.labels_by_gravity() == RULES.image.labels


def test_a_negative_prompt_is_blocked_only_for_what_has_no_innocent_use() -> None:
    blocked = {name for name, category in RULES.categories.items() if category.terms_for("negative_prompt")}
    assert blocked == {"child_safety", "hate", "prompt_injection"}
