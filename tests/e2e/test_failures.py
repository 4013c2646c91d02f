"""Faults on the deployed system: nothing is lost, published twice or paid twice."""

import hashlib
import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from kit.timeline import AT, stored_time
from tests.support.events import eventbridge_body, sample
from tests.support.system import Subscriber, System


def invokes(stack: System, prompt: str) -> list[dict[str, Any]]:
    """Return the model calls that the stand-in served for a prompt."""
    digest = hashlib.sha256(prompt.encode()).hexdigest()
    return [
        call
        for call in stack.models("GET", "/_calls")["calls"]
        if call["operation"] == "invoke" and call["prompt_sha256"] == digest
    ]


def test_a_throttled_model_call_is_retried(stack: System) -> None:
    prompt = "a patient heron"
    rule = {"operation": "invoke", "effect": "throttle", "times": 1, "prompt_contains": prompt}
    stack.models("POST", "/_faults", rule)
    assert stack.generate(prompt, seconds=60)["status"] == "succeeded"
    assert [call["paid"] for call in invokes(stack, prompt)] == [False, True]


def test_a_retry_pays_only_for_the_missing_images(stack: System) -> None:
    prompt = "four herons, one of them shy"
    rule = {"operation": "invoke", "effect": "throttle", "times": 1, "prompt_contains": prompt}
    stack.models("POST", "/_faults", rule)
    view = stack.generate(prompt, count=4, seconds=60)
    assert len(view["images"]) == 4
    assert sum(call["paid"] for call in invokes(stack, prompt)) == 4


def test_another_model_stands_in_for_an_unavailable_one(stack: System) -> None:
    prompt = "a heron that could not wait"
    rule = {"operation": "invoke", "effect": "unavailable", "model": "core", "prompt_contains": prompt}
    stack.models("POST", "/_faults", rule)
    assert stack.generate(prompt)["images"][0]["model"] == "sd3.5-large"


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda _: f"this is not an event {uuid.uuid4()}", "not an EventBridge event"),
        (lambda body: body.replace('"version": 1', '"version": 99'), "version 99"),
        (lambda body: body.replace('"source": "genai-images.moderation"', '"source": "mallory"'), "source"),
    ],
    ids=["not-an-event", "unknown-version", "foreign-source"],
)
def test_an_unprocessable_message_is_dead_lettered_with_its_reason(
    stack: System, spoil: Callable[[str], str], reason: str
) -> None:
    golden = sample("ImageApproved")
    request_id = stack.generate("a heron with a bad neighbour")["id"]  # the audit reports messages of unknown requests
    body = spoil(eventbridge_body(golden).replace(golden.metadata.request_id, request_id))
    stack.send("storage-store", body)

    def found() -> Any:
        return next((m for m in stack.messages("storage-store-dlq") if m["Body"] == body), None)

    message = stack.wait_until(found, what="the message in the dead-letter queue")
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert attributes["step"] == "storage.store"
    assert reason in attributes["reason"]
    assert attributes["fingerprint"]
    assert attributes["error"]
    assert attributes["first_seen"]
    stack.client("sqs").purge_queue(QueueUrl=stack.queue_url("storage-store-dlq"))


def test_a_bad_message_does_not_delay_the_rest_of_its_batch(stack: System) -> None:
    ids = [stack.post(prompt=f"one of three herons, number {number}") for number in range(3)]
    stack.send("generation-generate", "not an event")
    for request_id in ids:
        stack.wait_for_status(request_id, "succeeded")
    stack.wait_until(lambda: stack.queue_depth("generation-generate-dlq") == 1, what="a dead letter")
    stack.client("sqs").purge_queue(QueueUrl=stack.queue_url("generation-generate-dlq"))


QUEUES = {
    "ImageRequested": "moderation-prompt",
    "PromptApproved": "generation-generate",
    "ImageGenerated": "moderation-image",
    "ImageApproved": "storage-store",
}


@pytest.mark.parametrize("detail_type", QUEUES)
def test_a_redelivery_after_a_crash_makes_and_pays_no_second_image(
    stack: System, subscriber: Subscriber, detail_type: str
) -> None:
    """A step that crashed after publishing receives the same message again."""
    prompt = f"a heron seen twice after {detail_type}"
    follow_up = list(QUEUES)[list(QUEUES).index(detail_type) + 1] if detail_type != "ImageApproved" else "ImageStored"
    view = stack.generate(prompt)
    (body,) = stack.wait_until(lambda: subscriber.bodies(view["id"], detail_type), what=detail_type)
    files = stored_files(stack, view["id"])

    stack.send(QUEUES[detail_type], body)

    def repeated() -> Any:
        found = subscriber.bodies(view["id"], follow_up)
        return found if len(found) >= 2 else None

    events = [json.loads(found)["detail"] for found in stack.wait_until(repeated, what=f"a second {follow_up}")]
    assert all(event == events[0] for event in events), "a redelivery publishes the same event"
    stack.wait_until(
        lambda: not any(stack.queue_depth(name) for name in QUEUES.values()), what="the later steps to be idle"
    )
    assert sum(call["paid"] for call in invokes(stack, prompt)) == 1
    assert stored_files(stack, view["id"]) == files
    again = stack.get_request(view["id"])
    assert (again["timeline"], again["status"]) == (view["timeline"], "succeeded")


