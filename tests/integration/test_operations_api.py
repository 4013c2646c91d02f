"""`GET /health` and `GET /health/ready` as the gateway calls them, on moto."""

import importlib
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from moto import mock_aws

PREFIX = "genai-images-test"
QUEUES = ["intake-track", "storage-store"]
HANDLER = "services.operations.handlers.api"


@pytest.fixture
def api(aws_test_environment: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with mock_aws():
        boto3.client("dynamodb").create_table(
            TableName=f"{PREFIX}-requests",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        )
        boto3.client("events").create_event_bus(Name=f"{PREFIX}-bus")
        boto3.client("s3").create_bucket(Bucket="handoff")
        for queue in QUEUES:
            for name in (queue, f"{queue}-dlq"):
                boto3.client("sqs").create_queue(QueueName=f"{PREFIX}-{name}")
        for name, value in {
            "PREFIX": PREFIX,
            "VERSION": "v1.2",
            "REQUESTS_TABLE": f"{PREFIX}-requests",
            "OPERATIONS_TABLE": f"{PREFIX}-operations",
            "EVENT_BUS_NAME": f"{PREFIX}-bus",
            "HANDOFF_BUCKET_NAME": "handoff",
            "QUEUES": ",".join(QUEUES),
        }.items():
            monkeypatch.setenv(name, value)
        sys.modules.pop(HANDLER, None)
        yield importlib.import_module(HANDLER).handler
        sys.modules.pop(HANDLER, None)


def get(api: Any, path: str, scopes: str | None = None) -> tuple[int, Any]:
    context: dict[str, Any] = {"http": {"method": "GET", "path": path}, "stage": "$default", "requestId": "r"}
    if scopes is not None:
        context["authorizer"] = {"lambda": {"owner": "ada", "key_id": "k-1", "scopes": scopes}}
    answer = api({"version": "2.0", "rawPath": path, "headers": {}, "requestContext": context}, None)
    return answer["statusCode"], json.loads(answer["body"])


def send(queue: str, body: str = "{}") -> None:
    sqs = boto3.client("sqs")
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName=f"{PREFIX}-{queue}")["QueueUrl"], MessageBody=body)


def test_health_asks_nobody_and_needs_no_key(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("a dependency was called")

    monkeypatch.setattr(BaseClient, "_make_api_call", refuse)
    assert get(api, "/health") == (200, {"status": "ok", "version": "v1.2"})


def test_readiness_is_for_operators(api: Any) -> None:
    assert get(api, "/health/ready")[0] == 401
    assert get(api, "/health/ready", "requests:read")[0] == 403


def test_dependencies_and_backlog_are_shown(api: Any) -> None:
    send("storage-store", "a secret prompt")
    status, found = get(api, "/health/ready", "admin")

    assert (status, found["status"], found["attention"]) == (200, "ok", [])
    assert [(each["name"], each["reachable"]) for each in found["dependencies"]] == [
        ("requests table", True), ("event bus", True), ("hand-off bucket", True), ("queues", True)
    ]  # fmt: skip
    assert found["steps"][1] == {"step": "storage.store", "waiting": 1, "in_flight": 0, "dead": 0}
    assert "secret" not in json.dumps(found)


def test_a_dead_letter_degrades_and_what_works_still_answers_200(api: Any) -> None:
    send("intake-track-dlq")
    status, found = get(api, "/health/ready", "admin")
    assert (status, found["status"], found["attention"]) == (200, "degraded", ["intake.track: 1 dead letters"])


def test_the_age_of_the_oldest_message_is_what_cloudwatch_last_heard(api: Any) -> None:
    boto3.client("cloudwatch").put_metric_data(
        Namespace="AWS/SQS",
        MetricData=[
            {
                "MetricName": "ApproximateAgeOfOldestMessage",
                "Dimensions": [{"Name": "QueueName", "Value": f"{PREFIX}-storage-store"}],
                "Timestamp": datetime.now(UTC) - timedelta(seconds=30),
                "Value": 42,
            }
        ],
    )
    steps = get(api, "/health/ready", "admin")[1]["steps"]
    assert [step.get("oldest_seconds") for step in steps] == [None, 42]


@pytest.mark.parametrize("gone", ["requests table", "event bus", "hand-off bucket", "queues"])
def test_without_a_dependency_it_is_unavailable(api: Any, gone: str) -> None:
    sqs = boto3.client("sqs")
    match gone:
        case "requests table":
            boto3.client("dynamodb").delete_table(TableName=f"{PREFIX}-requests")
        case "event bus":
            boto3.client("events").delete_event_bus(Name=f"{PREFIX}-bus")
        case "hand-off bucket":
            boto3.client("s3").delete_bucket(Bucket="handoff")
        case "queues":
            sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=f"{PREFIX}-storage-store-dlq")["QueueUrl"])
    status, found = get(api, "/health/ready", "admin")

    assert (status, found["status"]) == (503, "unavailable")
    assert [each["name"] for each in found["dependencies"] if not each["reachable"]] == [gone]
    assert found["attention"][0].startswith(f"{gone}: ")
