"""The AWS calls and write units of a request are the ones in this table. A call that somebody adds fails here.

All functions run on moto, warm, one after the other as in the pipeline, with a daily budget, and with a clock that
stands still: so nothing depends on time. What a function reads again after some seconds is read, because the last
request was a minute ago. `make bench` counts the same on the emulator, where the size of a batch depends on time.
Receiving and deleting messages is Lambda's and not counted.
"""

import json
import random
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any, Final
from unittest.mock import patch

import pytest

from kit.clock import SystemClock
from local.bedrock.guardrail import GUARDRAIL_ID, GUARDRAIL_VERSION
from tools.benchmarks.units import Capacity
from tools.permissions.recorder import Call
from tools.permissions.report import DEPLOYMENTS
from tools.permissions.scenarios.requests import accept
from tools.permissions.world import World

EXPECTED: Final = """
                                             one_image       four_images   rejected_prompt      ten_requests
analytics PutObject                                  1                 1                 1                 1
analytics TransactWriteItems                         1                 1                 1                 1
generation GetItem                                   1                 1                 0                 1
generation InvokeModel                               1                 4                 0                10
generation PutEvents                                 1                 1                 0                 2
generation PutObject                                 1                 4                 0                10
generation TransactWriteItems                        0                 1                 0                 0
generation UpdateItem                                3                 8                 0                30
intake PutEvents                                     5                 5                 2                 5
intake Query                                         1                 1                 1                 1
intake TransactWriteItems                            1                 1                 1                10
intake UpdateItem                                    5                 5                 3                50
moderation Converse                                  1                 1                 0                10
moderation DetectModerationLabels                    1                 4                 0                10
moderation PutEvents                                 2                 2                 1                 2
moderation PutItem                                   2                 2                 1                20
notifications Query                                  4                 4                 1                 4
storage GetObject                                    1                 4                 0                10
storage PutEvents                                    1                 1                 0                 1
storage PutItem                                      1                 0                 0                10
storage PutObject                                    3                12                 0                30
storage TransactWriteItems                           0                 1                 0                 0
calls                                               37                64                12               218
analytics write units                                4                 4                 4                22
generation write units                               3                16                 0                30
intake write units                                  14                15                12               140
moderation write units                               2                 2                 1                20
notifications write units                            0                 0                 0                 0
storage write units                                  3                24                 0                30
write units                                         26                61                17               242
"""
"""A change that lowers a figure also changes this table, so that the figure stays low."""

CALLS, UNITS = "calls", "write units"

START: Final = datetime(2026, 11, 22, 12, 0, 0, 123_456, tzinfo=UTC)
"""The start of a rate limit's window. All requests are in it, because the first of a window takes more calls."""


@dataclass(frozen=True)
class Story:
    """Requests that are posted at once and handled to their end."""

    status: str
    """The status in which they end."""
    requests: int = 1
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def happen(self, world: World) -> list[str]:
        """Post the requests, deliver everything that follows, and return their ids."""
        ids = [accept(world, **self.parameters) for _ in range(self.requests)]
        world.settle()
        return ids


STORIES: Final[Mapping[str, Story]] = {
    "one_image": Story("succeeded"),
    "four_images": Story("succeeded", parameters={"count": 4}),
    "rejected_prompt": Story("rejected", parameters={"prompt": "a g-a-n-g-b-a-n-g"}),
    "ten_requests": Story("succeeded", requests=10),
}


class Figures:
    """Counts the calls of functions. Row of the table → figure."""

    def __init__(self, world: World) -> None:
        self.rows: Counter[str] = Counter()
        self._world = world
        self._capacity = Capacity(world.client("dynamodb"))
        self._lock = Lock()

    def add(self, call: Call) -> None:
        """Count a call. Functions make calls in several threads."""
        with self._lock, self._world.recorder.unrecorded():
            service = call.function.partition(".")[0]
            self.rows[f"{service} {call.operation}"] += 1
            self.rows[CALLS] += 1
            if call.service == "dynamodb":
                written, _ = self._capacity.units(call.operation, json.dumps(call.parameters))
                self.rows[f"{service} {UNITS}"] += int(written)
                self.rows[UNITS] += int(written)


