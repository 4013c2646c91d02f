"""A late subscriber catches up from the archive of the bus; no image is generated or paid again."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.system import Subscriber, System

PIPELINE = {"ImageRequested", "PromptApproved", "ImageGenerated", "ImageApproved", "ImageStored"}


def request_of(event: Any) -> str:
    """Return the request id of an event."""
    return str(event["detail"]["metadata"]["request_id"])


@pytest.fixture
def late(stack: System) -> str:
    """Create a queue and a rule after the events were published, and return the queue's URL."""
    name = f"{stack.prefix}-late-subscriber"
    sqs, events = stack.client("sqs"), stack.client("events")
    url = str(sqs.create_queue(QueueName=name)["QueueUrl"])
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    bus = stack.outputs["EventBusName"]
    pattern = json.dumps({"source": [{"prefix": "genai-images."}]})
    events.put_rule(Name=name, EventBusName=bus, EventPattern=pattern)
    events.put_targets(Rule=name, EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn}])
    return url


def received(stack: System, url: str) -> list[Any]:
    sqs, found = stack.client("sqs"), []
    while batch := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        found += [json.loads(message["Body"]) for message in batch]
        for message in batch:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found


def batches_of_each_step(stack: System) -> dict[str, int]:
    """Return the number of batches that each pipeline step has processed, counted in its log."""
    logs, found = stack.client("logs"), {}
    for step in ("moderation-prompt", "generation-generate", "moderation-image", "storage-store", "intake-track"):
        group = f"/aws/lambda/{stack.prefix}-{step}"
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        lines = [event["message"] for page in pages for event in page["events"]]
        found[step] = sum('"message":"batch"' in line for line in lines)
    return found


def test_a_replay_reaches_only_the_new_subscriber(
    stack: System, subscriber: Subscriber, request: pytest.FixtureRequest
) -> None:
    start = datetime.now(UTC)
    views = [stack.generate(f"a heron remembered, number {number}") for number in range(2)]

    def all_announced() -> bool:
        """Return whether the last event was published: the relay announces a success after the state has it."""
        return all(
            any(json.loads(body)["detail"]["data"]["status"] == "succeeded" for body in changes)
            for changes in (subscriber.bodies(view["id"], "RequestStatusChanged") for view in views)
        )

    stack.wait_until(all_announced, what="both requests to be announced as succeeded")
    end = datetime.now(UTC)
    url = request.getfixturevalue("late")
    steps = ("moderation-prompt", "generation-generate", "moderation-image", "storage-store", "intake-track")
    stack.wait_until(lambda: not any(stack.queue_depth(step) for step in steps), what="the steps to be idle")
    calls, batches = len(stack.models("GET", "/_calls")["calls"]), batches_of_each_step(stack)
    assert received(stack, url) == [], "the rule was created later"

    window = ("--rule", f"{stack.prefix}-late-subscriber", "--from", start.isoformat(), "--to", end.isoformat())
    previewed = stack.ops("events", "replay", *window, "--dry-run")
    assert previewed.returncode == 0, previewed.stderr
    assert received(stack, url) == []
    replayed = stack.ops("events", "replay", *window, "--wait", "--yes", "--output", "json")
    assert replayed.returncode == 0, replayed.stderr
    assert json.loads(replayed.stdout)[0]["state"] == "COMPLETED"

    delivered: list[Any] = []

    def all_delivered() -> bool:
        delivered.extend(received(stack, url))
        return all({e["detail-type"] for e in delivered if request_of(e) == view["id"]} >= PIPELINE for view in views)

    stack.wait_until(all_delivered, what="the subscriber to catch up")
    assert {event["replay-name"] for event in delivered} == {json.loads(replayed.stdout)[0]["name"]}
    assert len(stack.models("GET", "/_calls")["calls"]) == calls, "no image was generated again"
    assert batches_of_each_step(stack) == batches, "no step received a message again"
    for view in views:
        assert stack.get_request(view["id"])["timeline"] == view["timeline"]
    listed = stack.ops("events", "replays", "--output", "json")
    assert json.loads(replayed.stdout)[0]["name"] in {one["name"] for one in json.loads(listed.stdout)}


def test_a_replay_to_a_pipeline_step_is_refused_with_the_reason(stack: System) -> None:
    refused = stack.ops(
        "events", "replay", "--rule", f"{stack.prefix}-generation-generate", "--from", "2026-01-01", "--yes"
    )

    assert refused.returncode == 4
    assert "feeds a step of the pipeline" in refused.stderr


def test_analytics_is_rebuilt_from_the_command_line(stack: System) -> None:
    stack.generate("a heron that is counted again")

    rebuilt = stack.ops("analytics", "rebuild", "--accept-differences")

    assert rebuilt.returncode == 0, rebuilt.stdout + rebuilt.stderr
    assert "is current now" in rebuilt.stdout
