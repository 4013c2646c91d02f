"""The computations of the benchmarks."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from events.pipeline import Status, TimelineEntry
from services.intake.models import RequestState
from tools.benchmarks.calls import collected
from tools.benchmarks.cost import PRICES, Usage, dollars, duration
from tools.benchmarks.functions import functions
from tools.benchmarks.measure import interleaved
from tools.benchmarks.pipeline import Call
from tools.benchmarks.report import Figure
from tools.benchmarks.throughput import step_times
from tools.benchmarks.units import Capacity, item_size

INVOCATION = Call(function="analytics-record", worker=7, at=100.0, wall=1.0, cpu=0.25, records=1)


def test_a_goal_limits_the_ratio_or_without_a_floor_the_value() -> None:
    assert Figure("import", 130, "ms", floor=100, goal=1.3).met is True
    assert Figure("import", 131, "ms", floor=100, goal=1.3).met is False
    assert Figure("zip", 101, "kB", goal=100).met is False
    assert Figure("zip", 101, "kB").met is None


def test_rounds_interleave_measurements_and_drop_the_first() -> None:
    order: list[str] = []
    values = {"a": iter([900.0, 1.0, 5.0, 3.0]), "b": iter([900.0, 2.0, 2.0, 8.0])}

    def measurement(name: str) -> float:
        order.append(name)
        return next(values[name])

    medians = interleaved({name: lambda name=name: measurement(name) for name in values}, 3, lambda _: None)  # type: ignore[misc]
    assert medians == {"a": 3.0, "b": 2.0}
    assert order == ["a", "b"] * 4


def test_costs_are_amounts_times_prices_without_unused_items() -> None:
    used = Usage({"s3_puts": 1_000, "state_transitions": 0})
    used.add({"s3_puts": 1_000})
    assert dollars(used) == {"s3_puts": pytest.approx(0.01)}


def test_a_function_with_less_memory_takes_longer_to_compute() -> None:
    whole, half = (duration(INVOCATION, [], memory) for memory in (1769, 1769 // 2))
    assert whole == pytest.approx(0.25)
    assert half == pytest.approx(0.5, rel=0.01)


def test_five_images_of_one_invocation_are_waited_for_once_and_six_twice() -> None:
    call = replace(INVOCATION, service="bedrock-runtime", operation="InvokeModel", cpu=0)
    wait = PRICES["seconds_waited"]["InvokeModel"]
    assert duration(replace(INVOCATION, cpu=0), [call] * 5, 256) == wait
    assert duration(replace(INVOCATION, cpu=0), [call] * 6, 256) == 2 * wait


def test_a_batching_window_lets_messages_share_calls() -> None:
    function = replace(functions()[0], physical_name="analytics-record", batch_size=10, batching_window=20)
    calls: list[Call] = []
    for second in range(8):
        invocation = replace(INVOCATION, at=100.0 + 10 * second)
        calls += [invocation, replace(invocation, service="s3", operation="PutObject", at=invocation.at - 0.5)]
    found = collected(calls, function)
    assert [call.operation for call in found] == ["PutObject", ""]
    assert found[-1].records == 8
    assert found[-1].cpu == pytest.approx(8 * 0.25)


def test_an_item_counts_its_names_and_values() -> None:
    assert item_size({"pk": {"S": "abc"}, "n": {"N": "123"}}) == (2 + 3) + (1 + 3)
    assert item_size({"m": {"M": {"a": {"S": "é"}}}}) == 1 + (3 + (1 + 2) + 1)


def test_a_step_waits_while_its_function_does_not_work_on_the_message() -> None:
    accepted = datetime(2026, 11, 28, 12, tzinfo=UTC)
    seconds = {"PromptApproved": 2, "ImageGenerated": 7, "ImageApproved": 8, "ImageStored": 10}
    state = RequestState(
        request_id="request",
        owner="demo",
        created_at=accepted,
        status=Status.SUCCEEDED,
        status_sequence=5,
        revision=5,
        timeline={name: TimelineEntry(name, name, accepted + timedelta(seconds=at)) for name, at in seconds.items()},
    )
    functions_of_steps = ("moderation-prompt", "generation-generate", "moderation-image", "storage-store")
    calls = [replace(INVOCATION, function=name, wall=2.0, records=4) for name in functions_of_steps]
    calls.append(replace(INVOCATION, function="storage-store", operation="PutObject", wall=60.0))
    found = {step.name: (step.took, step.worked, step.waited) for step in step_times([state], calls)}
    assert found == {
        "moderation.prompt": (2.0, 0.5, 1.5),
        "generation.generate": (5.0, 0.5, 4.5),
        "moderation.image": (1.0, 0.5, 0.5),
        "storage.store": (2.0, 0.5, 1.5),
    }


class _OneTable:
    """A table with an index, whose item is 1,500 bytes."""

    def describe_table(self, TableName: str) -> dict[str, object]:
        key = [{"AttributeName": "owner", "KeyType": "HASH"}]
        index = {"KeySchema": key, "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["status"]}}
        return {"Table": {"GlobalSecondaryIndexes": [index]}}

    def get_item(self, TableName: str, Key: object) -> dict[str, object]:
        return {"Item": {"owner": {"S": "o" * 1_495}}}


@pytest.mark.parametrize(
    ("operation", "body", "units"),
    [
        ("PutItem", '{"TableName": "t", "Item": {"pk": {"S": "a"}}}', (1, 0)),
        ("PutItem", '{"TableName": "t", "Item": {"pk": {"S": "a"}, "owner": {"S": "o"}}}', (2, 0)),
        ("UpdateItem", '{"TableName": "t", "Key": {}, "UpdateExpression": "SET other = :x"}', (2, 0)),
        ("UpdateItem", '{"TableName": "t", "Key": {}, "UpdateExpression": "SET status = :x"}', (3, 0)),
        ("GetItem", '{"TableName": "t", "Key": {}, "ConsistentRead": true}', (0, 1)),
        ("TransactWriteItems", '{"TransactItems": [{"Put": {"TableName": "t", "Item": {"pk": {"S": "a"}}}}]}', (2, 0)),
        (
            "TransactWriteItems",
            '{"TransactItems": [{"ConditionCheck": {"TableName": "t", "Key": {}, "ConditionExpression": "x"}}]}',
            (2, 0),
        ),
    ],
)
def test_capacity_of_a_call(operation: str, body: str, units: tuple[int, int]) -> None:
    assert Capacity(_OneTable()).units(operation, body) == units


def test_functions_are_read_from_templates_with_their_triggers() -> None:
    found = {function.name: function for function in functions()}
    assert found["intake.api"].kind == "api"
    assert found["intake.track"].consumes_queue
    assert not found["intake.relay"].consumes_queue
    assert found["intake.track"].environment["QUEUE_URL"].startswith("https://sqs.")
    assert found["analytics.record"].batching_window > 0
