"""Policy files: what the loader accepts, what it says about a broken file, and the version of a policy."""

import json
from copy import deepcopy
from typing import Any, Final

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from services.moderation.keywords import KeywordFilter
from services.moderation.policy import POLICIES, PolicyError, load_policy, parse_policy, policy_names
from tests.support.templates import ROOT, root_template

SMALL: Final[dict[str, Any]] = {
    "groups": {"minors": ["child", "@teens"], "teens": ["teenager"]},
    "categories": {
        "child_safety": {
            "description": "minors",
            "block": {"prompt": ["child porn"]},
            "pairs": [{"strength": "block", "one": ["@minors"], "other": ["erotic"]}],
        },
        "violence": {"description": "gore", "review": {"prompt": ["severed head"]}},
    },
    "innocent": ["severed head cabbage"],
    "image": {"min_confidence": 60, "labels": {"Corpses": "violence"}},
}
SCHEMA: Final = json.loads((ROOT / "services/moderation/policy.schema.json").read_text())


def problems(*path: str | int, value: Any) -> list[str]:
    """Return the problems of the small policy with another value at ``path``."""
    file = deepcopy(SMALL)
    *parents, last = path
    node: Any = file
    for each in parents:
        node = node[each]
    node[last] = value
    with pytest.raises(PolicyError) as caught:
        parse_policy("small", json.dumps(file).encode())
    return caught.value.problems


@pytest.mark.parametrize("name", policy_names())
def test_every_policy_is_valid_and_matches_the_schema(name: str) -> None:
    assert load_policy(name).version.startswith(f"{name}@")
    content = json.loads((POLICIES / f"{name}.json").read_bytes())
    assert list(Draft202012Validator(SCHEMA).iter_errors(content)) == []


def test_the_parameters_name_every_policy() -> None:
    parameters = root_template()["Parameters"]
    assert parameters["ModerationPolicy"]["AllowedValues"] == policy_names()
    assert parameters["ShadowPolicy"]["AllowedValues"] == ["", *policy_names()]


def test_an_unknown_policy_is_refused_with_the_names() -> None:
    with pytest.raises(PolicyError, match=r"no policies/strict.json; use one of: candidate, default"):
        load_policy("strict")


def test_groups_are_replaced_by_their_words() -> None:
    policy = parse_policy("small", json.dumps(SMALL).encode())
    assert policy.categories["child_safety"].pairs[0].one == ["child", "teenager"]
    hit = KeywordFilter(policy).find({"prompt": "an erotic picture of a teenager"})
    assert hit is not None
    assert (hit.category, hit.strength) == ("child_safety", "block")


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (
            ("groups", "teens"),
            ["teenager", "@minors"],
            [
                "groups.minors: includes itself (minors → teens → minors); remove one of these names",
                "groups.teens: includes itself (teens → minors → teens); remove one of these names",
            ],
        ),
        (
            ("groups", "teens"),
            ["@teens"],
            ["groups.teens: includes itself (teens → teens); remove one of these names"],
        ),
        (
            ("groups", "minors"),
            ["@adults"],
            [
                "groups.minors: '@adults' is no group; add it to groups or use one of: minors, teens",
                "groups.teens: is not used; use it as '@teens' or remove it",
            ],
        ),
        (
            ("image", "labels", "Corpses"),
            "gore",
            ["image.labels.Corpses: unknown category 'gore'; use one of: child_safety, violence"],
        ),
        (
            ("categories", "violence", "block"),
            {"prompt": ["severed head"]},
            [
                "categories.violence.review.prompt: 'severed head' is listed in categories.violence.block.prompt"
                " already; remove one of them"
            ],
        ),
        (
            ("innocent",),
            ["child porn"],
            ["innocent: 'child porn' is listed in categories.child_safety.block.prompt already; remove one of them"],
        ),
        (
            ("categories", "child_safety", "pairs", 0, "other"),
            ["erotic", "erotic"],
            ["categories.child_safety.pairs.0.other: 'erotic' is listed twice; remove one of them"],
        ),
        (
            ("categories", "child_safety", "pairs", 0, "other"),
            ["teenager"],
            ["categories.child_safety.pairs.0: 'teenager' is in both lists; remove it from one of them"],
        ),
        (
            ("categories", "child_safety", "pairs", 0, "other"),
            ["sex act"],
            [
                "categories.child_safety.pairs.0.other: 'sex act' can never match; write one word of at least 3"
                " lower-case letters a to z"
            ],
        ),
        (("categories",), {}, ["categories: Dictionary should have at least 1 item after validation, not 0"]),
        (
            ("categories", "violence", "pairs"),
            [{"strength": "strict", "one": ["man"], "other": ["gun"]}],
            ["categories.violence.pairs.0.strength: Input should be 'block' or 'review'"],
        ),
        (("categories", "violence", "terms"), [], ["categories.violence.terms: Extra inputs are not permitted"]),
        (("image", "min_confidence"), 101, ["image.min_confidence: Input should be less than or equal to 100"]),
    ],
)
def test_a_broken_policy_is_refused_with_place_and_rule(path: Any, value: Any, expected: list[str]) -> None:
    assert problems(*path, value=value) == expected


@pytest.mark.parametrize(
    "term", ["Gore", "g0re", "gore-fest", "gorefest!", "größe", " gore", "two  words", "", "die", "a", "the"]
)
def test_a_term_that_can_never_match_is_refused(term: str) -> None:
    if term == "die":
        parse_policy("small", json.dumps(SMALL).replace("severed head", term, 1).encode())
        return
    (problem,) = problems("categories", "violence", "review", "prompt", value=[term])
    assert problem.startswith(f"categories.violence.review.prompt: {term!r} can never match; ")


def test_a_term_of_two_letters_is_refused() -> None:
    (problem,) = problems("categories", "violence", "review", "prompt", value=["ax"])
    assert problem == "categories.violence.review.prompt: 'ax' is too short; use at least 3 letters"


def test_a_file_that_is_not_json_is_refused() -> None:
    with pytest.raises(PolicyError, match="policy small: the file: Invalid JSON"):
        parse_policy("small", b"{")


def test_a_policy_without_terms_blocks_nothing() -> None:
    only = {"description": "gore"}
    file = {**SMALL, "groups": {}, "categories": {"violence": only}, "innocent": []}
    keywords = KeywordFilter(parse_policy("empty", json.dumps(file).encode()))
    assert keywords.find({"prompt": "a severed head", "negative_prompt": "gore"}) is None


def test_every_change_of_a_file_changes_the_version() -> None:
    content = json.dumps(SMALL).encode()
    version = parse_policy("small", content).version
    name, digest = version.split("@")

    assert (name, len(digest)) == ("small", 12)
    assert parse_policy("small", content).version == version
    assert parse_policy("small", content.replace(b"gore", b"graphic violence")).version != version
    assert parse_policy("strict", content).version == f"strict@{digest}"


def test_the_most_severe_category_of_an_image_decides() -> None:
    policy = load_policy()
    assert policy.image_category({"Corpses": 99.0, "Explicit": 60.0, "Alcohol": 99.9}) == "sexual"
    assert policy.image_category({"Corpses": 59.9}) is None
    assert policy.image_category({"Alcohol": 99.9}) is None


def test_three_categories_have_terms_for_negative_prompts() -> None:
    blocked = {
        name
        for name, category in load_policy().categories.items()
        if category.terms("block", "negative_prompt") or category.terms("review", "negative_prompt")
    }
    assert blocked == {"child_safety", "hate", "prompt_injection"}
