"""The period of a report, and its days."""

from datetime import date
from decimal import Decimal

import pytest
from pydantic import ValidationError

from kit.problems import ApiProblem
from services.analytics.schemas import DailyQuery, DailyReport

TODAY = date(2026, 11, 22)


def days(**query: str) -> list[date]:
    return DailyQuery.model_validate({name.removesuffix("_"): value for name, value in query.items()}).days(TODAY)


def test_the_default_period_is_the_last_seven_days() -> None:
    found = days()
    assert (found[0], found[-1], len(found)) == (date(2026, 11, 16), TODAY, 7)


def test_from_and_to_are_both_included() -> None:
    assert days(from_="2026-11-01", to="2026-11-02") == [date(2026, 11, 1), date(2026, 11, 2)]
    assert days(to="2026-01-03")[0] == date(2025, 12, 28)
    assert days(from_="2026-11-22") == [TODAY]


def test_the_period_can_start_at_the_first_day() -> None:
    assert days(to="0001-01-02") == [date(1, 1, 1), date(1, 1, 2)]


def test_the_maximum_period_is_a_quarter() -> None:
    assert len(days(from_="2026-08-23", to="2026-11-22")) == 92
    with pytest.raises(ApiProblem) as caught:
        days(from_="2026-08-22", to="2026-11-22")
    assert (caught.value.status, caught.value.errors[0]["field"], caught.value.errors[0]["max_days"]) == (
        422,
        "from",
        92,
    )


def test_days_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(ApiProblem) as caught:
        days(from_="2026-11-23")
    assert caught.value.errors == [{"field": "from", "rule": "must not be after to"}]


@pytest.mark.parametrize("value", ["yesterday", "20000", "2026-02-30", "2026-11-22T00:00:00", "", "٢٠٢٦-11-22"])
def test_an_invalid_day_is_named(value: str) -> None:
    with pytest.raises(ValidationError) as caught:
        days(from_=value)
    assert [error["loc"] for error in caught.value.errors()] == [("from",)]


def test_an_unknown_parameter_is_refused() -> None:
    with pytest.raises(ValidationError):
        days(until="2026-11-22")


def test_every_day_is_shown_and_the_total_adds_them_up() -> None:
    report = DailyReport.of(
        days(from_="2026-11-20"),
        {
            "2026-11-20": {
                "status#accepted": 2,
                "images#stored": 3,
                "cost_usd": Decimal("0.080"),
                "model#core#requests": 2,
                "model#core#images": 3,
                "model#core#cost_usd": Decimal("0.080"),
                "style#anime": 2,
                "rejection#violence": 1,
                "failure#model_error": 1,
                "latency#storage.store#count": 1,
                "latency#storage.store#sum_ms": 400,
                "latency#storage.store#le_500": 1,
                "step#storage.store#stalled": 1,
            },
            "2026-11-22": {"status#accepted": 1, "cost_usd": Decimal("10")},
        },
    )
    first, second, _ = report.days

    assert [day.day.day for day in report.days] == [20, 21, 22]
    assert (first.requests["accepted"], second.requests["accepted"]) == (2, 0)
    assert second.model_dump(exclude={"day", "requests"}, exclude_defaults=True) == {
        "images": {}, "cost_usd": "0", "models": {}, "styles": {}, "rejections": {}, "failures": {}, "steps": {}
    }  # fmt: skip
    assert (report.total.requests["accepted"], report.total.cost_usd) == (3, "10.08")
    assert (first.images, first.styles, first.rejections) == ({"stored": 3}, {"anime": 2}, {"violence": 1})
    assert (first.failures, first.models["core"].cost_usd) == ({"model_error": 1}, "0.08")
    step = first.steps["storage.store"]
    assert (step.count, step.mean_ms, step.p95_ms, step.stalled, step.replayed) == (1, 400, 487.5, 1, 0)
