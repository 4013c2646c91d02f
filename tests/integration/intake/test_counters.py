"""Counters, durations and signals: one suite for the fakes, for DynamoDB on moto, and for the cache on a Valkey server.

``bypassed`` is a cache that is down.
"""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, get_args

import pytest

from events.catalog.model_lifecycle_changed import LifecycleStatus
from kit.cache import Cache
from services.intake.models import Window
from services.intake.quota import WindowCounts
from services.intake.repository.cached import CachedDurations, CachedRates
from services.intake.repository.durations import DurationTable
from services.intake.repository.operator_signals import OperatorSignals
from services.intake.repository.rates import RateTable
from services.intake.repository.signals import SignalTable
from services.intake.signals import BudgetSignal, ModelSignal, ShedSignal, Signals, StopSignal
from tests.unit.intake.fakes import InMemoryDurations, InMemoryRates, InMemorySignals

END_OF_LIFE: LifecycleStatus = get_args(LifecycleStatus)[-1]
WINDOW = Window("key", 1_795_000_500, 900)
REQUESTS = [f"01a0b9c4-7d2e-7c31-9f60-5b1d2f7a9e{number:02}" for number in range(5)]


@pytest.fixture(params=["fake", "dynamodb", "valkey", "bypassed"])
def rates(request: pytest.FixtureRequest, client: Any, cache: Cache, dead_cache: Cache) -> Any:
    table = RateTable(client, "requests")
    return {
        "fake": InMemoryRates(),
        "dynamodb": table,
        "valkey": CachedRates(cache, table),
        "bypassed": CachedRates(dead_cache, table),
    }[request.param]


@pytest.fixture(params=["fake", "dynamodb", "valkey", "bypassed"])
def durations(request: pytest.FixtureRequest, client: Any, cache: Cache, dead_cache: Cache) -> Any:
    table = DurationTable(client, "requests")
    return {
        "fake": InMemoryDurations(),
        "dynamodb": table,
        "valkey": CachedDurations(cache, table),
        "bypassed": CachedDurations(dead_cache, table),
    }[request.param]


@pytest.fixture(params=["fake", "dynamodb"])
def signals(request: pytest.FixtureRequest, client: Any) -> Any:
    return InMemorySignals() if request.param == "fake" else SignalTable(client, "requests")


def test_requests_are_counted_up_to_the_maximum(rates: Any) -> None:
    found = [rates.increment(WINDOW, 1, 3, 20) for _ in range(5)]
    outcomes = [(counted, counts.count) for counted, counts in found]
    assert outcomes == [
        (True, 1),
        (True, 2),
        (True, 3),
        (False, 3),
        (False, 3),
    ]


def test_several_images_are_counted_and_refunded_together(rates: Any) -> None:
    assert rates.increment(WINDOW, 4, 1, 20) == (True, WindowCounts(4))
    assert rates.increment(WINDOW, 3, 4, 20) == (False, WindowCounts(4))
    rates.refund(WINDOW, REQUESTS[0], 4, blocked=False)
    assert rates.increment(WINDOW, 3, 1, 20) == (True, WindowCounts(3))


def test_images_that_were_paid_for_stay_counted(rates: Any) -> None:
    rates.increment(WINDOW, 4, 5, 20)
    for _ in range(2):
        rates.refund(WINDOW, REQUESTS[0], 0, blocked=True)
    assert rates.close(WINDOW) == WindowCounts(4, 1, closed=True)


@pytest.mark.parametrize("maximum", [0, -1])
def test_without_capacity_the_first_request_is_not_counted(rates: Any, maximum: int) -> None:
    assert rates.increment(WINDOW, 1, maximum, 20) == (False, WindowCounts())
    assert rates.increment(WINDOW, 1, 3, maximum) == (False, WindowCounts())


def test_every_window_of_every_key_has_its_own_count(rates: Any) -> None:
    for window in (WINDOW, replace(WINDOW, key_id="other"), replace(WINDOW, start=WINDOW.start + 900)):
        assert rates.increment(window, 1, 1, 20) == (True, WindowCounts(1))


def test_a_closed_window_is_final(rates: Any) -> None:
    rates.increment(WINDOW, 1, 3, 20)
    assert rates.close(WINDOW) == WindowCounts(1, closed=True)
    assert rates.increment(WINDOW, 1, 3, 20) == (False, WindowCounts(1, closed=True))
    assert rates.close(WINDOW) == WindowCounts(1, closed=True)


