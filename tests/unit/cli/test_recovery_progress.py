"""The progress of a drill: one process at a time, and an interrupted drill continues at its step."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cli.recovery.drill import Step, run
from cli.recovery.progress import CURRENT, SILENCE, BusyError, Drill, Progress
from cli.recovery.store import ConflictError

START = datetime(2026, 11, 29, 8, tzinfo=UTC)


class MemoryStore:
    """Documents with versions, as S3 keeps them."""

    def __init__(self) -> None:
        self.documents: dict[str, tuple[str, str]] = {}
        self._writes = 0

    def read(self, key: str) -> tuple[str, str] | None:
        return self.documents.get(key)

    def write(self, key: str, content: str, *, replacing: str | None = None) -> str:
        stored = self.documents.get(key)
        if (stored[1] if stored else None) != replacing:
            raise ConflictError(key)
        self._writes += 1
        self.documents[key] = content, str(self._writes)
        return str(self._writes)

    def delete(self, key: str) -> None:
        del self.documents[key]


class Clock:
    def __init__(self) -> None:
        self.time = START

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
def store() -> Any:
    return MemoryStore()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def steps(done: list[str], failing: str = "", error: BaseException | None = None) -> list[Step]:
    def does(name: str) -> Callable[[Progress], str]:
        def run_it(progress: Progress) -> str:
            if name == failing and error:
                raise error
            done.append(name)
            progress.drill.facts[name] = len(done)
            return name.upper()

        return run_it

    return [Step(name, name, does(name)) for name in ("one", "two", "three")]


def start(
    store: Any, clock: Clock, *, failing: str = "", error: BaseException | None = None
) -> tuple[Drill, list[str]]:
    done: list[str] = []
    progress = Progress.begin(store, "ann", clock)
    return run(progress, steps(done, failing, error), clock, lambda _: None), done


def test_a_finished_drill_is_kept_and_the_next_one_is_new(store: Any, clock: Clock) -> None:
    first, done = start(store, clock)
    assert (done, first.steps["two"].result, first.finished_at) == (["one", "two", "three"], "TWO", START)
    assert store.documents[f"drills/{first.drill_id}.json"]

    clock.time += timedelta(hours=1)
    second, done = start(store, clock)
    assert (second.drill_id, done) == ("20261129T090000Z", ["one", "two", "three"])


@pytest.mark.parametrize("error", [ValueError("broken"), KeyboardInterrupt()])
def test_an_interrupted_drill_continues_at_once_at_its_step(store: Any, clock: Clock, error: BaseException) -> None:
    with pytest.raises(type(error)):
        start(store, clock, failing="two", error=error)
    clock.time += timedelta(seconds=1)
    drill, done = start(store, clock)

    assert done == ["two", "three"]
    assert (drill.started_at, drill.finished_at, drill.facts["one"]) == (START, clock.time, 1)


def test_a_drill_that_has_changed_nothing_is_forgotten(store: Any, clock: Clock) -> None:
    with pytest.raises(ValueError, match="no backup"):
        start(store, clock, failing="one", error=ValueError("no backup"))
    assert CURRENT not in store.documents

    clock.time += timedelta(minutes=5)
    assert start(store, clock)[0].started_at == clock.time


def test_a_second_drill_is_refused_until_the_first_is_silent(store: Any, clock: Clock) -> None:
    first = Progress.begin(store, "ann", clock)
    clock.time += timedelta(seconds=30)
    with pytest.raises(
        BusyError, match=r"of ann is running; its last sign of life was 30 s ago.*in 90 s: it continues"
    ):
        Progress.begin(store, "bob", clock)

    first.beat()
    clock.time += SILENCE
    second = Progress.begin(store, "bob", clock)
    assert second.drill.drill_id == first.drill.drill_id
    with pytest.raises(BusyError, match="has taken over"):
        first.save()


def test_of_two_drills_that_start_at_once_one_is_refused(store: Any, clock: Clock) -> None:
    class Slow(MemoryStore):
        def read(self, key: str) -> tuple[str, str] | None:
            found = super().read(key)
            if key not in self.documents:
                Progress.begin(store, "bob", clock)
                self.documents = store.documents
            return found

    with pytest.raises(BusyError, match="at the same moment"):
        Progress.begin(Slow(), "ann", clock)  # type: ignore[arg-type]


def test_a_process_that_lost_the_drill_does_not_release_it(store: Any, clock: Clock) -> None:
    def lose(_: Progress) -> str:
        clock.time += SILENCE
        Progress.begin(store, "bob", clock)
        return ""

    with pytest.raises(BusyError):
        run(Progress.begin(store, "ann", clock), [Step("one", "", lose)], clock, lambda _: None)
    with pytest.raises(BusyError, match="is running"):
        Progress.begin(store, "ann", clock)
