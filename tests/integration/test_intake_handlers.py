"""Intake's functions as Lambda calls them, on moto: HTTP in, table, stream record, events out."""

import base64
import importlib
import json
import sys
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from events.testing import sample, sqs_record

BUS, TABLE = "bus", "requests"


def http_event(method: str, path: str, body: Any = None, *, raw: bytes | None = None, owner: str = "demo") -> Any:
    """Return an HTTP API event, payload format 2.0."""
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": f"{method} {path}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"content-type": "application/json"},
        "requestContext": {
            "http": {"method": method, "path": path, "sourceIp": "127.0.0.1", "protocol": "HTTP/1.1", "userAgent": "t"},
            "requestId": "r",
            "stage": "$default",
            "authorizer": {"lambda": {"owner": owner, "scopes": "requests:write requests:read"}},
        },
        "isBase64Encoded": raw is not None,
    }
    if raw is not None:
        event["body"] = base64.b64encode(raw).decode()
    elif body is not None:
        event["body"] = body if isinstance(body, str) else json.dumps(body)
    return event


@pytest.fixture
def aws(aws_test_environment: None, service_template: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with mock_aws():
        properties = service_template("intake")["Resources"]["Requests"]["Properties"]
        boto3.client("dynamodb").create_table(
            TableName=TABLE,
            **{
                k: properties[k] for k in ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
            },
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        boto3.client("events").create_event_bus(Name=BUS)
        queue = boto3.client("sqs").create_queue(QueueName="relay")["QueueUrl"]
        for name, value in {
            "TABLE_NAME": TABLE,
            "EVENT_BUS_NAME": BUS,
            "GALLERY_BUCKET_NAME": "gallery",
            "WAITING_FUNCTION_NAME": "waiting",
            "RELAY_QUEUE_URL": queue,
            "QUEUE_URL": queue,
            "DEAD_LETTER_QUEUE_URL": queue,
        }.items():
            monkeypatch.setenv(name, value)
        yield


def function(name: str) -> Any:
    """Import a handler afresh, as a cold start does."""
    sys.modules.pop(f"services.intake.handlers.{name}", None)
    return importlib.import_module(f"services.intake.handlers.{name}")


@pytest.fixture
def api(aws: None) -> Any:
    return function("api").handler


def call(api: Any, *arguments: Any, **options: Any) -> tuple[int, dict[str, Any], dict[str, str]]:
    answer = api(http_event(*arguments, **options), None)
    headers = {name.lower(): value for name, value in answer["headers"].items()}
    return answer["statusCode"], json.loads(answer["body"]), headers


def test_a_prompt_is_accepted_with_where_to_look(api: Any) -> None:
    status, body, headers = call(api, "POST", "/v1/requests", {"prompt": "a lighthouse", "count": 2, "seed": 7})
    assert status == 202
    assert body["status"] == "accepted"
    assert headers["location"] == body["links"]["self"] == f"/v1/requests/{body['id']}"
    assert headers["retry-after"] == "1"

    status, shown, headers = call(api, "GET", body["links"]["self"])
    assert status == 200
    assert shown["request"]["prompt"] == "a lighthouse"
    assert shown["request"]["seed"] == 7
    assert [moment["event"] for moment in shown["timeline"]] == ["ImageRequested"]
    assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("body", "raw", "status", "code", "field"),
    [
        ("{", None, 400, "not_json", "body"),
        (None, None, 400, "not_json", "body"),
        (None, b'{"prompt": "\xff\xfe"}', 400, "not_utf8", "body"),
        ("[]", None, 422, "validation_failed", "body"),
        ({}, None, 422, "validation_failed", "prompt"),
        ({"prompt": ""}, None, 422, "validation_failed", "prompt"),
        ({"prompt": "x" * 20_000}, None, 422, "validation_failed", "prompt"),
        ({"prompt": "a", "colour": "red"}, None, 422, "validation_failed", "colour"),
        ({"prompt": "a", "model": "dall-e"}, None, 422, "validation_failed", "model"),
        ({"prompt": "a", "model": "sdxl-v1", "size": "13x13"}, None, 422, "validation_failed", "size"),
        ({"prompt": "a", "seed": -1}, None, 422, "validation_failed", "seed"),
        ({"prompt": "x" * 140_000}, None, 413, "body_too_large", "body"),
    ],
)
def test_bad_input_is_refused_by_field_and_nothing_is_written(
    api: Any, body: Any, raw: bytes | None, status: int, code: str, field: str
) -> None:
    answered, problem, headers = call(api, "POST", "/v1/requests", body, raw=raw)
    assert (answered, problem["code"]) == (status, code)
    assert headers["content-type"] == "application/problem+json"
    assert [error["field"] for error in problem["errors"]] == [field]
    assert all(error["rule"] for error in problem["errors"])
    assert boto3.client("dynamodb").scan(TableName=TABLE)["Count"] == 0


def test_another_owners_request_behaves_like_an_unknown_one(api: Any) -> None:
    _, body, _ = call(api, "POST", "/v1/requests", {"prompt": "a lighthouse"})
    others = call(api, "GET", body["links"]["self"], owner="mallory")
    unknown = call(api, "GET", "/v1/requests/01a0b9c4-7d2e-7c31-9f60-5b1d2f7a9e04")
    malformed = call(api, "GET", "/v1/requests/nonsense")
    assert others == unknown == malformed
    assert others[0] == 404


def test_a_finished_request_shows_its_pictures_with_urls_that_were_minted_now(api: Any) -> None:
    _, body, _ = call(api, "POST", "/v1/requests", {"prompt": "a lighthouse"})
    stored = sample("ImageStored")
    metadata = stored.metadata.model_copy(update={"request_id": body["id"]})
    track = function("track").handler
    assert track({"Records": [sqs_record(stored.model_copy(update={"metadata": metadata}))]}) == {
        "batchItemFailures": []
    }

    _, shown, headers = call(api, "GET", body["links"]["self"])
    assert shown["status"] == "succeeded"
    assert "retry-after" not in headers
    (image,) = shown["images"]
    for name, file in (("url", "original"), ("display_url", "display"), ("thumbnail_url", "thumbnail")):
        assert getattr(stored.data.images[0], file).key in image[name]
        assert "X-Amz-Signature" in image[name]
    assert shown["removed"] == [{"index": 1, "reason": "content_filtered"}]


def test_a_rejection_names_the_category_and_the_field(api: Any) -> None:
    _, body, _ = call(api, "POST", "/v1/requests", {"prompt": "a lighthouse"})
    rejected = sample("PromptRejected")
    metadata = rejected.metadata.model_copy(update={"request_id": body["id"]})
    function("track").handler({"Records": [sqs_record(rejected.model_copy(update={"metadata": metadata}))]})
    _, shown, _ = call(api, "GET", body["links"]["self"])
    assert shown["status"] == "rejected"
    assert (shown["reason"]["category"], shown["reason"]["field"]) == ("violence", "prompt")


def stream_records(aws_table: str) -> list[dict[str, Any]]:
    """Return the table's stream from its beginning, as the event source mapping hands it over."""
    streams = boto3.client("dynamodbstreams")
    arn = boto3.client("dynamodb").describe_table(TableName=aws_table)["Table"]["LatestStreamArn"]
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    start = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    return list(streams.get_records(ShardIterator=start["ShardIterator"])["Records"])


def relevant(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Apply the mapping's filters: inserted requests and modified states."""
    wanted = {("INSERT", "REQUEST"), ("MODIFY", "STATE")}
    return [r for r in records if (r["eventName"], r["dynamodb"]["Keys"]["sk"]["S"]) in wanted]


class Events:
    """A PutEvents that remembers, or refuses everything."""

    def __init__(self, refuse: bool = False) -> None:
        self.refuse, self.entries = refuse, list[dict[str, Any]]()

    def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        self.entries += [] if self.refuse else Entries
        results = [{"ErrorCode": "InternalFailure"} if self.refuse else {"EventId": "1"} for _ in Entries]
        return {"FailedEntryCount": len(Entries) * self.refuse, "Entries": results}


def test_the_stream_becomes_events(api: Any) -> None:
    _, body, _ = call(api, "POST", "/v1/requests", {"prompt": "a lighthouse"})
    approved = sample("PromptApproved")
    metadata = approved.metadata.model_copy(update={"request_id": body["id"]})
    function("track").handler({"Records": [sqs_record(approved.model_copy(update={"metadata": metadata}))]})

    relay = function("relay")
    relay.publisher._client = events = Events()
    relay.handler({"Records": relevant(stream_records(TABLE))}, None)

    assert [entry["DetailType"] for entry in events.entries] == ["ImageRequested", "RequestStatusChanged"]
    assert json.loads(events.entries[0]["Detail"])["data"]["drawing"]["prompt"] == "a lighthouse"
    assert json.loads(events.entries[1]["Detail"])["data"] == {
        "status": "generating",
        "previous": "accepted",
        "sequence": 1,
    }


def test_what_the_bus_refuses_is_queued_and_published_later(api: Any) -> None:
    call(api, "POST", "/v1/requests", {"prompt": "a lighthouse"})
    relay = function("relay")
    relay.publisher._client = Events(refuse=True)
    relay.handler({"Records": relevant(stream_records(TABLE))}, None)

    sqs = boto3.client("sqs")
    queue = sqs.get_queue_url(QueueName="relay")["QueueUrl"]
    (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    republish = function("republish")
    republish.handler._bus._client = events = Events()
    assert republish.handler({"Records": [sqs_record(message["Body"])]}) == {"batchItemFailures": []}
    assert [entry["DetailType"] for entry in events.entries] == ["ImageRequested"]
