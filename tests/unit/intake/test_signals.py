"""Signals of other services: recorded as they arrive, and read at most once per half minute."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import get_args

from events.catalog.budget_changed import BudgetChanged, BudgetChangedData
from events.catalog.budget_exhausted import BudgetExhausted, BudgetExhaustedData
from events.catalog.model_lifecycle_changed import (
    LifecycleStatus,
    ModelLifecycleChanged,
    ModelLifecycleChangedData,
)
from events.envelope import Event, subject_id
from events.model_catalog import ModelCatalog
from services.intake.model_views import lifecycle
from services.intake.signal_recorder import SignalRecorder
from services.intake.signals import PERIOD, BudgetSignal, SignalCache, Signals
from tests.support.clock import FakeClock
from tests.support.events import sample
from tests.unit.intake.fakes import InMemorySignals

NOW = datetime(2026, 11, 24, 23, 30, tzinfo=UTC)
END_OF_LIFE: LifecycleStatus = get_args(LifecycleStatus)[-1]


def record(store: InMemorySignals, event: Event) -> list[Event]:
    return SignalRecorder(store).record(event)


def changed(status: LifecycleStatus, sequence: int, ends_at: datetime | None = None) -> ModelLifecycleChanged:
    data = ModelLifecycleChangedData(
        model="stable-image-core", model_id="stability.core", status=status, ends_at=ends_at, sequence=sequence
    )
    return ModelLifecycleChanged.first(subject_id("model/core"), "-", data, occurred_at=NOW, index=sequence)


def test_an_end_of_life_without_a_date_is_when_it_was_noticed() -> None:
    store = InMemorySignals()
    assert record(store, changed(END_OF_LIFE, 2)) == []

    assert store.read().unavailable_models == {"stable-image-core"}
    assert store.read().ends_of_life == {"stable-image-core": date(2026, 11, 24)}


def test_the_catalog_shows_the_lifecycle_that_bedrock_reports() -> None:
    store, listed = InMemorySignals(), ModelCatalog.load()
    today = NOW.date()

    def shown() -> str:
        model = listed.with_ends(store.read().ends_of_life).get("stable-image-core")
        assert model is not None
        return lifecycle(model, today)

    seen = [shown()]
    for event in (
        changed("legacy", 2, datetime(2027, 3, 1, tzinfo=UTC)),
        changed(END_OF_LIFE, 3),
        changed("active", 4),
    ):
        record(store, event)
        seen.append(shown())

    assert seen == ["active", "legacy", "end_of_life", "active"]
    original = listed.get("stable-image-core")
    assert original is not None
    assert original.end_of_life is None, "the catalog itself stays as it is"


def test_signals_are_read_once_per_period() -> None:
    store, clock = InMemorySignals(), FakeClock()
    cache = SignalCache(store, clock)
    assert [cache.current() for _ in range(5)] == [Signals()] * 5
    assert store.reads == 1

    record(store, changed(END_OF_LIFE, 1))
    clock.advance(PERIOD - 0.1)
    assert not cache.current().unavailable_models
    clock.advance(0.1)
    assert cache.current().unavailable_models == {"stable-image-core"}
    assert store.reads == 2


def exhausted(at: datetime, limit: str = "5", left: str = "0.01") -> BudgetExhausted:
    data = BudgetExhaustedData(day=at.date(), limit_usd=Decimal(limit), left_usd=Decimal(left))
    return BudgetExhausted.follow(sample("PromptApproved"), data, occurred_at=at)


def set_to(limit: str | None, at: datetime) -> BudgetChanged:
    data = BudgetChangedData(limit_usd=None if limit is None else Decimal(limit))
    return BudgetChanged.first(subject_id("budget"), "-", data, occurred_at=at)


def raised(at: datetime) -> BudgetChanged:
    return set_to("5", at)


def test_a_budget_is_exhausted_until_midnight_or_until_it_is_raised() -> None:
    store = InMemorySignals()
    record(store, exhausted(NOW))
    assert store.read().budget == BudgetSignal(Decimal("0.01"), datetime(2026, 11, 25, tzinfo=UTC))
    record(store, raised(NOW + timedelta(seconds=1)))
    assert store.read().budget is None


def test_a_refusal_by_the_old_limit_does_not_exhaust_a_raised_budget() -> None:
    store = InMemorySignals()
    for event in (raised(NOW), exhausted(NOW - timedelta(seconds=1)), exhausted(NOW + timedelta(seconds=9))):
        record(store, event)
    assert store.read().budget is None

    record(store, exhausted(NOW + timedelta(seconds=31)))
    assert store.read().budget is not None, "the new limit is exhausted too"


def test_a_budget_of_zero_stops_intake_until_it_is_changed() -> None:
    store, stopped = InMemorySignals(), BudgetSignal(Decimal(0), None)
    record(store, set_to("0", NOW))
    assert store.read().budget == stopped, "without waiting for a refusal"
    record(store, exhausted(NOW + timedelta(seconds=5), left="2"))
    assert store.read().budget == stopped, "a refusal by the old limit"
    record(store, exhausted(NOW + timedelta(minutes=5), limit="0", left="0"))
    assert store.read().budget == stopped, "midnight does not end it"

    record(store, set_to(None, NOW + timedelta(minutes=6)))
    assert store.read().budget is None
