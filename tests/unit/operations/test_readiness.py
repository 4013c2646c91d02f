"""Readiness: all dependencies are checked in parallel, and results are cached."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial

import pytest

from kit.errors import RetriableError
from services.operations.dead_letters.ports import Counts
from services.operations.health import LATE, OLDEST_BOTO3, Monitor, Readiness, Shed, StepQueue

QUEUES = ["intake-track", "storage-store"]
BOTO3 = "1.40.70"


class ScriptedProbes:
    """Scripted probes; those in ``stuck`` block until they are released."""

    def __init__(self) -> None:
        self.asked = 0
        self.failing: dict[str, Exception] = {}
        self.messages: dict[str, Counts] = {}
        self.oldest: dict[str, int] = {}
        self.elsewhere = ""
        self.stuck: set[str] = set()
        self.pauses: dict[str, float] = {}
        self.stopped_since = ""
        self.refused: Shed | None = None
        self.release = threading.Event()

    def dependencies(self) -> Mapping[str, Callable[[], object]]:
        """Return the table and the bus."""
        self.asked += 1
        return {name: partial(self._answer, name) for name in ("table", "bus")}

    def counts(self, queue: str) -> Counts:
        """Return the scripted numbers, if any."""
        self._answer(queue)
        return self.messages.get(queue, Counts(0, 0))

    def ages(self, queues: Sequence[str]) -> Mapping[str, int]:
        """Return the scripted ages of the given queues."""
        self._answer("ages")
        return {name: age for name, age in self.oldest.items() if name in queues}

    def stopped(self) -> str:
        """Return the scripted switch."""
        self._answer("stopped")
        return self.stopped_since

    def active_elsewhere(self) -> str:
        """Return the scripted region."""
        return self.elsewhere

    def shed(self) -> Shed | None:
        """Return the scripted load shedding."""
        self._answer("shed")
        return self.refused

    def _answer(self, name: str) -> None:
        time.sleep(self.pauses.get(name, 0))  # what a slow dependency does
        if name in self.stuck:
            self.release.wait(10)
        if name in self.failing:
            raise self.failing[name]


@pytest.fixture
def world() -> Iterator[ScriptedProbes]:
    probes = ScriptedProbes()
    yield probes
    probes.release.set()


def look(world: ScriptedProbes, timeout: float = 5) -> Readiness:
    return Monitor(world, QUEUES, "v1.2", BOTO3, timeout=timeout).readiness()


def test_everything_is_healthy(world: ScriptedProbes) -> None:
    found = look(world)

    assert (found.status, found.attention, found.version) == ("ok", [], "v1.2")
    assert [each.name for each in found.dependencies] == ["table", "bus", "queues"]
    for each in found.dependencies:
        assert (each.reachable, each.status, each.error) == (True, "ok", None)
        assert each.milliseconds is not None
    assert found.steps[0] == StepQueue(step="intake.track", waiting=0, in_flight=0, dead=0)


def test_stopped_writes_are_shown_with_their_reason(world: ScriptedProbes) -> None:
    assert look(world).writes == "open"

    world.stopped_since = "since 2026-11-29T08:00:00+00:00: drill"
    found = look(world)
    assert (found.status, found.writes) == ("degraded", "stopped")
    assert found.attention == ["writes: stopped since 2026-11-29T08:00:00+00:00: drill"]

    world.failing["stopped"] = RetriableError("no table")
    assert look(world).writes == "unknown"


def test_load_shedding_is_shown_with_its_step(world: ScriptedProbes) -> None:
    assert look(world).shedding == "none"

    world.refused = Shed("normal", "generation.generate", 1000)
    found = look(world)
    assert (found.status, found.shedding, len(found.attention)) == ("degraded", "normal", 1)
    assert found.attention[0].endswith("because others have waited for generation.generate for 1000 s")

    world.failing["shed"] = RetriableError("no table")
    assert look(world).shedding == "unknown"


@pytest.mark.parametrize("late", ["bus", "storage-store-dlq"])
def test_a_dependency_that_answers_late_is_slow_and_still_reachable(world: ScriptedProbes, late: str) -> None:
    world.pauses[late] = 0.05
    found = Monitor(world, QUEUES, "v1.2", BOTO3, slow=0.04).readiness()

    slow = {"bus": "bus", "storage-store-dlq": "queues"}[late]
    states = {each.name: (each.status, each.reachable) for each in found.dependencies}
    assert states[slow] == ("slow", True)
    assert (found.status, found.attention) == ("ok", [])
    assert all((each.milliseconds or 0) >= 50 for each in found.dependencies if each.name == slow)


def test_all_stuck_dependencies_share_one_budget(world: ScriptedProbes) -> None:
    """One after the other, they would take longer than the test may."""
    world.stuck |= {"table", "bus", "ages", "stopped", "shed", *QUEUES, *(f"{queue}-dlq" for queue in QUEUES)}
    found = look(world, timeout=0.05)

    assert {(each.status, each.error, each.milliseconds) for each in found.dependencies} == {
        ("failed", "Timeout", None)
    }
    assert (found.status, found.writes, found.shedding) == ("unavailable", "unknown", "unknown")


def test_backlogs_and_ages_are_shown_by_step(world: ScriptedProbes) -> None:
    world.messages["storage-store"] = Counts(waiting=7, in_flight=3)
    world.oldest = {"storage-store": LATE, "intake-track-dlq": 90}
    found = look(world)

    assert found.status == "ok"
    assert found.steps[1] == StepQueue(step="storage.store", waiting=7, in_flight=3, dead=0, oldest_seconds=LATE)
    assert found.steps[0].oldest_dead_seconds == 90


def test_a_dead_letter_needs_an_operator(world: ScriptedProbes) -> None:
    world.messages["storage-store-dlq"] = Counts(waiting=1, in_flight=1)
    found = look(world)

    assert (found.status, found.attention) == ("degraded", ["storage.store: 2 dead letters"])


def test_a_late_message_needs_attention(world: ScriptedProbes) -> None:
    world.oldest = {"intake-track": LATE + 1}
    found = look(world)

    assert (found.status, found.attention) == ("degraded", [f"intake.track: a message has waited for {LATE + 1} s"])


def test_the_sdk_of_the_runtime_is_shown(world: ScriptedProbes) -> None:
    assert look(world).boto3_version == BOTO3 == ".".join(map(str, OLDEST_BOTO3))


@pytest.mark.parametrize("version", ["1.40.9", "1.9.200"])
def test_an_sdk_that_is_too_old_needs_an_operator(world: ScriptedProbes, version: str) -> None:
    found = Monitor(world, QUEUES, "v1.2", version).readiness()

    assert (found.status, len(found.attention)) == ("degraded", 1)
    assert found.attention[0].startswith(f"boto3 {version} of the Lambda runtime is older than {BOTO3}")


@pytest.mark.parametrize(("name", "with_metadata"), [("bus", "bus"), ("intake-track", "queues")])
def test_a_failed_dependency_is_named_with_its_error_only(world: ScriptedProbes, name: str, with_metadata: str) -> None:
    world.failing[name] = RetriableError("arn:aws:secret")
    found = look(world)

    assert (found.status, found.attention) == ("unavailable", [f"{with_metadata}: RetriableError"])
    assert "secret" not in found.model_dump_json()


def test_unknown_numbers_are_missing_and_not_zero(world: ScriptedProbes) -> None:
    world.failing["intake-track"] = world.failing["storage-store-dlq"] = RetriableError("busy")
    found = look(world)

    assert (found.steps[0].waiting, found.steps[0].dead) == (None, 0)
    assert (found.steps[1].waiting, found.steps[1].dead) == (0, None)


def test_without_metrics_only_ages_are_unknown(world: ScriptedProbes) -> None:
    world.failing["ages"] = RetriableError("no metrics here")
    found = look(world)

    assert (found.status, found.steps[0].oldest_seconds) == ("ok", None)


@pytest.mark.parametrize(
    ("name", "attention"), [("table", ["table: Timeout"]), ("storage-store", ["queues: Timeout"]), ("ages", [])]
)
def test_a_slow_dependency_is_reported_without_waiting(world: ScriptedProbes, name: str, attention: list[str]) -> None:
    world.stuck.add(name)
    assert look(world, timeout=0.05).attention == attention


def test_a_result_is_returned_until_it_is_stale(world: ScriptedProbes) -> None:
    monitor = Monitor(world, QUEUES, "v1.2", BOTO3, fresh=60)
    first = monitor.readiness()
    world.failing["bus"] = RetriableError("gone")
    assert monitor.readiness() is first
    assert world.asked == 1

    impatient = Monitor(world, QUEUES, "v1.2", BOTO3, fresh=0)
    impatient.readiness()
    assert impatient.readiness().status == "unavailable"
    assert world.asked == 3


class InMemoryReadiness:
    """Keeps the state in memory. Implements ``ReadinessStore``."""

    def __init__(self) -> None:
        self.found: Readiness | None = None
        self.is_down = False

    def read(self) -> Readiness | None:
        """Return the state."""
        return self.found

    def write(self, found: Readiness) -> None:
        """Keep the state."""
        self.found = found

    def ping(self) -> None:
        """Raise if it is down."""
        if self.is_down:
            raise RetriableError("down")


def test_a_result_is_shared(world: ScriptedProbes) -> None:
    shared = InMemoryReadiness()
    one, other = (Monitor(world, QUEUES, "v1.2", BOTO3, shared=shared) for _ in range(2))

    assert one.readiness() == other.readiness() == shared.found
    assert world.asked == 1


def test_a_shared_result_does_not_become_younger(world: ScriptedProbes) -> None:
    shared = InMemoryReadiness()
    found = Monitor(world, QUEUES, "v1.2", BOTO3, shared=shared).readiness()
    shared.found = found.model_copy(update={"checked_at": found.checked_at - timedelta(seconds=59)})
    other = Monitor(world, QUEUES, "v1.2", BOTO3, fresh=58, shared=shared)
    assert other.readiness() == shared.found

    shared.found = None
    assert other.readiness().checked_at > found.checked_at, "it does not return the first one for 58 more seconds"


def test_without_its_cache_the_installation_works(world: ScriptedProbes) -> None:
    shared = InMemoryReadiness()
    shared.is_down = True
    found = Monitor(world, QUEUES, "v1.2", BOTO3, shared=shared).readiness()

    assert (found.status, found.attention) == ("degraded", ["cache: RetriableError"])
    [cache] = [each for each in found.dependencies if each.name == "cache"]
    assert (cache.status, cache.reachable, cache.error) == ("failed", False, "RetriableError")


def test_a_passive_region_is_not_ready(world: ScriptedProbes) -> None:
    """DNS sends callers to the region that is ready."""
    world.elsewhere = "us-west-2"
    found = look(world)

    assert (found.status, found.attention) == ("unavailable", ["passive: the active region is us-west-2"])
    assert all(dependency.reachable for dependency in found.dependencies)
