"""Counters and figures beside the requests: one suite for the fakes and for DynamoDB as moto speaks it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from services.intake.quota import Tally, Window
from services.intake.signals import ModelSignal, Signals
from services.intake.tables import FigureTable, RateTable, SignalTable
from tests.unit.intake.fakes import InMemoryFigures, InMemoryRates, InMemorySignals

WINDOW = Window("key", 1_795_000_500, 900)
REQUESTS = [f"01a0b9c4-7d2e-7c31-9f60-5b1d2f7a9e{number:02}" for number in range(5)]


@pytest.fixture
def client(aws_test_environment: None, service_template: Any) -> Iterator[Any]:
    with mock_aws():
        properties = service_template("intake")["Resources"]["Requests"]["Properties"]
        names = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
        found = boto3.client("dynamodb")
        found.create_table(TableName="requests", **{name: properties[name] for name in names})
        yield found


@pytest.fixture(params=["fake", "dynamodb"])
def rates(request: pytest.FixtureRequest, client: Any) -> Any:
    return InMemoryRates() if request.param == "fake" else RateTable(client, "requests")


@pytest.fixture(params=["fake", "dynamodb"])
def figures(request: pytest.FixtureRequest, client: Any) -> Any:
    return InMemoryFigures() if request.param == "fake" else FigureTable(client, "requests")


@pytest.fixture(params=["fake", "dynamodb"])
def signals(request: pytest.FixtureRequest, client: Any) -> Any:
    return InMemorySignals() if request.param == "fake" else SignalTable(client, "requests")


def test_so_many_are_counted_and_no_more(rates: Any) -> None:
    found = [rates.take(WINDOW, 3, 20) for _ in range(5)]
    assert [(taken, tally.count) for taken, tally in found] == [(True, 1), (True, 2), (True, 3), (False, 3), (False, 3)]


@pytest.mark.parametrize("most", [0, -1])
def test_where_there_is_no_room_the_first_is_not_counted_either(rates: Any, most: int) -> None:
    assert rates.take(WINDOW, most, 20) == (False, Tally())
    assert rates.take(WINDOW, 3, most) == (False, Tally())


def test_windows_and_keys_are_counted_apart(rates: Any) -> None:
    for window in (WINDOW, replace(WINDOW, key_id="other"), replace(WINDOW, start=WINDOW.start + 900)):
        assert rates.take(window, 1, 20) == (True, Tally(1))


def test_a_closed_window_is_final(rates: Any) -> None:
    rates.take(WINDOW, 3, 20)
    assert rates.close(WINDOW) == Tally(1, closed=True)
    assert rates.take(WINDOW, 3, 20) == (False, Tally(1, closed=True))
    assert rates.close(WINDOW) == Tally(1, closed=True)


def test_a_window_in_which_nothing_happened_can_be_closed(rates: Any) -> None:
    assert rates.close(WINDOW) == Tally(closed=True)
    assert rates.take(WINDOW, 3, 20)[0] is False


def test_a_request_is_given_back_once(rates: Any) -> None:
    for _ in range(3):
        rates.take(WINDOW, 3, 20)
    for _ in range(2):
        rates.give_back(WINDOW, REQUESTS[0], blocked=False)
    rates.give_back(WINDOW, REQUESTS[1], blocked=False)
    assert rates.close(WINDOW) == Tally(1, closed=True)


def test_a_block_is_given_back_and_counted_as_one(rates: Any) -> None:
    for _ in range(2):
        rates.take(WINDOW, 3, 2)
    for request in (REQUESTS[0], REQUESTS[0], REQUESTS[1]):
        rates.give_back(WINDOW, request, blocked=True)
    assert rates.take(WINDOW, 3, 2) == (False, Tally(0, 2))


def test_what_was_never_counted_is_not_given_back(rates: Any) -> None:
    rates.give_back(WINDOW, REQUESTS[0], blocked=True)
    assert rates.close(WINDOW) == Tally(closed=True)


def test_only_so_many_can_be_given_back(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.intake.tables.RETURNED_AT_MOST", 2)
    rates = RateTable(client, "requests")
    for request in REQUESTS:
        rates.take(WINDOW, 9, 20)
        rates.give_back(WINDOW, request, blocked=False)
    assert rates.close(WINDOW).count == len(REQUESTS) - 2


def test_counters_are_gone_some_time_after_they_mattered(client: Any) -> None:
    rates = RateTable(client, "requests")
    rates.take(WINDOW, 3, 20)
    rates.close(replace(WINDOW, key_id="other"))
    found = client.scan(TableName="requests")["Items"]
    assert len(found) == 2
    assert all(int(item["expires_at"]["N"]) > WINDOW.start + 2 * WINDOW.seconds for item in found)


def test_figures_are_kept_model_by_model(figures: Any) -> None:
    assert figures.read() == {}
    figures.write({"stable-image-core": 4.25, "sd3.5-large": 9.0})
    figures.write({"sd3.5-large": 8.0})
    assert figures.read() == {"stable-image-core": 4.25, "sd3.5-large": 8.0}


def test_how_models_stand_is_kept_side_by_side(signals: Any) -> None:
    assert signals.read() == Signals()
    ended = ModelSignal("ended", date(2026, 11, 24), 2)
    signals.note_model("titan-v2", ended)
    signals.note_model("nova-canvas", ModelSignal("active", None, 1))

    assert signals.read() == Signals({"titan-v2": ended, "nova-canvas": ModelSignal("active", None, 1)})
    assert signals.read().ended == {"titan-v2"}


def test_what_was_told_of_a_model_late_or_twice_changes_nothing(signals: Any) -> None:
    latest = ModelSignal("active", None, 3)
    for signal in (latest, ModelSignal("ended", date(2026, 11, 24), 2), latest):
        signals.note_model("titan-v2", signal)

    assert signals.read().models == {"titan-v2": latest}


def test_what_was_told_of_the_budget_last_stands_beside_the_models(signals: Any) -> None:
    midnight, noon = datetime(2026, 11, 25, tzinfo=UTC), datetime(2026, 11, 24, 12, tzinfo=UTC)
    signals.note_model("nova-canvas", ModelSignal("active", None, 1))
    signals.note_budget(midnight, noon)
    assert signals.read().spent_until == midnight

    signals.note_budget(None, noon + timedelta(seconds=1))
    signals.note_budget(midnight, noon + timedelta(milliseconds=999))
    assert signals.read() == Signals({"nova-canvas": ModelSignal("active", None, 1)})
