"""What an image costs in logs: one line per invocation, and few bytes."""

import io
import json
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any, Final

import pytest

from kit import telemetry
from tools.permissions.scenarios.requests import PROMPT
from tools.permissions.world import World

OVERHEAD: Final = 26
"""Bytes that CloudWatch Logs adds to each line
(https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html)."""
LISTENERS: Final = {"notifications.push"}
"""Runs for owners who listen to their requests."""
MAX_BYTES: Final = 6 * 1024
MAX_BYTES_PER_MESSAGE: Final = 900


@dataclass(frozen=True)
class Invocation:
    """The lines of one invocation."""

    function: str
    messages: int
    lines: list[str]

    @property
    def bytes(self) -> int:
        """What CloudWatch Logs bills."""
        return sum(len(line.encode()) + OVERHEAD for line in self.lines)


class LoggedWorld(World):
    """Keeps the lines of every invocation. The batching window of analytics is filled, as on Lambda."""

    def __init__(self) -> None:
        super().__init__("us-east-1", {})
        self.invocations: list[Invocation] = []
        self._window: list[Any] = []

    def run(self, name: str, event: Any, context: Any = None) -> Any:
        """Run a function and keep its lines."""
        if name == "analytics.record":
            self._window += event["Records"]
            return {"batchItemFailures": []}
        return self._run(name, event)

    def close_window(self) -> None:
        """Run analytics with everything that waits for it, in batches of ten."""
        waiting, self._window = self._window, []
        for start in range(0, len(waiting), 10):
            self._run("analytics.record", {"Records": waiting[start : start + 10]})

    def _run(self, name: str, event: Any) -> Any:
        telemetry._call.clear()  # each function has a process of its own
        with redirect_stdout(io.StringIO()) as written:
            answer = super().run(name, event)
        self.invocations.append(Invocation(name, len(event.get("Records", ())), written.getvalue().splitlines()))
        return answer


@pytest.fixture(scope="module")
def invocations() -> Iterator[list[Invocation]]:
    """Return the invocations for one image, after another one has started all functions."""
    with LoggedWorld() as world:
        for _ in range(2):
            world.invocations.clear()
            world.http("intake.api", "POST", "/v1/requests", PROMPT)
            world.settle()
            world.close_window()
        yield world.invocations


def test_an_invocation_writes_one_line(invocations: list[Invocation]) -> None:
    assert {"moderation.prompt", "generation.generate", "storage.store"} <= {each.function for each in invocations}
    assert [each for each in invocations if len(each.lines) > 1] == []


def test_the_line_of_a_batch_names_its_messages(invocations: list[Invocation]) -> None:
    for each in (each for each in invocations if each.function != "analytics.record"):
        lines = [json.loads(line) for line in each.lines]
        named = sum(len(events) for line in lines for _, *events in line.get("handled", ()))
        assert named == sum(line.get("messages_handled", 0) for line in lines)


def test_an_image_costs_few_bytes(invocations: list[Invocation]) -> None:
    found = {f"{number} {each.function}": each.bytes for number, each in enumerate(invocations)}
    total = sum(each.bytes for each in invocations if each.function not in LISTENERS)

    assert 0 < total <= MAX_BYTES, found
    assert max(each.bytes / max(1, each.messages) for each in invocations) <= MAX_BYTES_PER_MESSAGE, found
