"""Creating requests: counted, repeatable by key, priced without being made."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from events.model_catalog import ModelCatalog
from kit.http_api import ApiProblem, Caller
from services.intake.creation import Creation
from services.intake.figures import Estimates
from services.intake.parameters import NewRequest
from services.intake.quota import RateLimiter, Tally, Window
from services.intake.signals import ModelSignal, Signals
from tests.unit.intake.fakes import InMemoryFigures, InMemoryRates, InMemoryRequests

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MODELS = ModelCatalog.load()
PROMPT = NewRequest(prompt="a lighthouse")


class Desk:
    """Creation with everything in memory."""

    def __init__(self, store: InMemoryRequests | None = None, rates: InMemoryRates | None = None) -> None:
        self.store, self.rates, self.figures = (
            store or InMemoryRequests(),
            rates or InMemoryRates(),
            InMemoryFigures(),
        )
        self.now = NOW
        self.signals = Signals()
        self.creation = Creation(
            self.store,
            RateLimiter(self.rates, self._seconds),
            Estimates(self.figures),
            lambda: MODELS,
            Decimal("0.08"),
            lambda: self.now,
            lambda: self.signals,
        )

    def end(self, *models: str) -> None:
        self.signals = Signals({key: ModelSignal("ended", NOW.date(), 1) for key in models})

    def _seconds(self) -> float:
        return self.now.timestamp()

    def create(self, wanted: NewRequest = PROMPT, key: str | None = None, owner: str = "demo", limit: int = 100) -> Any:
        caller = Caller(owner, f"{owner}-key", frozenset({"requests:write"}), limit, 900)
        return self.creation.create(caller, wanted, key)

    @property
    def counted(self) -> int:
        return sum(tally.count for tally in self.rates.tallies.values())


@pytest.fixture
def desk() -> Desk:
    return Desk()


def refusal(call: Callable[[], Any]) -> ApiProblem:
    with pytest.raises(ApiProblem) as caught:
        call()
    return caught.value


def test_an_accepted_request_is_counted_and_remembers_where(desk: Desk) -> None:
    status, body, headers = desk.create()
    assert (status, body.status) == (202, "accepted")
    assert headers["Location"] == f"/v1/requests/{body.id}"
    assert headers["RateLimit"].startswith('"default";r=99;')
    (window,) = [window for window, tally in desk.rates.tallies.items() if tally.count]
    assert desk.store.state(body.id).charged_to == window


def test_beyond_the_limit_a_request_is_refused_with_when_to_come_back(desk: Desk) -> None:
    desk.create(limit=1)
    problem = refusal(lambda: desk.create(limit=1))
    assert (problem.status, problem.code) == (429, "rate_limited")
    assert {"RateLimit-Policy", "RateLimit", "Retry-After"} == problem.headers.keys()
    assert len(desk.store.states) == 1


def test_what_a_model_cannot_do_costs_nothing(desk: Desk) -> None:
    problem = refusal(lambda: desk.create(NewRequest(prompt="a", model="sdxl-v1", size="13x13")))
    assert (problem.status, desk.counted) == (422, 0)


def test_the_same_key_and_body_are_the_same_request(desk: Desk) -> None:
    first, again = desk.create(key="order-1"), desk.create(key="order-1")
    assert first[:2] == again[:2]
    assert first[2]["Location"] == again[2]["Location"]
    assert (desk.counted, len(desk.store.states)) == (1, 1)


def test_a_repetition_is_answered_even_when_the_limit_is_used_up(desk: Desk) -> None:
    first = desk.create(key="k", limit=1)
    assert desk.create(key="k", limit=1)[1] == first[1]


def test_the_same_key_with_another_body_is_refused(desk: Desk) -> None:
    desk.create(key="k")
    problem = refusal(lambda: desk.create(NewRequest(prompt="a ship"), key="k"))
    assert (problem.status, problem.code) == (422, "idempotency_key_reused")
    assert [error["field"] for error in problem.errors] == ["Idempotency-Key"]
    assert desk.counted == 1


def test_another_owner_may_use_the_same_key(desk: Desk) -> None:
    assert desk.create(key="k")[1].id != desk.create(key="k", owner="mallory")[1].id


def test_after_a_day_a_key_is_free_again(desk: Desk) -> None:
    first = desk.create(key="k")
    desk.now += timedelta(hours=24)
    assert desk.create(key="k")[1].id != first[1].id


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "schlüssel", "a\n"])
def test_a_key_is_visible_ascii(desk: Desk, key: str) -> None:
    problem = refusal(lambda: desk.create(key=key))
    assert (problem.status, problem.errors[0]["field"]) == (422, "Idempotency-Key")
    assert desk.counted == 0


class Raced(InMemoryRequests):
    """Somebody else with the same key is faster: after the first look, before the write."""

    faster: Callable[[], Any] | None = None

    def create(self, event, state, record=None):  # type: ignore[no-untyped-def]
        faster, self.faster = self.faster, None
        if faster:
            faster()
        super().create(event, state, record)


def test_who_loses_the_race_for_a_key_gets_the_winners_answer_and_the_charge_back() -> None:
    store = Raced()
    desk = Desk(store)
    won: list[Any] = []
    store.faster = lambda: won.append(desk.create(key="k"))
    lost = desk.create(key="k")
    assert lost[:2] == won[0][:2]
    assert (desk.counted, len(desk.store.states)) == (1, 1)


def test_who_is_refused_while_the_same_request_took_the_last_place_gets_its_answer() -> None:
    class Overtaken(InMemoryRates):
        def close(self, window: Window) -> Tally:
            if not won:
                won.append(None)
                won[0] = desk.create(key="k", limit=1)
            return super().close(window)

    desk, won = Desk(rates=Overtaken()), list[Any]()
    assert desk.create(key="k", limit=1)[:2] == won[0][:2]


def test_a_request_that_could_not_be_written_costs_nothing() -> None:
    store = Raced()
    desk = Desk(store)

    def broken() -> None:
        raise ConnectionError

    store.faster = broken
    with pytest.raises(ConnectionError):
        desk.create()
    assert desk.counted == 0


def test_a_dry_run_says_who_would_draw_it_and_for_how_much_and_does_nothing(desk: Desk) -> None:
    desk.figures.figures = {"stable-image-core": 7.2}
    view = desk.creation.dry_run(NewRequest(prompt="a lighthouse", model="titan-v2", count=3))
    assert [plan.model for plan in view.models] == ["titan-v2", "nova-canvas", "stable-image-core", "sd3.5-large"]
    assert view.price.per_image_usd == "0.008"
    assert view.price.total_max_usd == str(3 * max(Decimal(plan.price_usd) for plan in view.models))
    assert "seed" not in view.request, "it would be another next time"
    assert view.estimated_seconds == 8, "by the first model that is still there"
    assert (desk.counted, desk.store.states) == (0, {})


def test_a_dry_run_refuses_what_the_real_one_would(desk: Desk) -> None:
    assert refusal(lambda: desk.creation.dry_run(NewRequest(prompt="a", style="anime"))).status == 422


def test_how_long_it_takes_is_said_where_it_is_known(desk: Desk) -> None:
    assert desk.create()[1].estimated_seconds is None
    known = Desk()
    known.figures.figures = {"stable-image-core": 3.4}
    assert known.create()[1].estimated_seconds == 4


def test_a_model_that_has_ended_is_passed_over(desk: Desk) -> None:
    desk.end("nova-canvas", "titan-v2")
    _, body, _ = desk.create(NewRequest(prompt="a lighthouse", model="titan-v2", size="1024x1024"))

    plans = desk.store.request(body.id).data.parameters.models
    assert [plan.model for plan in plans] == ["stable-image-core", "sd3.5-large"]


def test_a_request_whose_only_model_has_ended_is_told_the_successor_and_not_counted(desk: Desk) -> None:
    desk.end("nova-canvas", "titan-v2")
    wanted = NewRequest(prompt="a lighthouse", model="titan-v2", failover=False)
    problem = refusal(lambda: desk.create(wanted))

    assert (problem.status, problem.code) == (422, "model_ended")
    assert problem.errors == [
        {"field": "model", "rule": "has ended; stable-image-core follows on it", "successor": "stable-image-core"}
    ]
    assert desk.counted == 0


def test_while_the_days_budget_is_spent_nothing_new_is_taken_and_nothing_counted(desk: Desk) -> None:
    first = desk.create(key="before")
    desk.signals = Signals(spent_until=NOW + timedelta(hours=12))
    problem = refusal(desk.create)

    assert (problem.status, problem.code, problem.headers) == (503, "budget_exhausted", {"Retry-After": "43200"})
    assert desk.create(key="before")[1] == first[1], "what was accepted stays accepted"
    assert desk.counted == 1

    desk.now += timedelta(hours=12)
    assert desk.create()[0] == 202
