"""The comparison of copies of an event, and the killer of workers."""

import copy
import os
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
