"""The comparison of copies of an event, and the killer of workers."""

import copy
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.events import sample
from tools.chaos.fault_injectors import Killer, comparable, start
from tools.chaos.plan import Kill


def body(detail_type: str) -> dict[str, Any]:
    return {"detail-type": detail_type, "detail": sample(detail_type).model_dump(mode="json")}


@pytest.mark.parametrize("name", ["error", "reason", "fingerprint", "attempts"])
def test_copies_of_a_stall_may_differ_in_time_and_error(name: str) -> None:
    first = body("ProcessingStalled")
    second = copy.deepcopy(first)
    second["detail"]["data"][name], second["detail"]["metadata"]["occurred_at"] = "another", "later"
    assert comparable(first) == comparable(second)


@pytest.mark.parametrize(
    ("detail_type", "part", "name"),
    [
        ("ProcessingStalled", "data", "step"),
        ("ProcessingStalled", "data", "stalled_event_id"),
        ("ProcessingStalled", "metadata", "replays"),
        ("ImageStored", "metadata", "occurred_at"),
    ],
)
def test_any_other_difference_makes_it_another_event(detail_type: str, part: str, name: str) -> None:
    first = body(detail_type)
    second = copy.deepcopy(first)
    second["detail"][part][name] = "another"
    assert comparable(first) != comparable(second)


@pytest.mark.skipif(not Path("/proc/self/syscall").exists(), reason="workers are found in /proc")
def test_a_busy_worker_is_killed_as_planned() -> None:
    environment = {**os.environ, "AWS_LAMBDA_FUNCTION_NAME": "dev-generation-generate"}
    with subprocess.Popen([sys.executable, "-c", "while True: pass"], env=environment) as worker:
        killer = Killer(os.getpid(), "dev", [Kill(0, "generation-generate")])
        try:
            stop = start([killer])
            worker.wait(timeout=20)
            stop()
        finally:
            worker.kill()

    assert killer.killed.total() + killer.idle.total() == 1


class FakeProcess:
    """A worker of generation that holds a message. It ends with every signal, and a new one is started."""

    def __init__(self) -> None:
        self.ended: list[int] = []
        self._child = self._new()

    def _new(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])

    @property
    def pid(self) -> int:
        """The process id. A process that has ended is replaced first."""
        if self.ended and self._child.poll() is not None:
            self._child = self._new()
        return self._child.pid

    def messages(self) -> int:
        """Return the messages that it holds."""
        return 1

    def wait(self) -> None:
        """Wait for the end of the process, and remember its signal."""
        self.ended.append(-self._child.wait(timeout=20))


def test_a_process_is_killed_and_stopped_in_turn() -> None:
    process = FakeProcess()
    killer = Killer(os.getpid(), "dev", [], process)  # type: ignore[arg-type]
    for _ in range(3):
        assert killer._kill("generation-generate")
        process.wait()

    assert process.ended == [signal.SIGKILL, signal.SIGTERM, signal.SIGKILL]
    assert (killer.killed.total(), killer.stopped.total(), killer.idle.total()) == (2, 1, 0)