def stored_files(stack: System, request_id: str) -> list[tuple[str, str]]:
    """Return key and content hash of every raw and stored file of a request."""
    s3 = stack.client("s3")
    return [
        (found["Key"], found["ETag"])
        for bucket, folder in (("HandoffBucketName", "raw"), ("GalleryBucketName", "images"))
        for found in s3.list_objects_v2(Bucket=stack.outputs[bucket], Prefix=f"{folder}/{request_id}/")["Contents"]
    ]


@pytest.mark.parametrize("damage", ["missing", "changed"])
def test_a_stalled_request_is_found_explained_and_replayed(stack: System, damage: str) -> None:
    s3, bucket = stack.client("s3"), stack.outputs["HandoffBucketName"]
    resume = stack.pause("storage-store")
    try:
        request_id = stack.post(prompt=f"a heron whose image is {damage}")
        stack.wait_for_status(request_id, "storing")
        (found,) = s3.list_objects_v2(Bucket=bucket, Prefix=f"raw/{request_id}/")["Contents"]
        content = s3.get_object(Bucket=bucket, Key=found["Key"])["Body"].read()
        if damage == "missing":
            s3.delete_object(Bucket=bucket, Key=found["Key"])
        else:
            s3.put_object(Bucket=bucket, Key=found["Key"], Body=content[:-1])
    finally:
        resume()
    view = stack.wait_for_status(request_id, "stalled")
    assert view["timeline"][-1]["event"] == "ProcessingStalled"
    assert view["reason"]["code"] == "stalled"

    listed = stack.ops("dlq", "list", "--fail-if-any")
    assert listed.returncode == 3
    assert "storage.store" in listed.stdout
    shown = stack.ops("dlq", "show", "--request", request_id)
    assert ("not in the hand-off bucket" if damage == "missing" else "another hash") in " ".join(shown.stdout.split())
    assert "heron" not in shown.stdout, "prompts are not shown"

    s3.put_object(Bucket=bucket, Key=found["Key"], Body=content)
    previewed = stack.ops("dlq", "replay", "--request", request_id, "--dry-run")
    assert previewed.returncode == 0
    assert stack.get_request(request_id)["status"] == "stalled"
    replayed = stack.ops("dlq", "replay", "--request", request_id, "--canary", "--yes")
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr

    view = stack.wait_for_status(request_id, "succeeded")
    assert "MessageReplayed" in [moment["event"] for moment in view["timeline"]]
    assert stack.queue_depth("storage-store-dlq") == 0


def test_an_expired_request_is_neither_paid_for_nor_stored(stack: System) -> None:
    """An expired request leaves tombstones, so that a late message has no effect."""
    prompt = "a heron that came too late"
    resume = stack.pause("moderation-prompt")
    try:
        request_id = stack.post(prompt=prompt)
        table = f"{stack.prefix}-requests"
        key = {"pk": {"S": f"REQUEST#{request_id}"}, "sk": {"S": "STATE"}}
        stack.client("dynamodb").update_item(  # as if it had been accepted long ago
            TableName=table,
            Key=key,
            UpdateExpression="SET created_at = :then, next_check_at = :then",
            ExpressionAttributeValues={":then": {"S": "2026-01-01T00:00:00+00:00"}},
        )
        assert stack.invoke("intake-sweep")["expired"] == 1
        stack.wait_for_status(request_id, "expired")

        def has_tombstones() -> bool:
            items = [
                stack.client("dynamodb").scan(TableName=f"{stack.prefix}-{name}")["Items"]
                for name in ("generation", "gallery")
            ]
            return all(any(request_id in json.dumps(item) for item in found) for found in items)

        stack.wait_until(has_tombstones, what="tombstones in generation and storage")
    finally:
        resume()
    stack.wait_until(lambda: stack.queue_depth("moderation-prompt") == 0, what="the late message to be processed")
    stack.wait_until(lambda: stack.queue_depth("generation-generate") == 0, what="the late message to be processed")
    assert invokes(stack, prompt) == []
    assert stack.get_request(request_id)["status"] == "expired"


def test_the_sweeper_republishes_a_request_without_progress(stack: System, subscriber: Subscriber) -> None:
    """The message was lost. The table still has the request, so the sweeper publishes its event again."""
    resume = stack.pause("moderation-prompt")
    try:
        request_id = stack.post(prompt="a heron that was overlooked")
        stack.wait_until(lambda: stack.queue_depth("moderation-prompt") == 1, what="the message")
        stack.client("sqs").purge_queue(QueueUrl=stack.queue_url("moderation-prompt"))
    finally:
        resume()
    long_ago = datetime(2026, 1, 1, tzinfo=UTC)
    state = stack.client("dynamodb").get_item(
        TableName=f"{stack.prefix}-requests", Key={"pk": {"S": f"REQUEST#{request_id}"}, "sk": {"S": "STATE"}}
    )["Item"]
    (event_id,) = state["timeline"]["M"]
    stack.client("dynamodb").update_item(
        TableName=f"{stack.prefix}-requests",
        Key={"pk": state["pk"], "sk": state["sk"]},
        UpdateExpression="SET next_check_at = :then, timeline.#event.#at = :at",
        ExpressionAttributeNames={"#event": event_id, "#at": AT},
        ExpressionAttributeValues={":then": {"S": long_ago.isoformat()}, ":at": {"N": str(stored_time(long_ago))}},
    )
    assert stack.invoke("intake-sweep")["nudged"] >= 1
    stack.wait_for_status(request_id, "succeeded")
    first, again = (json.loads(body)["detail"] for body in subscriber.bodies(request_id, "ImageRequested"))
    assert first == again