def test_an_empty_window_can_be_closed(rates: Any) -> None:
    assert rates.close(WINDOW) == WindowCounts(closed=True)
    assert rates.increment(WINDOW, 1, 3, 20)[0] is False


def test_a_request_is_refunded_once(rates: Any) -> None:
    for _ in range(3):
        rates.increment(WINDOW, 1, 3, 20)
    for _ in range(2):
        rates.refund(WINDOW, REQUESTS[0], 1, blocked=False)
    rates.refund(WINDOW, REQUESTS[1], 1, blocked=False)
    assert rates.close(WINDOW) == WindowCounts(1, closed=True)


def test_a_blocked_request_is_refunded_and_counted_as_blocked(rates: Any) -> None:
    for _ in range(2):
        rates.increment(WINDOW, 1, 3, 2)
    for request in (REQUESTS[0], REQUESTS[0], REQUESTS[1]):
        rates.refund(WINDOW, request, 1, blocked=True)
    assert rates.increment(WINDOW, 1, 3, 2) == (False, WindowCounts(0, 2))


def test_a_request_that_was_not_counted_is_not_refunded(rates: Any) -> None:
    rates.refund(WINDOW, REQUESTS[0], 1, blocked=True)
    assert rates.close(WINDOW) == WindowCounts(closed=True)


