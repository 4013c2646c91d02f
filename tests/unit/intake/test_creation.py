"""Creating requests: counted, idempotent by key, priced without being created."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, get_args

import pytest

from events.catalog.model_lifecycle_changed import LifecycleStatus
from events.model_catalog import ModelCatalog
from kit.callers import PRIORITIES, Caller, Priority
from kit.problems import ApiProblem
from kit.sealing import Sealer
from services.intake.creation import Accepted, RequestCreation
from services.intake.durations import Estimates
from services.intake.models import Window
from services.intake.quota import RateLimiter, WindowCounts
from services.intake.schemas import NewRequest
from services.intake.signals import BudgetSignal, ModelSignal, ShedSignal, Signals, StopSignal
from tests.support.clock import FakeClock
from tests.support.sealing import MemoryKeys
from tests.unit.intake.fakes import InMemoryDurations, InMemoryRates, InMemoryRequests

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
NOON_TO_MIDNIGHT, DAY = 12 * 3600, 24 * 3600
MODELS = ModelCatalog.load()
PROMPT = NewRequest(prompt="a lighthouse")
END_OF_LIFE = get_args(LifecycleStatus)[-1]


class World:
    """Creation with everything in memory."""

    def __init__(self, store: InMemoryRequests | None = None, rates: InMemoryRates | None = None) -> None:
        self.store = store or InMemoryRequests()
        self.rates = rates or InMemoryRates()
        self.durations = InMemoryDurations()
        self.clock = FakeClock(NOW)
        self.signals = Signals()
        self.keys = MemoryKeys()
        self.sealer = Sealer(self.keys)
        self.creation = RequestCreation(
            self.store,
            RateLimiter(self.rates, self.clock),
            Estimates(self.durations, self.clock),
            lambda: MODELS,
            lambda: self.signals,
            Decimal("0.08"),
            self.sealer,
            self.clock,
        )

    def end_of_life(self, *models: str) -> None:
        self.signals = Signals({key: ModelSignal(END_OF_LIFE, NOW.date(), 1) for key in models})

    def create(
        self, request: NewRequest = PROMPT, key: str | None = None, owner: str = "demo", limit: int = 100
    ) -> Accepted:
        return self.creation.create(self.caller(limit, owner), request, key)

    @staticmethod
    def caller(limit: int = 100, owner: str = "demo") -> Caller:
        return Caller(owner, f"{owner}-key", frozenset({"requests:write"}), limit, 900)

    @property
    def counted(self) -> int:
        return sum(counts.count for counts in self.rates.counts.values())


@pytest.fixture
def world() -> World:
    return World()


def refusal(call: Callable[[], Any]) -> ApiProblem:
    with pytest.raises(ApiProblem) as caught:
        call()
    return caught.value


def test_an_accepted_request_is_counted_and_keeps_its_window(world: World) -> None:
    body, headers = world.create()
    assert body.status == "accepted"
    assert headers["Location"] == f"/v1/requests/{body.id}"
    assert headers["RateLimit"].startswith('"default";r=99;')
    (window,) = [window for window, counts in world.rates.counts.items() if counts.count]
    assert world.store.read_state(body.id).quota_window == window


def test_beyond_the_limit_a_request_is_refused_with_retry_after(world: World) -> None:
    world.create(limit=1)
    problem = refusal(lambda: world.create(limit=1))
    assert (problem.status, problem.code) == (429, "rate_limited")
    assert {"RateLimit-Policy", "RateLimit", "Retry-After"} == problem.headers.keys()
    assert len(world.store.states) == 1


def test_a_request_counts_its_images(world: World) -> None:
    body, headers = world.create(NewRequest(prompt="a lighthouse", count=4))
    assert headers["RateLimit"].startswith('"default";r=96;')
    assert (world.counted, world.store.read_state(body.id).quota_images) == (4, 4)


def test_more_images_than_the_key_may_ever_request_are_refused(world: World) -> None:
    problem = refusal(lambda: world.create(NewRequest(prompt="a lighthouse", count=4), limit=3))
    assert (problem.status, problem.errors[0]["field"], problem.errors[0]["maximum"]) == (422, "count", 3)
    assert world.counted == 0


def test_unsupported_parameters_are_not_counted(world: World) -> None:
    problem = refusal(lambda: world.create(NewRequest(prompt="a", model="sdxl-v1", size="13x13")))
    assert (problem.status, world.counted) == (422, 0)


def test_the_same_key_and_body_return_the_same_request(world: World) -> None:
    first, again = world.create(key="order-1"), world.create(key="order-1")
    assert first.body == again.body
    assert first.headers["Location"] == again.headers["Location"]
    assert (world.counted, len(world.store.states)) == (1, 1)


def test_a_repetition_is_accepted_although_the_limit_is_reached(world: World) -> None:
    first = world.create(key="k", limit=1)
    assert world.create(key="k", limit=1).body == first.body


def test_the_same_key_with_another_body_is_refused(world: World) -> None:
    world.create(key="k")
    problem = refusal(lambda: world.create(NewRequest(prompt="a ship"), key="k"))
    assert (problem.status, problem.code) == (422, "idempotency_key_reused")
    assert [error["field"] for error in problem.errors] == ["Idempotency-Key"]
    assert world.counted == 1


def test_another_owner_may_use_the_same_key(world: World) -> None:
    assert world.create(key="k").body.id != world.create(key="k", owner="mallory").body.id


def test_after_a_day_a_key_can_be_used_again(world: World) -> None:
    first = world.create(key="k")
    world.clock.advance(DAY)
    assert world.create(key="k").body.id != first.body.id


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "schlüssel", "a\n"])
def test_a_key_must_be_visible_ascii(world: World, key: str) -> None:
    problem = refusal(lambda: world.create(key=key))
    assert (problem.status, problem.errors[0]["field"]) == (422, "Idempotency-Key")
    assert world.counted == 0


class Raced(InMemoryRequests):
    """Something else happens after the first look for the key and before the write."""

    before_write: Callable[[], Any] | None = None

    def create(self, requests, record=None):  # type: ignore[no-untyped-def]
        before_write, self.before_write = self.before_write, None
        if before_write:
            before_write()
        super().create(requests, record)


def test_the_loser_of_a_race_gets_the_winners_response_and_a_refund() -> None:
    store = Raced()
    world = World(store)
    won: list[Accepted] = []
    store.before_write = lambda: won.append(world.create(key="k"))
    lost = world.create(key="k")
    assert lost.body == won[0].body
    assert (world.counted, len(world.store.states)) == (1, 1)


def test_a_refused_repetition_of_the_last_request_gets_its_response() -> None:
    class Overtaken(InMemoryRates):
        def close(self, window: Window) -> WindowCounts:
            if not won:
                won.append(None)
                won[0] = world.create(key="k", limit=1)
            return super().close(window)

    world, won = World(rates=Overtaken()), list[Any]()
    assert world.create(key="k", limit=1).body == won[0].body


def test_a_request_that_could_not_be_written_is_refunded() -> None:
    store = Raced()
    world = World(store)

    def fail() -> None:
        raise ConnectionError

    store.before_write = fail
    with pytest.raises(ConnectionError):
        world.create()
    assert world.counted == 0


PARTS = [NewRequest(prompt="a lighthouse", count=count) for count in (4, 4, 2)]


def test_requests_of_one_call_are_counted_and_written_as_one(world: World) -> None:
    bodies, headers = world.creation.create_all(world.caller(), PARTS)
    states = [world.store.read_state(body.id) for body in bodies]
    assert [state.quota_images for state in states] == [4, 4, 2]
    assert (world.counted, len(world.store.states)) == (10, 3)
    assert headers["RateLimit"].startswith('"default";r=90;')


@pytest.mark.parametrize(
    ("limit", "used", "status"), [(9, 0, 422), (12, 3, 429)], ids=["more than the limit", "more than is left"]
)
def test_a_limit_refuses_all_requests_of_a_call(world: World, limit: int, used: int, status: int) -> None:
    for _ in range(used):
        world.create(limit=limit)
    problem = refusal(lambda: world.creation.create_all(world.caller(limit), PARTS))
    assert problem.status == status
    assert (world.counted, len(world.store.states)) == (used, used)


def test_a_budget_refuses_all_requests_of_a_call(world: World) -> None:
    world.signals = Signals(budget=BudgetSignal(Decimal(0), None))
    assert refusal(lambda: world.creation.create_all(world.caller(), PARTS)).code == "budget_exhausted"
    assert (world.counted, world.store.states) == (0, {})


def test_while_writes_are_stopped_only_an_earlier_response_is_returned(world: World) -> None:
    first = world.create(key="again")
    world.signals = Signals(stopped=StopSignal("drill", datetime(2026, 11, 29, tzinfo=UTC)))

    problem = refusal(world.create)
    assert (problem.status, problem.code, problem.headers) == (503, "writes_stopped", {"Retry-After": "60"})
    assert "drill" not in problem.detail
    assert world.create(key="again").body == first.body
    assert (world.counted, len(world.store.states)) == (1, 1)


@pytest.mark.parametrize(
    ("up_to", "refused"),
    [("low", ["low"]), ("normal", ["low", "normal"]), ("high", ["low", "normal", "high"])],
)
def test_while_too_many_wait_the_lowest_priorities_are_refused(
    world: World, up_to: Priority, refused: list[Priority]
) -> None:
    first = world.create(key="again")
    world.signals = Signals(shed=ShedSignal(up_to, "generation.generate", 1000, NOW + timedelta(seconds=1)))

    for priority in PRIORITIES:
        caller = replace(world.caller(), priority=priority)
        if priority not in refused:
            assert world.creation.create(caller, PROMPT).body.status == "accepted"
            continue
        problem = refusal(partial(world.creation.create, caller, PROMPT))
        assert (problem.status, problem.code) == (503, "overloaded")
        assert f"of {priority} priority" in problem.detail
        assert 30 <= int(problem.headers["Retry-After"]) <= 60, "our client libraries wait for up to 60 s"
        assert world.creation.create(caller, PROMPT, "again").body == first.body, "it was accepted before"
    accepted = 1 + len(PRIORITIES) - len(refused)
    assert (world.counted, len(world.store.states)) == (accepted, accepted)

    assert world.creation.dry_run(PROMPT), "a dry run is no work"
    world.clock.advance(1)
    assert world.create().body.status == "accepted", "a signal that is not renewed ends"


def test_a_shed_request_is_counted(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.signals = Signals(shed=ShedSignal("normal", "generation.generate", 1000, NOW + timedelta(seconds=1)))
    refusal(lambda: world.creation.create_all(world.caller(), PARTS))

    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (line["message"], line["requests_shed"], line["priority"]) == ("request shed", 3, "normal")


def test_a_failed_write_refunds_all_requests_of_a_call() -> None:
    store = Raced()
    world = World(store)
    store.before_write = lambda: 1 / 0
    with pytest.raises(ZeroDivisionError):
        world.creation.create_all(world.caller(), PARTS)
    assert (world.counted, store.states) == (0, {})


def test_one_idempotency_key_stands_for_all_requests_of_a_call(world: World) -> None:
    first = world.creation.create_all(world.caller(), PARTS, "k")
    assert world.creation.create_all(world.caller(), PARTS, "k").bodies == first.bodies
    assert (world.counted, len(world.store.states)) == (10, 3)
    for others in (PARTS[:1], PARTS[:2], [*PARTS, PROMPT]):
        problem = refusal(partial(world.creation.create_all, world.caller(), others, "k"))
        assert problem.code == "idempotency_key_reused"


def test_a_record_of_an_earlier_version_is_still_understood(world: World) -> None:
    first = world.create(key="k")
    (record,) = world.store.records.values()
    earlier = replace(record, response=first.body.model_dump_json())
    world.store.records[earlier.owner, earlier.key] = earlier
    assert world.create(key="k").body == first.body


def test_a_dry_run_returns_models_and_price_and_writes_nothing(world: World) -> None:
    world.durations.averages = {"stable-image-core": 7.2}
    view = world.creation.dry_run(NewRequest(prompt="a lighthouse", model="titan-v2", count=3))
    assert [plan.model for plan in view.models] == ["titan-v2", "nova-canvas", "stable-image-core", "sd3.5-large"]
    assert view.price.per_image_usd == "0.008"
    assert view.price.total_max_usd == str(3 * max(Decimal(plan.price_usd) for plan in view.models))
    assert view.request.seed is None, "the next one would have another"
    assert view.estimated_seconds == 8, "of the first model that is still served"
    assert (world.counted, world.store.states) == (0, {})


def test_a_dry_run_refuses_the_same_parameters(world: World) -> None:
    assert refusal(lambda: world.creation.dry_run(NewRequest(prompt="a", style="anime"))).status == 422


def test_the_response_estimates_the_duration_if_it_is_known(world: World) -> None:
    assert world.create().body.estimated_seconds is None
    known = World()
    known.durations.averages = {"stable-image-core": 3.4}
    assert known.create().body.estimated_seconds == 4


def test_a_model_at_its_end_of_life_is_left_out(world: World) -> None:
    world.end_of_life("nova-canvas", "titan-v2")
    body, _ = world.create(NewRequest(prompt="a lighthouse", model="titan-v2", size="1024x1024"))

    plans = world.store.read_request(body.id).data.parameters.models
    assert [plan.model for plan in plans] == ["stable-image-core", "sd3.5-large"]


def test_without_failover_the_error_names_the_successor(world: World) -> None:
    world.end_of_life("nova-canvas", "titan-v2")
    request = NewRequest(prompt="a lighthouse", model="titan-v2", failover=False)
    problem = refusal(lambda: world.create(request))

    assert (problem.status, problem.code) == (422, "model_end_of_life")
    assert problem.errors == [
        {
            "field": "model",
            "rule": "has reached its end of life; its successor is stable-image-core",
            "successor": "stable-image-core",
        }
    ]
    assert world.counted == 0


def test_while_the_budget_is_exhausted_new_requests_are_refused(world: World) -> None:
    first = world.create(key="before")
    midnight = datetime(2026, 11, 23, tzinfo=UTC)
    world.signals = Signals(budget=BudgetSignal(Decimal("0.03"), midnight))
    problem = refusal(world.create)

    assert (problem.status, problem.code, problem.headers) == (503, "budget_exhausted", {"Retry-After": "43200"})
    assert world.create(key="before").body == first.body, "an accepted request stays accepted"
    assert world.counted == 1

    world.clock.advance(NOON_TO_MIDNIGHT)
    assert world.create().body.status == "accepted"


def test_an_image_dearer_than_the_rest_of_the_budget_refuses_only_itself(world: World) -> None:
    world.signals = Signals(budget=BudgetSignal(Decimal("0.10"), datetime(2026, 11, 23, tzinfo=UTC)))
    dear = NewRequest(prompt="a lighthouse", model="stable-image-ultra", failover=False)
    problem = refusal(lambda: world.create(dear))
    assert (problem.status, problem.code) == (503, "budget_exhausted")
    assert "up to $0.10 per image" in problem.detail
    assert world.counted == 0

    assert world.create().body.status == "accepted"
    with_failover = dear.model_copy(update={"failover": True})
    assert world.create(with_failover).body.status == "accepted", "sd3.5-large may serve it for 0.08"


@pytest.mark.parametrize("left", ["0", "0.03", "0.04", "0.05", "0.08", "0.13", "0.14"])
def test_requests_are_refused_exactly_if_no_model_of_theirs_is_covered(world: World, left: str) -> None:
    world.signals = Signals(budget=BudgetSignal(Decimal(left), datetime(2026, 11, 23, tzinfo=UTC)))
    today = NOW.date()
    for model in (model for model in MODELS if not model.ended(today)):
        request = NewRequest(prompt="a lighthouse", model=model.key, failover=False)
        if min(model.price_usd["standard"], Decimal(left)) == model.price_usd["standard"]:
            assert world.create(request).body.status == "accepted"
        else:
            assert refusal(partial(world.create, request)).code == "budget_exhausted"


def test_a_stop_by_an_operator_lasts_longer_than_the_day(world: World) -> None:
    world.signals = Signals(budget=BudgetSignal(Decimal(0), None))
    world.clock.advance(2 * DAY)
    problem = refusal(world.create)
    assert (problem.status, problem.code, problem.headers) == (503, "budget_exhausted", {"Retry-After": "300"})
    assert problem.detail == "Image generation is stopped by the operator. Try again later."


def test_a_passive_region_refuses_new_requests(world: World) -> None:
    first = world.create(key="before")
    world.signals = Signals(active_elsewhere="us-west-2")
    problem = refusal(world.create)

    assert (problem.status, problem.code, problem.headers) == (503, "unavailable", {"Retry-After": "60"})
    assert "us-west-2" in problem.detail
    assert world.create(key="before").body == first.body, "an accepted request stays accepted"
    assert world.counted == 1
