"""The daily budget: reserved before a call, refunded if nothing was billed, and exhausted."""

from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from events.catalog.budget_exhausted import BudgetExhausted
from events.catalog.generation_failed import GenerationFailed
from events.catalog.image_generated import ImageGenerated
from events.catalog.prompt_checked import PromptChecked
from events.catalog.prompt_rejected import PromptRejected
from services.generation.model_errors import ModelCallError
from services.generation.spending import count_check
from tests.support.events import sample
from tests.unit.generation.fakes import START, FakeBudget, Harness, approved

DAY = START.date()


def test_a_request_over_budget_fails_without_a_model_call() -> None:
    harness = Harness(budget=FakeBudget("0.07"))
    [generated] = harness.generate(approved())
    refused, _ = harness.generate(approved())

    assert isinstance(generated, ImageGenerated)
    assert isinstance(refused, GenerationFailed)
    assert refused.data.reason == "budget_exhausted"
    assert len(harness.models.calls) == 1


def test_images_that_the_budget_covers_are_generated() -> None:
    budget = FakeBudget("0.10")
    event, _ = Harness(budget=budget).generate(approved(count=4))

    assert isinstance(event, ImageGenerated)
    assert sorted(outcome.status for outcome in event.data.outcomes) == ["failed", "failed", "generated", "generated"]
    assert budget.spent == {DAY: Decimal("0.08")}


def test_a_redelivery_reserves_nothing_for_recorded_images() -> None:
    budget = FakeBudget("1")
    harness = Harness(budget=budget)
    message = approved()
    assert harness.generate(message) == harness.generate(message)
    assert budget.spent == {DAY: Decimal("0.04")}


@pytest.mark.parametrize(
    ("error", "left"),
    [
        ("ThrottlingException", "0.00"),
        ("AccessDeniedException", "0.00"),
        ("ReadTimeoutError", "0.04"),
        ("ContentFiltered", "0.04"),
    ],
)
def test_only_calls_that_were_not_billed_are_refunded(error: str, left: str) -> None:
    budget = FakeBudget("1")
    harness = Harness(budget=budget)
    harness.models.script["stable-image-core"] = [ModelCallError(error)]
    with suppress(Exception):
        harness.generate(approved())
    assert budget.spent == {DAY: Decimal(left)}


def test_a_failover_reserves_only_the_price_of_the_second_model() -> None:
    budget = FakeBudget("1")
    harness = Harness(budget=budget)
    harness.models.script["stable-image-core"] = [ModelCallError("ServiceUnavailableException")]
    harness.generate(approved(models=("stable-image-core", "sd3.5-large")))
    assert budget.spent == {DAY: Decimal("0.04")}


def test_a_redelivery_publishes_budget_exhausted_again() -> None:
    harness, message = Harness(budget=FakeBudget("0.01")), approved()
    failed, exhausted = harness.generate(message)

    assert isinstance(failed, GenerationFailed)
    assert isinstance(exhausted, BudgetExhausted)
    assert (exhausted.data.day, exhausted.metadata.cause_id) == (DAY, message.metadata.event_id)
    assert harness.generate(message) == [failed, exhausted]


def test_the_refusal_reports_the_highest_price_that_is_covered() -> None:
    harness = Harness(budget=FakeBudget("0.10"))
    _, exhausted = harness.generate(approved(models=("stable-image-ultra",), price="0.14", moderation_usd="0.002"))
    assert isinstance(exhausted, BudgetExhausted)
    assert (exhausted.data.limit_usd, exhausted.data.left_usd) == (Decimal("0.10"), Decimal("0.098"))

    [generated] = harness.generate(approved(moderation_usd="0.002"))
    assert isinstance(generated, ImageGenerated), "a cheaper image is covered"


def test_a_request_fails_over_to_a_model_that_the_budget_covers() -> None:
    budget = FakeBudget("0.10")
    harness = Harness(budget=budget)
    event = approved(models=("stable-image-ultra", "sd3.5-large", "stable-image-core"))
    prices = ("0.14", "0.12", "0.04")
    plans = [
        plan.model_copy(update={"price_usd": Decimal(price)})
        for plan, price in zip(event.data.parameters.models, prices, strict=True)
    ]
    parameters = event.data.parameters.model_copy(update={"models": plans})
    [generated] = harness.generate(
        event.model_copy(update={"data": event.data.model_copy(update={"parameters": parameters})})
    )
    assert isinstance(generated, ImageGenerated)
    assert [key for key, _ in harness.models.calls] == ["stable-image-core"]
    assert budget.spent == {DAY: Decimal("0.04")}


def test_a_budget_of_zero_ends_each_request_with_a_recorded_refusal() -> None:
    harness, message = Harness(budget=FakeBudget("0")), approved(count=4)
    failed, exhausted = harness.generate(message)

    assert isinstance(failed, GenerationFailed)
    assert failed.data.reason == "budget_exhausted"
    assert isinstance(exhausted, BudgetExhausted)
    assert (exhausted.data.limit_usd, exhausted.data.left_usd) == (Decimal(0), Decimal(0))
    assert harness.models.calls == []
    assert harness.generate(message) == [failed, exhausted]


@pytest.mark.parametrize(("count", "reserved"), [(1, "0.0431"), (2, "0.0831"), (3, "0.123102"), (4, "0.1631")])
def test_the_moderation_of_a_request_is_reserved_with_its_images(count: int, reserved: str) -> None:
    budget = FakeBudget("1")
    Harness(budget=budget).generate(approved(count=count, moderation_usd="0.0031"))
    assert budget.spent == {DAY: Decimal(reserved)}


def test_checks_without_an_image_are_counted() -> None:
    budget, rejected, checked = FakeBudget("0.001"), sample("PromptRejected"), sample("PromptChecked")
    assert isinstance(rejected, PromptRejected)
    assert isinstance(checked, PromptChecked)
    for event in (rejected, checked):
        assert count_check(event, budget) == []
    day = checked.metadata.occurred_at.date()
    assert budget.spent == {day: rejected.data.moderation_usd + checked.data.moderation_usd}

    free = rejected.model_copy(update={"data": rejected.data.model_copy(update={"moderation_usd": Decimal(0)})})
    count_check(free, budget)
    assert budget.spent[day] == rejected.data.moderation_usd + checked.data.moderation_usd


def test_a_refusal_around_midnight_does_not_exhaust_the_new_day() -> None:
    harness = Harness(budget=FakeBudget("0.01"))
    harness.clock.time = datetime(2026, 11, 23, 0, 0, 5, tzinfo=UTC)
    _, exhausted = harness.generate(approved())
    assert exhausted.data.day == date(2026, 11, 22)