def test_the_number_of_refunds_is_limited(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.intake.repository.rates.MAX_REFUNDS", 2)
    rates = RateTable(client, "requests")
    for request in REQUESTS:
        rates.increment(WINDOW, 1, 9, 20)
        rates.refund(WINDOW, request, 1, blocked=False)
    assert rates.close(WINDOW).count == len(REQUESTS) - 2


def test_counters_expire_after_they_are_relevant(client: Any) -> None:
    rates = RateTable(client, "requests")
    rates.increment(WINDOW, 1, 3, 20)
    rates.close(replace(WINDOW, key_id="other"))
    found = client.scan(TableName="requests")["Items"]
    assert len(found) == 2
    assert all(int(item["expires_at"]["N"]) > WINDOW.start + 2 * WINDOW.seconds for item in found)


def test_the_cache_limits_the_number_of_refunds_too(client: Any, cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.intake.repository.cached.MAX_REFUNDS", 2)
    rates = CachedRates(cache, RateTable(client, "requests"))
    for request in REQUESTS:
        rates.increment(WINDOW, 1, 9, 20)
        rates.refund(WINDOW, request, 1, blocked=False)
    assert rates.close(WINDOW).count == len(REQUESTS) - 2


def test_the_table_counts_nothing_while_the_cache_works(client: Any, cache: Cache) -> None:
    rates = CachedRates(cache, RateTable(client, "requests"))
    rates.increment(WINDOW, 1, 3, 20)
    rates.refund(WINDOW, REQUESTS[0], 1, blocked=False)
    rates.close(WINDOW)

    assert client.scan(TableName="requests")["Items"] == []


def test_counters_leave_the_cache_by_themselves(client: Any, cache: Cache) -> None:
    rates = CachedRates(cache, RateTable(client, "requests"))
    rates.increment(WINDOW, 1, 3, 20)
    rates.close(replace(WINDOW, key_id="other"))
    rates.refund(replace(WINDOW, key_id="refunded"), REQUESTS[0], 1, blocked=True)

    lifetimes = cache.call(lambda server: [server.ttl(key) for key in server.scan_iter()])
    assert len(lifetimes) == 2
    assert all(0 < seconds <= 2 * WINDOW.seconds for seconds in lifetimes)


def test_a_limit_is_forgiven_once_per_loss_of_the_cache(client: Any, cache: Cache) -> None:
    rates = CachedRates(cache, RateTable(client, "requests"))

    def admitted() -> int:
        return sum(rates.increment(WINDOW, 1, 3, 20)[0] for _ in range(5))

    assert admitted() == 3
    cache.call(lambda server: server.flushall())
    assert admitted() == 3


def test_an_outage_forgives_a_limit_once(client: Any, cache: Cache, dead_cache: Cache) -> None:
    table = RateTable(client, "requests")
    before, during = CachedRates(cache, table), CachedRates(dead_cache, table)

    found = [sum(rates.increment(WINDOW, 1, 3, 20)[0] for _ in range(5)) for rates in (before, during, before, during)]
    assert found == [3, 3, 0, 0]


def test_what_was_counted_in_an_outage_is_refunded_after_it(client: Any, cache: Cache, dead_cache: Cache) -> None:
    table = RateTable(client, "requests")
    CachedRates(dead_cache, table).increment(WINDOW, 2, 3, 20)
    for _ in range(2):
        CachedRates(cache, table).refund(WINDOW, REQUESTS[0], 2, blocked=True)

    assert table.close(WINDOW) == WindowCounts(0, 1, closed=True)


def test_a_copy_of_the_durations_saves_the_read(client: Any, cache: Cache) -> None:
    table = InMemoryDurations()
    table.write({"stable-image-core": 4.25})
    durations = CachedDurations(cache, table)

    assert [durations.read() for _ in range(3)] == [{"stable-image-core": 4.25}] * 3
    assert table.reads == 1


def test_durations_are_stored_per_model(durations: Any) -> None:
    assert durations.read() == {}
    durations.write({"stable-image-core": 4.25, "sd3.5-large": 9.0})
    durations.write({"sd3.5-large": 8.0})
    assert durations.read() == {"stable-image-core": 4.25, "sd3.5-large": 8.0}


def test_signals_of_models_are_stored_side_by_side(signals: Any) -> None:
    assert signals.read() == Signals()
    gone = ModelSignal(END_OF_LIFE, date(2026, 11, 24), 2)
    signals.save_model("titan-v2", gone)
    signals.save_model("nova-canvas", ModelSignal("active", None, 1))

    assert signals.read() == Signals({"titan-v2": gone, "nova-canvas": ModelSignal("active", None, 1)})
    assert signals.read().unavailable_models == {"titan-v2"}


def test_a_late_or_repeated_signal_of_a_model_changes_nothing(signals: Any) -> None:
    latest = ModelSignal("active", None, 3)
    for signal in (latest, ModelSignal(END_OF_LIFE, date(2026, 11, 24), 2), latest):
        signals.save_model("titan-v2", signal)

    assert signals.read().models == {"titan-v2": latest}


def test_writes_are_stopped_and_opened_beside_the_other_signals(client: Any) -> None:
    signals, operator = SignalTable(client, "requests"), OperatorSignals(client, "requests")
    signals.save_model("nova-canvas", ModelSignal("active", None, 1))
    stop = StopSignal("drill", datetime(2026, 11, 29, 8, tzinfo=UTC))
    operator.save_stop(stop)
    assert signals.read().stopped == stop
    operator.save_stop(None)
    operator.save_stop(None)
    assert signals.read() == Signals({"nova-canvas": ModelSignal("active", None, 1)})


def test_load_shedding_is_stored_beside_the_other_signals(signals: Any) -> None:
    signals.save_model("nova-canvas", ModelSignal("active", None, 1))
    assert signals.read_shed() is None
    shed = ShedSignal("normal", "storage.store", 901, datetime(2026, 11, 29, 8, tzinfo=UTC))
    signals.save_shed(shed)
    assert (signals.read_shed(), signals.read().shed) == (shed, shed)
    signals.save_shed(None)
    assert signals.read_shed() is None
    assert signals.read() == Signals({"nova-canvas": ModelSignal("active", None, 1)})


def test_the_latest_signal_of_the_budget_is_stored(signals: Any) -> None:
    midnight, noon = datetime(2026, 11, 25, tzinfo=UTC), datetime(2026, 11, 24, 12, tzinfo=UTC)
    signals.save_model("nova-canvas", ModelSignal("active", None, 1))
    rest, stopped = BudgetSignal(Decimal("0.05"), midnight), BudgetSignal(Decimal(0), None)
    signals.save_budget(rest, noon)
    assert signals.read().budget == rest
    signals.save_budget(stopped, noon + timedelta(milliseconds=1))
    assert signals.read().budget == stopped

    signals.save_budget(None, noon + timedelta(seconds=1))
    signals.save_budget(rest, noon + timedelta(milliseconds=999))
    assert signals.read() == Signals({"nova-canvas": ModelSignal("active", None, 1)})


def test_only_the_active_region_accepts_requests(client: Any) -> None:
    here = client.meta.region_name
    signals, operator = SignalTable(client, "requests"), OperatorSignals(client, "requests")
    assert (operator.active_region(), signals.read().active_elsewhere) == (None, None)
    operator.save_active_region("eu-west-1")
    assert (operator.active_region(), signals.read().active_elsewhere) == ("eu-west-1", "eu-west-1")
    operator.save_active_region(here)
    assert (operator.active_region(), signals.read().active_elsewhere) == (here, None)
