"""The plan of a run is derived from a seed and contains the requested share of every fault."""

from collections import Counter

import pytest

from local.bedrock.faults import FaultBook
from local.bedrock.policy import judge
from tools.chaos import plan


def test_the_same_seed_gives_the_same_plan() -> None:
    assert plan.cases(50, 7) == plan.cases(50, 7)
    assert plan.cases(50, 7) != plan.cases(50, 8)
    assert plan.kills(20, 100, 7) == plan.kills(20, 100, 7)
    assert plan.model_rules(0.1, 7) == plan.model_rules(0.1, 7)
    assert plan.outages(100, 7, 0) == plan.outages(100, 7, 0)


def test_of_twenty_requests_three_are_rejected_and_one_stalls() -> None:
    cases = plan.cases(300, 1)
    assert len({case.prompt for case in cases}) == 300
    assert Counter(case.expected_status for case in cases) == {"succeeded": 255, "rejected": 45}
    assert sum(case.stalls for case in cases) == 15
    assert 10 <= sum(case.sent_twice for case in cases) <= 60
    assert sum(case.cancel_after is not None for case in cases) == 30


def test_the_policy_allows_every_prompt_that_should_succeed() -> None:
    assert {judge(case.prompt) for case in plan.cases(100, 3) if case.expected_status == "succeeded"} == {"none"}


def test_kills_are_in_order_and_within_the_run() -> None:
    found = plan.kills(40, 120, 1)
    assert [kill.after for kill in found] == sorted(kill.after for kill in found)
    assert all(0 < kill.after <= 120 for kill in found)
    assert {kill.function for kill in found} <= plan.KILLED.keys()


@pytest.mark.parametrize("service", plan.SERVICES)
def test_every_service_gets_its_share_of_faults(service: str) -> None:
    passed = 1.0
    for rule in plan.service_rules(0.1):
        if rule["service"] == service:
            passed *= 1 - rule["probability"]
    assert 1 - passed == pytest.approx(0.1)


@pytest.mark.parametrize("operation", plan.MODEL_FAULTS)
def test_the_models_get_their_share_of_faults(operation: str) -> None:
    passed = 1.0
    for rule in plan.model_rules(0.1, 1):
        if rule["operation"] == operation and "probability" in rule:
            passed *= 1 - rule["probability"]
    assert 1 - passed == pytest.approx(0.1)


def test_the_stand_in_accepts_every_rule() -> None:
    book = FaultBook()
    for rule in plan.model_rules(0.1, 1):
        book.add(rule)
    assert len(book.listed()) == len(plan.model_rules(0.1, 1))


def test_permanent_rules_affect_only_their_own_prompts() -> None:
    book = FaultBook()
    book.replace(plan.model_rules(0.1, 1))
    book.replace(plan.PERMANENT_RULES)
    for case in plan.cases(200, 1):
        injected = [book.match(operation, "model", case.prompt) for operation in ("invoke", "converse")]
        assert any(injected) == (case.number % 20 == 3)


def test_outages_hit_one_service_at_a_time() -> None:
    found = plan.outages(200, 1, started=1000)
    assert len(found) == 8
    ends = [rule["until"] for rule in found]
    assert all(end < rule["active_at"] for end, rule in zip(ends, found[1:], strict=False))
    assert {rule["service"] for rule in found} == plan.SERVICES.keys() - {"secretsmanager"}


def test_the_same_event_is_always_chosen_or_never() -> None:
    chosen = [plan.chosen(f"event-{number}", 0.1, 1, "late") for number in range(1000)]
    assert chosen == [plan.chosen(f"event-{number}", 0.1, 1, "late") for number in range(1000)]
    assert 60 <= sum(chosen) <= 140


@pytest.mark.parametrize(
    ("values", "share", "wanted"), [([], 0.5, 0), ([7], 0.95, 7), ([4, 1, 3, 2], 0.5, 2), (range(1, 101), 0.95, 95)]
)
def test_a_percentile_is_the_nearest_rank(values: list[float], share: float, wanted: float) -> None:
    assert plan.percentile(values, share) == wanted
