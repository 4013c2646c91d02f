"""The budget of a day: set aside before a call, given back where nothing was paid, and the end when it is spent."""

from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from events.catalog.budget_exhausted import BudgetExhausted
from events.catalog.generation_failed import GenerationFailed
from events.catalog.image_generated import ImageGenerated
from services.generation.model_errors import ModelCallError
from tests.unit.generation.fakes import START, FakeBudget, Studio, approved

DAY = START.date()


def test_what_no_longer_fits_into_the_day_is_not_asked_of_the_model_and_ends_the_request() -> None:
    studio = Studio(budget=FakeBudget("0.07"))
    [drawn] = studio.generate(approved())
    refused, _ = studio.generate(approved())

    assert isinstance(drawn, ImageGenerated)
    assert isinstance(refused, GenerationFailed)
    assert refused.data.reason == "budget_exhausted"
    assert len(studio.models.calls) == 1


def test_images_that_still_fit_in_are_drawn() -> None:
    budget = FakeBudget("0.10")
    event, _ = Studio(budget=budget).generate(approved(count=4))

    assert isinstance(event, ImageGenerated)
    assert sorted(outcome.status for outcome in event.data.outcomes) == ["failed", "failed", "generated", "generated"]
    assert budget.spent == {DAY: Decimal("0.08")}


def test_a_redelivery_sets_nothing_aside_for_what_is_recorded() -> None:
    budget = FakeBudget("1")
    studio = Studio(budget=budget)
    message = approved()
    assert studio.generate(message) == studio.generate(message)
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
def test_only_what_was_surely_not_paid_is_given_back(error: str, left: str) -> None:
    budget = FakeBudget("1")
    studio = Studio(budget=budget)
    studio.models.script["stable-image-core"] = [ModelCallError(error)]
    with suppress(Exception):
        studio.generate(approved())
    assert budget.spent == {DAY: Decimal(left)}


def test_a_failover_pays_only_for_the_model_that_drew() -> None:
    budget = FakeBudget("1")
    studio = Studio(budget=budget)
    studio.models.script["stable-image-core"] = [ModelCallError("ServiceUnavailableException")]
    studio.generate(approved(models=("stable-image-core", "sd3.5-large")))
    assert budget.spent == {DAY: Decimal("0.04")}


def test_a_request_that_does_not_fit_in_tells_that_the_day_is_spent_the_same_way_again() -> None:
    studio, message = Studio(budget=FakeBudget("0.01")), approved()
    failed, told = studio.generate(message)

    assert isinstance(failed, GenerationFailed)
    assert isinstance(told, BudgetExhausted)
    assert (told.data.day, told.metadata.cause_id) == (DAY, message.metadata.event_id)
    assert studio.generate(message) == [failed, told]


def test_what_is_refused_around_midnight_does_not_close_the_new_day() -> None:
    studio = Studio(budget=FakeBudget("0.01"))
    studio.clock.time = datetime(2026, 11, 23, 0, 0, 5, tzinfo=UTC)
    _, told = studio.generate(approved())
    assert told.data.day == date(2026, 11, 22)