def measured(stories: Iterable[str], **changed: str) -> Mapping[str, Counter[str]]:
    """Return the figures of stories, with parameters that differ from the default ones."""
    clock = START
    region, parameters = DEPLOYMENTS["default"]
    figures: dict[str, Counter[str]] = {}
    with (
        patch.object(SystemClock, "now", lambda _: clock),
        patch.object(SystemClock, "monotonic", lambda _: clock.timestamp()),
        patch.object(random, "sample", lambda population, count: list(population)[:count]),  # the shard of a day
        World(region, {**parameters, **changed}) as world,
    ):
        for warm_up in ("one_image", "rejected_prompt"):
            STORIES[warm_up].happen(world)
        for name in stories:
            story = STORIES[name]
            clock += timedelta(minutes=1)
            counted = Figures(world)
            with patch.object(world.recorder, "called", counted.add):
                ids = story.happen(world)
            figures[name] = counted.rows
            for request_id in ids:
                path = {"request_id": request_id}
                assert world.http("intake.api", "GET", "/v1/requests/{request_id}", at=path)["status"] == story.status
    return figures


@pytest.fixture(scope="module")
def found() -> Mapping[str, Counter[str]]:
    """Return the figures of each story."""
    return measured(STORIES)


def expected() -> Mapping[str, Counter[str]]:
    """Return the figures of the table."""
    head, *lines = EXPECTED.strip().splitlines()
    figures: dict[str, Counter[str]] = {name: Counter() for name in head.split()}
    for line in lines:
        row, *values = re.split(r" {2,}", line.strip())
        for story, value in zip(figures.values(), values, strict=True):
            story[row] = int(value)
    return figures


def table(figures: Mapping[str, Counter[str]]) -> str:
    """Return figures as the text of a table."""
    names = {name for rows in figures.values() for name in rows}
    order = sorted(names, key=lambda name: (UNITS in name, name in {CALLS, UNITS}, name))
    lines = [" " * 36 + "".join(f"{story:>18}" for story in figures)]
    lines += [f"{name:36}" + "".join(f"{rows[name]:>18}" for rows in figures.values()) for name in order]
    return "\n".join(lines)


@pytest.mark.parametrize("story", STORIES)
def test_a_request_takes_no_other_aws_calls(story: str, found: Mapping[str, Counter[str]]) -> None:
    now, before = found[story], expected()[story]
    changed = [
        f"{story}: {row} was {before[row]} and is {now[row]}"
        for row in sorted(now.keys() | before.keys())
        if now[row] != before[row]
    ]

    assert changed == [], "\n".join([*changed, "The table of all figures is now:", table(found)])


def test_a_shadow_policy_takes_no_calls_and_no_write_units() -> None:
    figures = measured(["one_image", "rejected_prompt"], ShadowPolicy="candidate")

    assert figures == {story: expected()[story] for story in figures}


def test_a_guardrail_takes_one_call_per_prompt_and_two_per_image() -> None:
    guardrail = {"GuardrailId": GUARDRAIL_ID, "GuardrailVersion": GUARDRAIL_VERSION}
    figures = measured(["one_image", "four_images", "rejected_prompt"], **guardrail)

    for story, images in {"one_image": 1, "four_images": 4, "rejected_prompt": 0}.items():
        prompts = int(images > 0)
        more = Counter({"moderation ApplyGuardrail": prompts + images, "moderation GetObject": images})
        more[CALLS] = more.total()
        assert +(figures[story] - expected()[story]) == +more
        assert not expected()[story] - figures[story]


def test_a_message_that_is_handled_in_time_takes_no_call_to_sqs(found: Mapping[str, Counter[str]]) -> None:
    assert [row for rows in found.values() for row in rows if "Visibility" in row] == []


def test_the_table_has_the_sums_of_its_rows() -> None:
    for rows in expected().values():
        units = {row: value for row, value in rows.items() if UNITS in row}
        assert rows[UNITS] == sum(units.values()) - units[UNITS]
        assert rows[CALLS] == sum(value for row, value in rows.items() if row not in {CALLS, *units})
