"""Load shedding: whose requests are refused while too many wait."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from events.catalog.image_requested import ImageRequested
from events.pipeline import Status, TimelineEntry
from kit.callers import PRIORITIES, Priority
from services.intake.creation import new_state
from services.intake.models import RequestState
from services.intake.refusals import is_shed
from services.intake.shedding import CROWD, VALID, LoadShedding, Wait, bounds_of, longest_wait, refused_up_to
from services.intake.signals import ShedSignal
from tests.support.clock import FakeClock
from tests.support.events import sample
from tests.support.templates import root_template
from tests.unit.intake.fakes import InMemorySignals

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
BOUNDS: dict[Priority, timedelta] = {
    "low": timedelta(seconds=300),
    "normal": timedelta(seconds=900),
    "high": timedelta(seconds=1800),
}


def waiting(status: Status, *seconds: int) -> list[RequestState]:
    """Return the states of requests that have waited for the step of ``status``."""
    return [_waiting(status, each) for each in seconds]


def _waiting(status: Status, seconds: int) -> RequestState:
    requested = sample("ImageRequested")
    assert isinstance(requested, ImageRequested)
    _, state = new_state(requested.metadata.request_id, "ada", requested.data.parameters, NOW - timedelta(hours=1))
    progress = TimelineEntry("progress", "PromptApproved", NOW - timedelta(seconds=seconds))
    return replace(state, status=status, timeline={**state.timeline, "progress": progress})


@pytest.mark.parametrize(
    ("seconds", "before", "refused"),
    [
        (0, None, None),
        (300, None, None),
        (301, None, "low"),
        (900, None, "low"),
        (901, None, "normal"),
        (1800, "normal", "normal"),
        (1801, "normal", "high"),
        # A priority that is refused is accepted again below half of its bound.
        (901, "high", "high"),
        (900, "high", "normal"),
        (451, "normal", "normal"),
        (450, "normal", "low"),
        (151, "low", "low"),
        (150, "low", None),
        # Without having been refused, it is refused above the whole bound only.
        (451, "low", "low"),
        (151, None, None),
    ],
)
def test_the_longer_requests_wait_the_more_priorities_are_refused(
    seconds: int, before: Priority | None, refused: Priority | None
) -> None:
    assert refused_up_to(timedelta(seconds=seconds), BOUNDS, before) == refused


def test_the_parameter_has_the_bounds_by_priority() -> None:
    default = root_template()["Parameters"]["ShedAfterSeconds"]["Default"]

    assert bounds_of(default) == BOUNDS
    assert bounds_of("off") == {}


def test_bounds_may_be_equal() -> None:
    equal = dict.fromkeys(PRIORITIES, timedelta(seconds=60))
    assert refused_up_to(timedelta(seconds=61), equal, None) == "high"
    assert refused_up_to(timedelta(seconds=60), equal, None) is None


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([], None),
        (waiting(Status.ACCEPTED, *[900] * (CROWD - 1)), None),
        (waiting(Status.ACCEPTED, *[900] * CROWD), ("moderation.prompt", 900)),
        (waiting(Status.GENERATING, *range(CROWD)), ("generation.generate", CROWD // 2)),
        (waiting(Status.GENERATING, *[9000] * (CROWD - 1), *[5] * CROWD), ("generation.generate", 5)),
        (waiting(Status.STALLED, *[900] * CROWD), None),
        (waiting(Status.SUCCEEDED, *[900] * CROWD), None),
        (waiting(Status.CHECKING, *[50] * CROWD) + waiting(Status.STORING, *[70] * CROWD), ("storage.store", 70)),
        (waiting(Status.CHECKING, 900) + waiting(Status.STORING, *[70] * CROWD), ("storage.store", 70)),
    ],
    ids=["nothing", "too few", "a crowd", "half", "many lost", "stalled", "finished", "the longest", "one elsewhere"],
)
def test_a_step_is_late_if_half_of_many_requests_have_waited_for_it(
    states: Sequence[RequestState], expected: tuple[str, int] | None
) -> None:
    wait = Wait(expected[0], timedelta(seconds=expected[1])) if expected else None
    assert longest_wait(states, NOW) == wait


@dataclass
class World:
    """Load shedding with everything in memory."""

    states: list[RequestState] = field(default_factory=list)
    signals: InMemorySignals = field(default_factory=InMemorySignals)
    clock: FakeClock = field(default_factory=lambda: FakeClock(NOW))
    bounds: dict[Priority, timedelta] = field(default_factory=lambda: dict(BOUNDS))

    def oldest(self) -> list[RequestState]:
        return self.states

    def update(self) -> ShedSignal | None:
        found = LoadShedding(self, self.signals, self.bounds, self.clock).update()
        assert self.signals.shed == found
        return found


def test_a_decision_is_saved_renewed_and_removed() -> None:
    world = World(waiting(Status.STORING, *[1000] * CROWD))
    assert world.update() == ShedSignal("normal", "storage.store", 1000, NOW + VALID)

    world.clock.advance(60)
    assert world.update() == ShedSignal("normal", "storage.store", 1060, NOW + timedelta(seconds=60) + VALID)

    world.states = waiting(Status.STORING, *[10] * CROWD)
    assert world.update() is None


def test_an_outdated_decision_does_not_lower_the_bounds() -> None:
    world = World(waiting(Status.STORING, *[200] * CROWD))
    world.signals.shed = ShedSignal("low", "storage.store", 301, NOW)
    assert world.update() is None

    world.signals.shed = ShedSignal("low", "storage.store", 301, NOW + timedelta(seconds=1))
    assert world.update() == ShedSignal("low", "storage.store", 200, NOW + VALID)


def test_without_bounds_nothing_is_read_or_refused() -> None:
    world = World(waiting(Status.STORING, *[10**6] * CROWD), bounds={})
    assert world.update() is None


@pytest.mark.parametrize("up_to", PRIORITIES)
def test_a_signal_refuses_its_priority_and_lower_ones_while_it_is_valid(up_to: Priority) -> None:
    signal = ShedSignal(up_to, "storage.store", 1000, NOW)
    before = NOW - timedelta(seconds=1)

    refused = [priority for priority in PRIORITIES if is_shed(signal, priority, before)]
    assert refused == list(PRIORITIES[: PRIORITIES.index(up_to) + 1])
    assert not any(is_shed(signal, priority, NOW) for priority in PRIORITIES)
