"""Appeals: once per rejected request, decided once; a granted one runs the same request under the decision."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from events.catalog.image_rejected import ImageRejected
from events.catalog.image_requested import ImageRequested
from events.envelope import Event
from events.model_catalog import ModelCatalog
from events.pipeline import Status
from kit.callers import Caller
from kit.problems import ApiProblem
from kit.trail import Operator
from services.intake.appeals.service import Appeals
from services.intake.models import AlreadyAppealedError, AlreadyDecidedError, Appeal, RequestState, Window
from services.intake.outbox import events_of_appeal
from services.intake.quota import RateLimiter
from services.intake.refusals import refuse_over_budget
from services.intake.signals import BudgetSignal
from services.intake.tracking import add_event
from tests.support.clock import FakeClock
from tests.support.events import sample
from tests.support.sealing import SAMPLE_TEXTS, sample_sealer
from tests.unit.intake.fakes import InMemoryRates, InMemoryRequests, accept
from tests.unit.operations.fakes import FakeTrail

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
REQUESTED: Any = sample("ImageRequested")
REQUEST = REQUESTED.metadata.request_id
OWNER = Caller("demo", "key-1", frozenset(), 10, 900)
ACTOR = Operator.with_key("demo", "key-1")
ADMIN = Operator.with_key("ops", "key-2")


class InMemoryAppeals:
    """Implements ``AppealStore``."""

    def __init__(self, requests: InMemoryRequests) -> None:
        self.appeals: dict[str, Appeal] = {}
        self._requests = requests

    def add(self, appeal: Appeal, created_at: datetime) -> None:
        if appeal.request_id in self.appeals:
            raise AlreadyAppealedError
        self.appeals[appeal.request_id] = appeal

    def find(self, request_id: str) -> Appeal:
        return self.appeals[request_id]

    def pending(self, limit: int) -> list[Appeal]:
        found = [appeal for appeal in self.appeals.values() if appeal.status == "pending"]
        return sorted(found, key=lambda appeal: appeal.appealed_at)[:limit]

    def decide(self, decided: Appeal, new: tuple[ImageRequested, RequestState] | None) -> None:
        if self.appeals[decided.request_id].status != "pending":
            raise AlreadyDecidedError
        self.appeals[decided.request_id] = decided
        if new:
            self._requests.create([new])


class World:
    """A request and its appeals, with everything in memory."""

    def __init__(self, *events: str) -> None:
        self.requests = InMemoryRequests()
        self.rates = InMemoryRates()
        self.store = InMemoryAppeals(self.requests)
        self.trail = FakeTrail()
        self.clock = FakeClock(NOW)
        self.budget: BudgetSignal | None = None
        self.sealer = sample_sealer()
        self.appeals = Appeals(
            self.store,
            self.requests,
            RateLimiter(self.rates, self.clock),
            lambda plans: refuse_over_budget(plans, self.budget, ModelCatalog.load, self.clock.now()),
            self.sealer,
            self.trail,
            self.clock,
        )
        accept(self.requests, REQUEST, "demo", REQUESTED.data.parameters, NOW, webhook_id="w3bhookexample22")
        for event in events:
            self.add(sample(event))

    def add(self, event: Event) -> None:
        add_event(self.requests, event)

    def appeal(self, caller: Caller = OWNER) -> Appeal:
        return self.appeals.appeal(caller, ACTOR, REQUEST, "It is a stage play.")

    def decide(self, decision: Any = "granted") -> Appeal:
        return self.appeals.decide(ADMIN, REQUEST, decision, "The policy allows it.")

    def granted_request(self) -> ImageRequested:
        (found,) = (request for name, request in self.requests.requests.items() if name != REQUEST)
        return found

    @property
    def counted(self) -> int:
        return sum(counts.count for counts in self.rates.counts.values())


@pytest.fixture
def world() -> World:
    return World("PromptRejected")


def refusal(call: Callable[[], Any]) -> ApiProblem:
    with pytest.raises(ApiProblem) as caught:
        call()
    return caught.value


def test_an_appeal_waits_with_what_the_rejection_was_about(world: World) -> None:
    appeal = world.appeal()

    assert (appeal.status, appeal.subject, appeal.category) == ("pending", "prompt", "violence")
    assert appeal.policy_version == sample("PromptRejected").data.policy_version
    assert world.appeals.pending(10) == [appeal]
    assert world.appeals.find_own("demo", REQUEST) == appeal
    assert "stage" not in repr(appeal), "the reason is sealed"
    assert world.appeals.reasons(appeal).appeal == "It is a stage play."


def test_a_request_is_appealed_once(world: World) -> None:
    world.appeal()
    assert refusal(world.appeal).code == "already_appealed"
    world.decide("refused")
    assert refusal(world.appeal).code == "already_appealed"


@pytest.mark.parametrize("events", [(), ("PromptApproved",), ("PromptApproved", "RequestCancelled")])
def test_only_a_rejected_request_can_be_appealed(events: tuple[str, ...]) -> None:
    world = World(*events)
    problem = refusal(world.appeal)
    assert problem.code == "not_appealable"
    assert world.requests.read_state(REQUEST).status in problem.detail
    assert world.store.appeals == {}
    assert world.trail.written == []


def test_a_rejection_by_the_models_own_filter_cannot_be_appealed() -> None:
    world = World("PromptApproved", "GenerationFailed")
    assert sample("GenerationFailed").data.reason == "content_filtered"
    assert world.requests.read_state(REQUEST).status == Status.REJECTED
    assert "filter of the model" in refusal(world.appeal).detail


@pytest.mark.parametrize("reason", ["text_too_long", "text_not_accepted"])
def test_a_text_that_nobody_judged_cannot_be_appealed(reason: str) -> None:
    world = World()
    event = sample("PromptRejected")
    world.add(event.model_copy(update={"data": event.data.model_copy(update={"reason": reason})}))
    assert refusal(world.appeal).code == "not_appealable"


def test_another_owner_cannot_appeal_or_see_an_appeal(world: World) -> None:
    stranger = replace(OWNER, owner="stranger")
    assert refusal(lambda: world.appeal(stranger)).code == "request_not_found"
    world.appeal()
    assert refusal(lambda: world.appeals.find_own("stranger", REQUEST)).code == "appeal_not_found"
    assert refusal(lambda: world.appeals.find_own("demo", "nonsense")).code == "appeal_not_found"


def test_a_granted_appeal_repeats_the_request_with_the_decision(world: World) -> None:
    world.appeal()
    decided = world.decide()
    new = world.granted_request()

    assert decided.granted_request_id == new.metadata.request_id != REQUEST
    assert new.metadata.owner == "demo"
    parameters = new.data.parameters
    assert parameters.model_copy(update={"appeals": None}) == REQUESTED.data.parameters
    assert world.requests.read_state(new.metadata.request_id).webhook_id == "w3bhookexample22"
    version = sample("PromptRejected").data.policy_version
    assert parameters.appealed_categories("prompt", version) == {"violence"}
    assert parameters.appealed_categories("images", version) == set()
    assert parameters.appealed_categories("prompt", "default@another") == set()
    edited = parameters.model_copy(update={"prompt": world.sealer.seal("demo", "another text")})
    assert edited.appealed_categories("prompt", version) == set(), "an edited message is judged like any other"


def test_a_refused_appeal_creates_nothing(world: World) -> None:
    world.appeal()
    decided = world.decide("refused")
    assert (decided.status, decided.granted_request_id) == ("refused", None)
    assert list(world.requests.requests) == [REQUEST]
    assert world.counted == 0
    assert world.appeals.reasons(decided).decision == "The policy allows it."
    assert world.appeals.pending(10) == []


def test_an_appeal_is_decided_once(world: World) -> None:
    assert refusal(world.decide).code == "appeal_not_found"
    world.appeal()
    world.decide()
    problem = refusal(lambda: world.decide("refused"))
    assert (problem.code, "granted" in problem.detail) == ("appeal_decided", True)


def test_of_two_decisions_at_once_one_counts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.appeal()
    stale = world.store.appeals[REQUEST]
    world.decide("refused")
    decided = world.store.appeals[REQUEST]
    monkeypatch.setattr(world.store, "find", lambda _id: stale if world.counted == 0 else decided)

    assert refusal(world.decide).code == "appeal_decided"
    assert world.counted == 0, "the images are refunded"
    assert list(world.requests.requests) == [REQUEST]


def test_a_granted_request_counts_against_the_key_that_appealed(world: World) -> None:
    world.appeal()
    world.decide()
    (window,) = (window for window, counts in world.rates.counts.items() if counts.count)
    assert (window.key_id, world.counted) == ("key-1", REQUESTED.data.parameters.count)
    new = world.granted_request().metadata.request_id
    assert isinstance(world.requests.read_state(new).quota_window, Window)


def test_an_appeal_stays_pending_while_the_key_has_reached_its_limit(world: World) -> None:
    world.appeal(replace(OWNER, limit=1))
    problem = refusal(world.decide)
    assert problem.code == "rate_limited"
    assert "Retry-After" in problem.headers
    assert world.store.appeals[REQUEST].status == "pending"
    assert list(world.requests.requests) == [REQUEST]


def test_an_appeal_stays_pending_while_the_budget_is_exhausted(world: World) -> None:
    world.appeal()
    world.budget = BudgetSignal(Decimal(0), None)
    assert refusal(world.decide).code == "budget_exhausted"
    assert world.store.appeals[REQUEST].status == "pending"
    assert world.counted == 0
    world.budget = None
    assert world.decide().status == "granted"


def test_a_second_rejection_keeps_the_first_decision(world: World) -> None:
    """The images of a request whose prompt was let pass may be rejected, and appealed as well."""
    world.appeal()
    world.decide()
    new = world.granted_request()
    rejected = ImageRejected.first(new.metadata.request_id, "demo", sample("ImageRejected").data, occurred_at=NOW)
    world.add(rejected)
    appeal = world.appeals.appeal(OWNER, ACTOR, new.metadata.request_id, "Still a stage play.")
    assert appeal.subject == "images"

    decided = world.appeals.decide(ADMIN, appeal.request_id, "granted", "Yes.")
    assert decided.granted_request_id is not None
    parameters = world.requests.read_request(decided.granted_request_id).data.parameters
    version = sample("PromptRejected").data.policy_version
    assert parameters.appealed_categories("prompt", version) == {"violence"}
    assert parameters.appealed_categories("images", version) == {rejected.data.category}


def test_the_audit_trail_has_every_action_and_no_text(world: World) -> None:
    world.appeal()
    _, texts = world.appeals.review(ADMIN, REQUEST)
    world.decide()

    assert texts == SAMPLE_TEXTS
    actions = world.trail.latest(10)[::-1]
    assert [(action.verb, action.operator) for action in actions] == [
        ("appeal", "demo"),
        ("read appeal", "ops"),
        ("decide appeal", "ops"),
    ]
    assert [action.outcome for action in actions] == [{"appealed": 1}, {"read": 1}, {"granted": 1}]
    assert all(action.request_ids == [REQUEST] for action in actions)
    assert not any(text in repr(actions) for text in (SAMPLE_TEXTS.prompt, "stage play", "policy allows"))


def test_nothing_is_decided_if_the_trail_cannot_be_written(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.appeal()

    def fail(_action: Any) -> None:
        raise ConnectionError("reset")

    monkeypatch.setattr(world.trail, "begin", fail)
    with pytest.raises(ConnectionError):
        world.decide()
    assert world.store.appeals[REQUEST].status == "pending"


def test_an_appeal_of_an_erased_owner_is_unknown(world: World) -> None:
    world.appeal()
    world.sealer.destroy("demo", NOW)
    assert refusal(lambda: world.appeals.review(ADMIN, REQUEST)).code == "appeal_not_found"
    assert refusal(world.decide).code == "appeal_not_found"
    assert list(world.requests.requests) == [REQUEST]


def test_an_appeal_and_its_decision_are_published(world: World) -> None:
    (appealed,) = events_of_appeal(world.appeal())
    assert (appealed.detail_type, appealed.metadata.request_id) == ("RequestAppealed", REQUEST)
    decision = world.decide()
    (decided,) = events_of_appeal(decision)
    assert decided.detail_type == "AppealDecided"
    assert (decided.data.decision, decided.data.granted_request_id) == ("granted", decision.granted_request_id)
    assert decided.metadata.occurred_at == NOW
