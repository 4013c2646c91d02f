"""`GET /health` and `GET /health/ready` as the gateway calls them, on moto."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from moto import mock_aws

from events.pipeline import TimelineEntry
from kit.dynamodb import to_item
from kit.timeline import stored_entry
from services.intake.repository.signals import SignalTable
from services.intake.signals import ShedSignal
from services.operations.dead_letters import repository
from tests.support.events import eventbridge_body
from tests.support.functions import load_function, unload_functions
from tests.support.http import http_event
from tests.unit.operations.fakes import approved, stalled

PREFIX = "genai-images-test"
QUEUES = ["intake-track", "storage-store"]
DEPENDENCIES = [
    "requests table",
    "accounts table",
    "gallery table",
    "event bus",
    "hand-off bucket",
    "gallery bucket",
    "secret of API keys",
    "queues",
]


@pytest.fixture
def api(aws_test_environment: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with mock_aws():
        for table in ("requests", "operations", "accounts", "gallery"):
            boto3.client("dynamodb").create_table(
                TableName=f"{PREFIX}-{table}",
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
                KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            )
        boto3.client("events").create_event_bus(Name=f"{PREFIX}-bus")
        boto3.client("s3").create_bucket(Bucket="handoff")
        boto3.client("s3").create_bucket(Bucket="gallery")
        boto3.client("secretsmanager").create_secret(Name=f"{PREFIX}-accounts-key-hashing", SecretString="secret")
        for queue in QUEUES:
            for name in (queue, f"{queue}-dlq"):
                boto3.client("sqs").create_queue(QueueName=f"{PREFIX}-{name}")
        for name, value in {
            "PREFIX": PREFIX,
            "VERSION": "v1.2",
            "REQUESTS_TABLE": f"{PREFIX}-requests",
            "OPERATIONS_TABLE": f"{PREFIX}-operations",
            "TRAIL_RETENTION_DAYS": "365",
            "EVENT_BUS_NAME": f"{PREFIX}-bus",
            "HANDOFF_BUCKET_NAME": "handoff",
            "GALLERY_BUCKET_NAME": "gallery",
            "QUEUES": ",".join(QUEUES),
        }.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(repository, "POLL_SECONDS", 0)  # moto knows at once that a queue is empty
        yield load_function("operations", "api").handler
        unload_functions("operations")


def get(
    api: Any, path: str, scopes: str | None = None, *, body: Any = None, query: dict[str, str] | None = None
) -> tuple[int, Any]:
    """GET, or POST with a body."""
    method = "GET" if body is None else "POST"
    caller = None if scopes is None else {"owner": "ada", "key_id": "k-1", "scopes": scopes}
    response = api(http_event(method, path, body=body, query=query, caller=caller), None)
    return response["statusCode"], json.loads(response["body"])


def send(queue: str, body: str = "{}") -> None:
    sqs = boto3.client("sqs")
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName=f"{PREFIX}-{queue}")["QueueUrl"], MessageBody=body)


def test_health_calls_no_service_and_needs_no_key(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
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
    assert found["boto3_version"] == boto3.__version__
    assert [(each["name"], each["reachable"]) for each in found["dependencies"]] == [
        (name, True) for name in DEPENDENCIES
    ]
    assert all(each["milliseconds"] >= 0 for each in found["dependencies"])
    assert found["shedding"] == "none"
    assert found["steps"][1] == {"step": "storage.store", "waiting": 1, "in_flight": 0, "dead": 0}
    assert "prompt" not in json.dumps(found)


def test_a_dead_letter_degrades_health_with_status_200(api: Any) -> None:
    send("intake-track-dlq")
    status, found = get(api, "/health/ready", "admin")
    assert (status, found["status"], found["attention"]) == (200, "degraded", ["intake.track: 1 dead letters"])


def test_the_age_of_the_oldest_message_is_cloudwatchs_latest(api: Any) -> None:
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


@pytest.mark.parametrize("gone", DEPENDENCIES)
def test_without_a_dependency_the_status_is_unavailable(api: Any, gone: str) -> None:
    sqs = boto3.client("sqs")
    match gone:
        case "requests table" | "accounts table" | "gallery table":
            boto3.client("dynamodb").delete_table(TableName=f"{PREFIX}-{gone.removesuffix(' table')}")
        case "event bus":
            boto3.client("events").delete_event_bus(Name=f"{PREFIX}-bus")
        case "hand-off bucket" | "gallery bucket":
            boto3.client("s3").delete_bucket(Bucket=gone.removesuffix(" bucket").replace("-", ""))
        case "secret of API keys":
            secret = f"{PREFIX}-accounts-key-hashing"
            boto3.client("secretsmanager").delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)
        case "queues":
            sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=f"{PREFIX}-storage-store-dlq")["QueueUrl"])
    status, found = get(api, "/health/ready", "admin")

    assert (status, found["status"]) == (503, "unavailable")
    assert [each["name"] for each in found["dependencies"] if not each["reachable"]] == [gone]
    assert found["attention"][0].startswith(f"{gone}: ")


@pytest.mark.parametrize(("minutes", "shown"), [(1, "low"), (-1, "none")], ids=["valid", "outdated"])
def test_a_refusal_of_intake_is_shown(api: Any, minutes: int, shown: str) -> None:
    until = datetime.now(UTC) + timedelta(minutes=minutes)
    table = SignalTable(boto3.client("dynamodb"), f"{PREFIX}-requests")
    table.save_shed(ShedSignal("low", "storage.store", 301, until))

    found = get(api, "/health/ready", "admin")[1]
    assert found["shedding"] == shown
    assert (found["attention"] == []) == (shown == "none")


# Dead letters --------------------------------------------------------------------------------------------------------

FINGERPRINT = "aaaabbbbcccc"
REPLAYS = "/v1/operations/replays"


def dead(number: int, *, replays: int = 0, status: str = "stalled") -> str:
    """Dead-letter a request's ImageApproved and return the request's id."""
    event = approved(number, replays=replays)
    request_id = event.metadata.request_id
    sqs = boto3.client("sqs")
    sqs.send_message(
        QueueUrl=sqs.get_queue_url(QueueName=f"{PREFIX}-storage-store-dlq")["QueueUrl"],
        MessageBody=eventbridge_body(event),
        MessageAttributes={name: {"DataType": "String", "StringValue": v} for name, v in stalled().items()},
    )
    entry = TimelineEntry("e", "ProcessingStalled", datetime(2026, 11, 22, 10, tzinfo=UTC))
    boto3.client("dynamodb").put_item(
        TableName=f"{PREFIX}-requests",
        Item={
            "pk": {"S": f"REQUEST#{request_id}"},
            "sk": {"S": "STATE"},
            "status": {"S": status},
            **to_item({"timeline": {"e": stored_entry(entry, request_id)}}),
        },
    )
    return request_id


def depth(queue: str) -> int:
    sqs = boto3.client("sqs")
    url = sqs.get_queue_url(QueueName=f"{PREFIX}-{queue}")["QueueUrl"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])["Attributes"]
    return int(found["ApproximateNumberOfMessages"])


def test_dead_letters_are_shown_with_advice_and_without_prompts(api: Any) -> None:
    ids = [dead(number) for number in (1, 2)]

    _, queues = get(api, "/v1/operations/queues", "admin")
    _, groups = get(api, "/v1/operations/dead-letters", "admin")
    _, one = get(api, "/v1/operations/dead-letters", "admin", query={"request_id": ids[1]})
    status, group = get(api, f"/v1/operations/dead-letters/{FINGERPRINT}", "admin", query={"limit": "1"})

    assert [(row["step"], row["dead"], row.get("kind")) for row in queues["queues"]] == [
        ("intake.track", 0, None),
        ("storage.store", 2, "poison"),
    ]
    assert [(g["fingerprint"], g["kind"], g["count"]) for g in groups["groups"]] == [(FINGERPRINT, "poison", 2)]
    assert groups["complete"] is True
    assert one["groups"][0]["count"] == 1
    assert (status, group["count"]) == (200, 2)
    (letter,) = group["letters"]
    assert (letter["request_id"], letter["status"]) == (ids[0], "stalled")
    assert [line["event"] for line in letter["timeline"]] == ["ProcessingStalled"]
    assert "lighthouse" not in json.dumps([queues, groups, group]).lower()
    assert depth("storage-store-dlq") == 2, "looking takes nothing away"


@pytest.mark.parametrize("fingerprint", ["ffff", "x", "aaaabbbbccccdddd"])
def test_an_unknown_fingerprint_is_not_found(api: Any, fingerprint: str) -> None:
    status, problem = get(api, f"/v1/operations/dead-letters/{fingerprint}", "admin")
    assert (status, problem["code"]) == (404, "dead_letters_not_found")


def test_a_dry_run_and_a_replay_record_the_owner_of_the_key(api: Any) -> None:
    request_id = dead(1)
    dead(2, status="succeeded")

    _, tried = get(api, REPLAYS, "admin", body={"fingerprint": FINGERPRINT, "dry_run": True})
    assert sorted(outcome["verdict"] for outcome in tried["outcomes"]) == ["replay", "terminal"]
    assert "action_id" not in tried
    assert (depth("storage-store"), depth("storage-store-dlq")) == (0, 2)

    _, done = get(api, REPLAYS, "admin", body={"fingerprint": FINGERPRINT})
    assert {o["request_id"]: o["action"] for o in done["outcomes"]}[request_id] == "replayed"
    assert (depth("storage-store"), depth("storage-store-dlq")) == (1, 1), "what was refused is let go"

    _, trail = get(api, "/v1/operations/actions", "admin")
    (action,) = trail["actions"]
    assert (action["action_id"], action["operator"], action["verb"]) == (done["action_id"], "ada", "replay")
    assert action["outcome"] == {"refused": 1, "replayed": 1}


def test_a_canary_is_one_call_and_the_rest_another(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.operations.service.CANARY_SECONDS", 0.0)
    for number in (1, 2, 3):
        dead(number)

    _, canary = get(api, REPLAYS, "admin", body={"queue": "storage.store", "canary": True})
    assert [outcome["action"] for outcome in canary["outcomes"]] == ["replayed", "canary_failed"]
    assert depth("storage-store-dlq") == 2
    _, rest = get(api, REPLAYS, "admin", body={"queue": "storage.store", "limit": 1})
    assert [outcome["action"] for outcome in rest["outcomes"]] == ["replayed"]
    assert depth("storage-store-dlq") == 1


def test_a_message_with_too_many_replays_is_quarantined(api: Any) -> None:
    request_id = dead(1, replays=3)
    other = dead(2)

    _, moved = get(api, REPLAYS, "admin", body={"request_id": request_id, "quarantine": True})
    _, aside = get(api, "/v1/operations/quarantine", "admin", body={"request_id": other})
    _, kept = get(api, "/v1/operations/quarantine", "admin")

    assert [outcome["action"] for answer in (moved, aside) for outcome in answer["outcomes"]] == ["quarantined"] * 2
    assert {(letter["request_id"], letter["by"]) for letter in kept["letters"]} == {(request_id, "ada"), (other, "ada")}
    assert "lighthouse" not in json.dumps(kept).lower()
    assert depth("storage-store-dlq") == 0


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "body"),
        ({"fingerprint": "xyz"}, "fingerprint"),
        ({"queue": "storage.stor"}, "queue"),
        ({"request_id": "1", "limit": 1}, "request_id"),
        ({"queue": "storage.store", "limit": 101}, "limit"),
        ({"queue": "storage.store", "limits": 1}, "limits"),
    ],
)
def test_a_replay_without_selection_names_the_field(api: Any, body: Any, field: str) -> None:
    status, problem = get(api, REPLAYS, "admin", body=body)

    assert (status, problem["code"]) == (422, "validation_failed")
    assert [error["field"] for error in problem["errors"]] == [field]


def test_a_replay_without_matches_is_not_recorded(api: Any) -> None:
    assert get(api, REPLAYS, "admin", body={"queue": "storage.store"}) == (200, {"outcomes": []})
    assert get(api, "/v1/operations/actions", "admin") == (200, {"actions": []})
