"""A subscriber who comes late catches up from the bus's archive, and nothing is drawn, moved or paid again."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.system import Subscriber, System

PIPELINE = {"ImageRequested", "PromptApproved", "ImageGenerated", "ImageApproved", "ImageStored"}


def of(event: Any) -> str:
    """Return the request of an event."""
    return str(event["detail"]["metadata"]["request_id"])


@pytest.fixture
def late(stack: System) -> str:
    """A queue and a rule, both made after the events: the queue's URL."""
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


def sent(stack: System) -> dict[str, int]:
    """Return how many messages each consumer has been done with, from their logs' metrics."""
    logs, found = stack.client("logs"), {}
    for step in ("moderation-prompt", "generation-generate", "moderation-image", "storage-store", "intake-track"):
        group = f"/aws/lambda/{stack.prefix}-{step}"
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        lines = [event["message"] for page in pages for event in page["events"]]
        found[step] = sum('"message":"batch"' in line for line in lines)
    return found


def test_a_subscriber_who_comes_late_hears_the_window_and_nobody_else_hears_it_again(
    stack: System, subscriber: Subscriber, request: pytest.FixtureRequest
) -> None:
    start = datetime.now(UTC)
    views = [stack.generate(f"a heron remembered, number {number}") for number in range(2)]

    def all_said() -> bool:
        """Tell whether the last event is out: the relay says that a request succeeded after its state does."""
        return all(
            any(json.loads(body)["detail"]["data"]["status"] == "succeeded" for body in told)
            for told in (subscriber.bodies(view["id"], "RequestStatusChanged") for view in views)
        )

    stack.wait_until(all_said, what="both requests to be announced as succeeded")
    end = datetime.now(UTC)
    url = request.getfixturevalue("late")
    steps = ("moderation-prompt", "generation-generate", "moderation-image", "storage-store", "intake-track")
    stack.wait_until(lambda: not any(stack.queue_depth(step) for step in steps), what="the steps to be idle")
    calls, batches = len(stack.models("GET", "/_calls")["calls"]), sent(stack)
    assert received(stack, url) == [], "the rule was made later"

    window = ("--rule", f"{stack.prefix}-late-subscriber", "--from", start.isoformat(), "--to", end.isoformat())
    previewed = stack.ops("events", "replay", *window, "--dry-run")
    assert previewed.returncode == 0, previewed.stderr
    assert received(stack, url) == []
    replayed = stack.ops("events", "replay", *window, "--wait", "--yes", "--json")
    assert replayed.returncode == 0, replayed.stderr
    assert json.loads(replayed.stdout)[0]["state"] == "COMPLETED"

    heard: list[Any] = []

    def all_heard() -> bool:
        heard.extend(received(stack, url))
        return all({e["detail-type"] for e in heard if of(e) == view["id"]} >= PIPELINE for view in views)

    stack.wait_until(all_heard, what="the subscriber to catch up")
    assert {event["replay-name"] for event in heard} == {json.loads(replayed.stdout)[0]["name"]}
    assert len(stack.models("GET", "/_calls")["calls"]) == calls, "nothing was drawn again"
    assert sent(stack) == batches, "no step heard anything again"
    for view in views:
        assert stack.get_request(view["id"])["timeline"] == view["timeline"]
    listed = stack.ops("events", "replays", "--json")
    assert json.loads(replayed.stdout)[0]["name"] in {one["name"] for one in json.loads(listed.stdout)}


def test_a_replay_to_a_step_of_ours_is_refused_with_the_reason(stack: System) -> None:
    refused = stack.ops(
        "events", "replay", "--rule", f"{stack.prefix}-generation-generate", "--from", "2026-01-01", "--yes"
    )

    assert refused.returncode == 4
    assert "feeds a step of the pipeline" in refused.stderr


def test_analytics_is_rebuilt_behind_the_same_verbs(stack: System) -> None:
    stack.generate("a heron that is counted again")

    rebuilt = stack.ops("events", "rebuild", "--accept-differences")

    assert rebuilt.returncode == 0, rebuilt.stdout + rebuilt.stderr
    assert "is current now" in rebuilt.stdout
