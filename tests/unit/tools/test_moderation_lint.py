"""The linter of moderation policies finds what a person would not: terms that never match, or that block too much."""

import json
from pathlib import Path
from typing import Any

import pytest

from services.moderation.policy import POLICIES, load_policy
from tools.moderation.lint import blocking_term, lint, main


def policy(tmp_path: Path, terms: list[str], innocent: list[str], pairs: list[dict[str, Any]] | None = None) -> Path:
    category = {"description": "gore", "block": {"prompt": terms}, "pairs": pairs or []}
    file = {
        "categories": {"violence": category},
        "innocent": innocent,
        "image": {"min_confidence": 60, "labels": {}},
    }
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(file))
    return path


@pytest.mark.parametrize("path", sorted(POLICIES.glob("*.json")), ids=lambda path: path.stem)
def test_every_policy_has_no_problems(path: Path) -> None:
    assert lint(path) == []


def test_a_term_that_blocks_everyday_words_is_named(tmp_path: Path) -> None:
    found = lint(policy(tmp_path, ["severed head", "garden"], []))

    assert any(
        each.startswith("categories.violence.block: 'garden' blocks 'garden' (an everyday word, ") for each in found
    )
    assert all("'garden' blocks" in each and each.endswith("move it to review") for each in found)


def test_a_pair_that_blocks_an_innocent_prompt_is_named(tmp_path: Path) -> None:
    path = policy(tmp_path, ["severed head"], [], [{"strength": "block", "one": ["naked"], "other": ["rats", "rat"]}])

    assert any(
        "pair 0 blocks" in each and each.endswith("(an innocent phrase); move it to review") for each in lint(path)
    )


def test_a_term_inside_an_innocent_phrase_never_matches(tmp_path: Path) -> None:
    path = policy(tmp_path, ["severed head", "mole rats"], ["naked mole rats", "mole rats in a zoo", "mole"])

    assert lint(path) == [
        "categories.violence: 'mole rats' never matches: an innocent phrase covers it; remove one of them"
    ]


def test_a_broken_policy_fails_the_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    policy(tmp_path, ["Gore"], [])

    assert main(tmp_path) == 1
    assert "mine.json: categories.violence.block.prompt: 'Gore' can never match" in capsys.readouterr().out


def test_the_term_that_blocks_a_text_is_found() -> None:
    assert blocking_term(load_policy(), "sexual", "a h3ntai poster") == "'hentai'"
    with pytest.raises(LookupError):
        blocking_term(load_policy(), "sexual", "a lighthouse")
