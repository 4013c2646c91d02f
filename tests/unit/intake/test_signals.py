"""What other services told: noted as it comes, and read at most every half minute."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Literal

from events.catalog.budget_changed import BudgetChanged, BudgetChangedData
from events.catalog.budget_exhausted import BudgetExhausted, BudgetExhaustedData
from events.catalog.model_lifecycle_changed import ModelLifecycleChanged, ModelLifecycleChangedData
from events.envelope import subject_id
from events.model_catalog import ModelCatalog
from services.intake.model_views import lifecycle
from services.intake.signals import PERIOD, SignalCache, Signals, note
from tests.support.events import sample
from tests.unit.intake.fakes import InMemorySignals

NOW = datetime(2026, 11, 24, 23, 30, tzinfo=UTC)


def changed(
    status: Literal["active", "legacy", "ended"], sequence: int, ends_at: datetime | None = None
) -> ModelLifecycleChanged:
    data = ModelLifecycleChangedData(
        model="stable-image-core", model_id="stability.core", status=status, ends_at=ends_at, sequence=sequence
    )
    return ModelLifecycleChanged.first(subject_id("model/core"), "-", data, occurred_at=NOW, index=sequence)


def test_a_model_that_ended_without_a_date_ended_when_that_was_noticed() -> None:
    store = InMemorySignals()
    assert note(store, changed("ended", 2)) == []

    assert store.read().ended == {"stable-image-core"}
    assert store.read().ends == {"stable-image-core": date(2026, 11, 24)}


def test_the_catalog_shows_what_bedrock_says_and_not_what_it_was_written_with() -> None:
    store, listed = InMemorySignals(), ModelCatalog.load()
    today = NOW.date()

    def shown() -> str:
        model = listed.with_ends(store.read().ends).get("stable-image-core")
        assert model is not None
        return lifecycle(model, today)

    seen = [shown()]
    for event in (changed("legacy", 2, datetime(2027, 3, 1, tzinfo=UTC)), changed("ended", 3), changed("active", 4)):
        note(store, event)
        seen.append(shown())

    assert seen == ["active", "legacy", "ended", "active"]
    original = listed.get("stable-image-core")
    assert original is not None
    assert original.end_of_life is None, "the catalog itself stays as it is"


def test_signals_are_read_once_a_period_however_many_ask() -> None:
    store, now = InMemorySignals(), [0.0]
    cache = SignalCache(store, lambda: now[0])
    assert [cache.current() for _ in range(5)] == [Signals()] * 5
    assert store.reads == 1

    note(store, changed("ended", 1))
    now[0] = PERIOD - 0.1
    assert not cache.current().ended
    now[0] = PERIOD
    assert cache.current().ended == {"stable-image-core"}
    assert store.reads == 2


def exhausted(at: datetime) -> BudgetExhausted:
    return BudgetExhausted.follow(sample("PromptApproved"), BudgetExhaustedData(day=at.date()), occurred_at=at)


def raised(at: datetime) -> BudgetChanged:
    return BudgetChanged.first(subject_id("budget"), "-", BudgetChangedData(limit_usd=Decimal(5)), occurred_at=at)


def test_a_spent_budget_is_spent_until_midnight_utc_or_until_it_is_raised() -> None:
    store = InMemorySignals()
    note(store, exhausted(NOW))
    assert store.read().spent_until == datetime(2026, 11, 25, tzinfo=UTC)
    note(store, raised(NOW + timedelta(seconds=1)))
    assert store.read().spent_until is None


def test_what_is_refused_by_the_limit_that_held_before_does_not_close_a_raised_budget() -> None:
    store = InMemorySignals()
    for event in (raised(NOW), exhausted(NOW - timedelta(seconds=1)), exhausted(NOW + timedelta(seconds=9))):
        note(store, event)
    assert store.read().spent_until is None

    note(store, exhausted(NOW + timedelta(seconds=31)))
    assert store.read().spent_until is not None, "the new limit is used up too"
