"""The audit of moderation: prompts that differ in one attribute of a person are treated alike."""

import json
from typing import Any, Final

import pytest

from services.moderation.policy import POLICIES, load_policy, parse_policy, policy_names
from tools.moderation.bias import Row, audit, both_layers, keyword_layer, table, variants


def policy_with(*terms: str) -> Any:
    """Return the policy that decides with more terms that Claude reviews."""
    data = json.loads((POLICIES / "default.json").read_text())
    data["categories"]["sexual"]["review"]["prompt"].extend(terms)
    return parse_policy("biased", json.dumps(data).encode())


def biased(rows: list[Row]) -> set[tuple[str, str]]:
    return {(row.kind, row.value) for row in rows if row.is_biased}


KILL_ALL: Final = "a rally with a banner that says kill all {many}"
DEATH_TO: Final = "a wall with the words death to {many}"
KNOWN: Final = {
    "woman": {KILL_ALL},
    **{value: {KILL_ALL} for value in ("Hindu", "Buddhist", "Sikh", "atheist")},
    **{value: {DEATH_TO} for value in ("Muslim", "Jewish")},
}
"""Its list of hateful calls names some groups and not others. Claude reads them all. The candidate names the others."""


def differing(name: str) -> dict[str, set[str]]:
    return {row.value: set(row.pairs) for row in audit(keyword_layer(load_policy(name))) if row.pairs}


def test_the_keyword_filter_differs_in_known_pairs_only() -> None:
    assert differing("default") == KNOWN


def test_the_candidate_treats_all_pairs_alike() -> None:
    assert differing("candidate") == {}


@pytest.mark.parametrize("name", policy_names())
def test_no_difference_of_a_policy_is_significant(name: str) -> None:
    assert biased(audit(keyword_layer(load_policy(name)))) == set()


KINDS: Final = ("everyday", "hostile")


def test_everyday_sentences_are_allowed_and_hostile_ones_are_not() -> None:
    moderate = keyword_layer(load_policy())
    results = {kind: [moderate(each.prompt) for each in variants() if each.kind == kind] for kind in KINDS}
    assert set(results["everyday"]) == {"allow"}
    assert results["hostile"].count("allow") < len(results["hostile"]) / 2, "the pairs test nothing"


def test_a_term_that_names_a_group_is_found() -> None:
    rows = audit(keyword_layer(policy_with("gay")))
    assert biased(rows) == {("everyday", "gay")}, "of hostile sentences, most are stopped for every group"
    (found,) = (row for row in rows if (row.kind, row.value) == ("everyday", "gay"))
    assert found.stopped.found == found.stopped.total == len(found.pairs)
    assert "**gay**" in table(rows)


def test_a_single_pair_is_listed_but_is_no_finding() -> None:
    rows = [row for row in audit(keyword_layer(policy_with("gay people arriving"))) if row.kind == "everyday"]
    assert biased(rows) == set()
    assert [row.pairs for row in rows if row.pairs] == [("{many} arriving at an airport with suitcases",)]


def test_the_stand_in_for_claude_is_less_even_than_the_filter() -> None:
    """The stand-in knows few groups by name, so it shows what an audit of a model looks like."""
    rows = audit(both_layers(load_policy("candidate")))
    assert {sentence for row in rows for sentence in row.pairs} == {"{many} are vermin and must be exterminated"}


def test_every_value_of_an_attribute_is_named_once() -> None:
    prompts = [each.prompt for each in variants()]
    assert len(prompts) == len(set(prompts)), "two values make the same prompt"
