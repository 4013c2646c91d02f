"""The functions as Lambda calls them, on moto: HTTP request, table, stream record, events."""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from events.catalog.image_deleted import ImageDeleted, ImageDeletedData
from events.envelope import Event
from kit.publisher import Publisher
from kit.sealing import OwnerKeyTable, Sealer
from kit.signed_urls import EXPIRES_SECONDS
from services.intake.request_views import request_tag
from services.intake.schemas import NewRequest
from tests.support import http
from tests.support.events import sample, sqs_record
from tests.support.functions import load_function
from tests.support.sealing import create_owner_keys

BUS, TABLE = "bus", "requests"


def http_event(
    method: str,
    path: str,
    body: Any = None,
    *,
    owner: str = "demo",
    limit: int = 100,
    headers: dict[str, str] | None = None,
) -> Any:
    """Return the event of a request by a key of ``owner``."""
    path, _, query = path.partition("?")
    caller = {"owner": owner, "key_id": f"key-of-{owner}", "scopes": "requests:write requests:read"}
    return http.http_event(
        method,
        path,
        body=body,
        query=dict(parse_qsl(query)),
        headers=headers,
        caller={**caller, "limit": limit, "window": 900},
    )


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
        create_owner_keys(boto3.client("dynamodb"), "owner-keys")
        boto3.client("events").create_event_bus(Name=BUS)
        queue = boto3.client("sqs").create_queue(QueueName="relay")["QueueUrl"]
        for name, value in {
            "TABLE_NAME": TABLE,
            "OWNER_KEYS_TABLE_NAME": "owner-keys",
            "EVENT_BUS_NAME": BUS,
            "GALLERY_BUCKET_NAME": "gallery",
            "WAITING_FUNCTION_NAME": "waiting",
            "RELAY_QUEUE_URL": queue,
            "QUEUE_URL": queue,
            "DEAD_LETTER_QUEUE_URL": queue,
        }.items():
            monkeypatch.setenv(name, value)
        yield


@pytest.fixture
def api(aws: None) -> Any:
    return load_function("intake", "api").handler


def call(api: Any, *arguments: Any, **options: Any) -> tuple[int, dict[str, Any], dict[str, str]]:
    response = api(http_event(*arguments, **options), None)
    headers = {name.lower(): value for name, value in response["headers"].items()}
    return response["statusCode"], json.loads(response["body"]), headers


def test_a_prompt_is_accepted_with_the_path_of_the_request(api: Any) -> None:
    status, body, headers = call(api, "POST", "/v1/requests", {"prompt": "a lighthouse", "count": 2, "seed": 7})
    assert status == 202
    assert body["status"] == "accepted"
    assert headers["location"] == body["links"]["self"] == f"/v1/requests/{body['id']}"
    assert headers["retry-after"] == "1"

    status, shown, headers = call(api, "GET", body["links"]["self"])
    assert status == 200
    assert shown["request"]["prompt"] == "a lighthouse"
    assert shown["request"]["seed"] == 7
    assert [entry["event"] for entry in shown["timeline"]] == ["ImageRequested"]
    assert headers["cache-control"] == "no-store"


def test_the_table_holds_no_readable_prompt(api: Any) -> None:
    prompts = {"prompt": "a lighthouse", "negative_prompt": "fog"}
    call(api, "POST", "/v1/requests", prompts, headers={"idempotency-key": "once"})

    stored = repr(boto3.client("dynamodb").scan(TableName=TABLE)["Items"])
    assert "lighthouse" not in stored
    assert '"prompt":"s1.' in stored
    plain = NewRequest.model_validate(prompts).model_dump_json(exclude_none=True)
    assert hashlib.sha256(plain.encode()).hexdigest() not in stored, "a short prompt can be guessed from a plain hash"


def test_an_erased_owner_can_neither_create_nor_read_requests(aws: None) -> None:
    path = call(load_function("intake", "api").handler, "POST", "/v1/requests", {"prompt": "a lighthouse"})[1]["links"]
    Sealer(OwnerKeyTable(boto3.client("dynamodb"), "owner-keys")).destroy("demo", datetime.now(UTC))
    api = load_function("intake", "api").handler  # another container: one with a cached key may use it for five minutes

    for arguments in (("GET", path["self"]), ("POST", "/v1/requests", {"prompt": "a fox"})):
        status, problem, _ = call(api, *arguments)
        assert (status, problem["code"]) == (401, "unauthorized")
        assert "erased" in problem["detail"]
    items = boto3.client("dynamodb").scan(TableName=TABLE)["Items"]
    assert [item["pk"]["S"].split("#")[0] for item in items].count("REQUEST") == 2, "the first request and its state"


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        ("{", 400, "not_json", "body"),
        (None, 400, "not_json", "body"),
        (b'{"prompt": "\xff\xfe"}', 400, "not_utf8", "body"),
        ("[]", 422, "validation_failed", "body"),
        ({}, 422, "validation_failed", "prompt"),
        ({"prompt": ""}, 422, "validation_failed", "prompt"),
        ({"prompt": "x" * 20_000}, 422, "validation_failed", "prompt"),
        ({"prompt": "a", "colour": "red"}, 422, "validation_failed", "colour"),
        ({"prompt": "a", "model": "dall-e"}, 422, "validation_failed", "model"),
        ({"prompt": "a", "model": "sdxl-v1", "size": "13x13"}, 422, "validation_failed", "size"),
        ({"prompt": "a", "seed": -1}, 422, "validation_failed", "seed"),
        ({"prompt": "x" * 300_000}, 413, "body_too_large", "body"),
    ],
)
def test_invalid_input_is_refused_by_field_and_not_written(
    api: Any, body: Any, status: int, code: str, field: str
) -> None:
    returned, problem, headers = call(api, "POST", "/v1/requests", body)
    assert (returned, problem["code"]) == (status, code)
    assert headers["content-type"] == "application/problem+json"
    assert [error["field"] for error in problem["errors"]] == [field]
    assert all(error["rule"] for error in problem["errors"])
    assert boto3.client("dynamodb").scan(TableName=TABLE)["Count"] == 0


def test_two_longest_prompts_fit_however_they_are_escaped(api: Any) -> None:
    longest = "\U0001f600" * 10_000  # twelve bytes each as JSON's escapes
    body = json.dumps({"prompt": longest, "negative_prompt": longest, "model": "stable-image-core"})
    assert len(body) > 240_000
    status, *_ = call(api, "POST", "/v1/requests", body)
    assert status == 202


def test_a_request_of_another_owner_looks_like_an_unknown_one(api: Any) -> None:
    _, body, _ = call(api, "POST", "/v1/requests", {"prompt": "a lighthouse"})
    others = call(api, "GET", body["links"]["self"], owner="mallory")
    unknown = call(api, "GET", "/v1/requests/01a0b9c4-7d2e-7c31-9f60-5b1d2f7a9e04")
    malformed = call(api, "GET", "/v1/requests/nonsense")
    assert others == unknown == malformed
    assert others[0] == 404


def test_a_finished_request_shows_its_images_with_new_urls(api: Any) -> None:
    _, body, _ = call(api, "POST", "/v1/requests", {"prompt": "a lighthouse"})
    stored = sample("ImageStored")
    metadata = stored.metadata.model_copy(update={"request_id": body["id"]})
    track = load_function("intake", "track").handler
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
    load_function("intake", "track").handler(
        {"Records": [sqs_record(rejected.model_copy(update={"metadata": metadata}))]}
    )
    _, shown, _ = call(api, "GET", body["links"]["self"])
    assert shown["status"] == "rejected"
    assert (shown["reason"]["category"], shown["reason"]["field"]) == ("violence", "prompt")


def of_request(name: str, request_id: str) -> Event:
    """Return a sample event as one of a request."""
    event = sample(name)
    return event.model_copy(update={"metadata": event.metadata.model_copy(update={"request_id": request_id})})


def test_the_limit_is_enforced_and_a_blocked_request_is_refunded(api: Any) -> None:
    _, body, headers = call(api, "POST", "/v1/requests", {"prompt": "a"}, limit=1)
    assert headers["ratelimit-policy"] == '"default";q=1;w=900'
    assert headers["ratelimit"].startswith('"default";r=0;t=')
    status, problem, headers = call(api, "POST", "/v1/requests", {"prompt": "a"}, limit=1)
    assert (status, problem["code"]) == (429, "rate_limited")
    assert headers["ratelimit"] == f'"default";r=0;t={headers["retry-after"]}'

    for _ in range(2):
        load_function("intake", "track").handler({"Records": [sqs_record(of_request("PromptRejected", body["id"]))]})
    again = [call(api, "POST", "/v1/requests", {"prompt": "a"}, limit=1)[0] for _ in range(2)]
    assert again == [202, 429]


def test_a_repeated_key_returns_the_same_and_refuses_another_body(api: Any) -> None:
    key = {"idempotency-key": "order-1042"}
    first = call(api, "POST", "/v1/requests", {"prompt": "a"}, headers=key)
    again = call(api, "POST", "/v1/requests", {"prompt": "a"}, headers=key)
    assert (again[0], again[1], again[2]["location"]) == (202, first[1], first[2]["location"])
    status, problem, _ = call(api, "POST", "/v1/requests", {"prompt": "b"}, headers=key)
    assert (status, problem["code"]) == (422, "idempotency_key_reused")
    status, problem, _ = call(api, "POST", "/v1/requests", {"prompt": "b"}, headers={"idempotency-key": "a b"})
    assert (status, problem["errors"][0]["field"]) == (422, "Idempotency-Key")


def test_an_idempotency_key_like_a_sort_key_publishes_nothing(api: Any) -> None:
    call(api, "POST", "/v1/requests", {"prompt": "a"}, headers={"idempotency-key": "REQUEST"})
    published = [record["dynamodb"]["Keys"]["pk"]["S"] for record in relevant(stream_records(TABLE))]
    assert len(published) == 1
    assert published[0].startswith("REQUEST#")


def test_a_dry_run_writes_nothing(api: Any) -> None:
    status, body, _ = call(api, "POST", "/v1/requests?dry_run=true", {"prompt": "a lighthouse", "count": 2})
    assert status == 200
    assert body["models"][0]["model"] == "stable-image-core"
    assert body["price"] == {"per_image_usd": "0.04", "total_max_usd": "0.16"}
    assert boto3.client("dynamodb").scan(TableName=TABLE)["Count"] == 0


@pytest.mark.parametrize("query", ["dry_run=maybe", "colour=red"])
def test_an_invalid_query_parameter_is_named(api: Any, query: str) -> None:
    status, problem, _ = call(api, "POST", f"/v1/requests?{query}", {"prompt": "a"})
    assert (status, problem["errors"][0]["field"]) == (422, query.split("=", maxsplit=1)[0])


def test_a_list_is_read_page_by_page(api: Any) -> None:
    ids = [call(api, "POST", "/v1/requests", {"prompt": "a"})[1]["id"] for _ in range(3)]
    call(api, "POST", "/v1/requests", {"prompt": "a"}, owner="mallory")
    found, path = [], "/v1/requests?limit=2"
    while path:
        _, page, headers = call(api, "GET", path)
        found += [entry["id"] for entry in page["requests"]]
        path = f"/v1/requests?limit=2&cursor={page['next_cursor']}" if "next_cursor" in page else ""
        assert headers.get("link") == (f'<{path}>; rel="next"' if path else None)
    assert found == sorted(ids, reverse=True)


@pytest.mark.parametrize("query", ["cursor=nonsense", "limit=0", "limit=101", "status=lost", "colour=red"])
def test_a_list_refuses_invalid_query_parameters(api: Any, query: str) -> None:
    status, problem, _ = call(api, "GET", f"/v1/requests?{query}")
    assert (status, problem["errors"][0]["field"]) == (422, query.split("=", maxsplit=1)[0])


def test_a_cancelled_request_is_published(api: Any) -> None:
    _, body, _ = call(api, "POST", "/v1/requests", {"prompt": "a"})
    first = call(api, "POST", f"{body['links']['self']}/cancel")
    assert (first[0], first[1]["status"]) == (200, "cancelled")
    assert call(api, "POST", f"{body['links']['self']}/cancel") == first
    assert call(api, "POST", f"{body['links']['self']}/cancel", owner="mallory")[0] == 404
    assert call(api, "GET", "/v1/requests?status=cancelled")[1]["requests"][0]["id"] == body["id"]

    relay = load_function("intake", "relay")
    relay.publisher._client = events = Events()
    relay.handler({"Records": relevant(stream_records(TABLE))}, None)
    published = [entry["DetailType"] for entry in events.entries]
    assert published == ["ImageRequested", "RequestCancelled", "RequestStatusChanged"]


def test_a_generated_image_can_not_be_cancelled(api: Any) -> None:
    _, body, _ = call(api, "POST", "/v1/requests", {"prompt": "a"})
    load_function("intake", "track").handler({"Records": [sqs_record(of_request("ImageGenerated", body["id"]))]})
    status, problem, _ = call(api, "POST", f"{body['links']['self']}/cancel")
    assert (status, problem["code"]) == (409, "too_late_to_cancel")
    assert problem["instance"] == body["links"]["self"]


def test_a_deleted_image_is_shown_without_urls(api: Any) -> None:
    _, body, _ = call(api, "POST", "/v1/requests", {"prompt": "a"})
    stored = of_request("ImageStored", body["id"])
    data = ImageDeletedData(image_id=stored.data.images[0].image_id, reason="owner")
    gone = ImageDeleted.follow(stored, data)
    result = load_function("intake", "track").handler(
        {"Records": [sqs_record(stored), sqs_record(gone), sqs_record(gone)]}
    )
    assert result == {"batchItemFailures": []}
    _, shown, _ = call(api, "GET", body["links"]["self"])
    (image,) = shown["images"]
    assert "deleted_at" in image
    assert not [name for name in image if name.endswith("url") or name == "placeholder"]


def test_a_poll_with_the_current_tag_gets_no_body_and_signs_nothing(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = call(api, "POST", "/v1/requests", {"prompt": "a"})[1]["links"]["self"]
    tag = call(api, "GET", path)[2]["etag"]
    monkeypatch.setattr(load_function("intake", "api"), "request_view", None)

    response = api(http_event("GET", path, headers={"if-none-match": tag}), None)
    assert (response["statusCode"], response["body"]) == (304, "")
    assert (response["headers"]["ETag"], response["headers"]["Retry-After"]) == (tag, "1")


def test_the_tag_of_a_request_changes_with_its_timeline(api: Any) -> None:
    _, body, _ = call(api, "POST", "/v1/requests", {"prompt": "a"})
    before = call(api, "GET", body["links"]["self"])[2]["etag"]
    load_function("intake", "track").handler({"Records": [sqs_record(of_request("ImageGenerated", body["id"]))]})
    status, shown, headers = call(api, "GET", body["links"]["self"], headers={"if-none-match": before})

    assert (status, shown["status"]) == (200, "checking")
    assert headers["etag"] != before


def test_the_tag_of_a_request_with_images_changes_before_their_urls_expire(api: Any) -> None:
    _, body, _ = call(api, "POST", "/v1/requests", {"prompt": "a"})
    stored = of_request("ImageStored", body["id"])
    load_function("intake", "track").handler({"Records": [sqs_record(stored)]})
    _, state = load_function("intake", "api").requests.find(body["id"], "demo")
    now = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)

    tags = {request_tag(state, now + timedelta(minutes=minutes)) for minutes in range(30)}
    assert len(tags) == 3, "one for every ten minutes"
    assert request_tag(state, now) != request_tag(state, now + timedelta(minutes=10))
    assert timedelta(minutes=10).total_seconds() < EXPIRES_SECONDS


def test_the_list_of_models_may_be_cached_and_compared(api: Any) -> None:
    status, _, headers = call(api, "GET", "/v1/models")
    assert (status, headers["cache-control"]) == (200, "private, max-age=60")

    response = api(http_event("GET", "/v1/models", headers={"if-none-match": headers["etag"]}), None)
    assert (response["statusCode"], response["body"]) == (304, "")
    shown = call(api, "GET", "/v1/models/stable-image-core")[2]
    assert shown["etag"] != headers["etag"]


def test_models_are_listed_and_shown(api: Any) -> None:
    status, listed, _ = call(api, "GET", "/v1/models")
    assert status == 200
    shown = call(api, "GET", "/v1/models/stable-image-core")[1]
    (in_list,) = (model for model in listed["models"] if model["key"] == "stable-image-core")
    assert shown.items() >= in_list.items()
    card = ("provider", "terms_url", "regions", "safety_layers", "known_limits", "facts")
    assert shown.keys() - in_list.keys() == set(card), "what only the card has"
    assert shown["safety_layers"] == ["text_rules", "keywords", "claude", "model_filter", "rekognition"]
    assert (shown["default"], shown["lifecycle"]) == (True, "active")
    assert call(api, "GET", "/v1/models/dall-e")[1]["code"] == "model_not_found"


def test_the_card_of_a_model_names_the_layers_of_this_installation(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGE_CHECK", "off")
    monkeypatch.setenv("GUARDRAIL_ID", "a1b2c3d4e5f6")
    shown = call(load_function("intake", "api").handler, "GET", "/v1/models/stable-image-core")[1]
    assert shown["safety_layers"] == ["text_rules", "keywords", "claude", "guardrail", "model_filter"]


def test_the_api_estimates_from_the_durations_of_the_tracker(api: Any) -> None:
    _, body, _ = call(api, "POST", "/v1/requests", {"prompt": "a"})
    assert "estimated_seconds" not in body
    stored = of_request("ImageStored", body["id"])
    created = call(api, "GET", body["links"]["self"])[1]["created_at"]
    at = datetime.fromisoformat(created) + timedelta(seconds=6.5)
    stored = stored.model_copy(update={"metadata": stored.metadata.model_copy(update={"occurred_at": at})})
    load_function("intake", "track").handler({"Records": [sqs_record(stored)]})

    fresh, model = load_function("intake", "api").handler, stored.data.images[0].model
    request = {"prompt": "a", "model": model, "failover": False}
    assert call(fresh, "POST", "/v1/requests", request)[1]["estimated_seconds"] == 7
    assert call(fresh, "GET", f"/v1/models/{model}")[1]["estimated_seconds"] == 7


def test_a_duration_that_is_not_recorded_delays_no_event(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    _, body, _ = call(api, "POST", "/v1/requests", {"prompt": "a"})
    track = load_function("intake", "track")

    def throttled(*_: Any) -> None:
        raise ClientError({"Error": {"Code": "ThrottlingException"}}, "UpdateItem")

    monkeypatch.setattr(track.durations, "record", throttled)
    result = track.handler({"Records": [sqs_record(of_request("ImageStored", body["id"]))]})
    assert result == {"batchItemFailures": []}
    assert call(api, "GET", body["links"]["self"])[1]["status"] == "succeeded"


def stream_records(aws_table: str) -> list[dict[str, Any]]:
    """Return the table's stream from its beginning, as the event source mapping delivers it."""
    streams = boto3.client("dynamodbstreams")
    arn = boto3.client("dynamodb").describe_table(TableName=aws_table)["Table"]["LatestStreamArn"]
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    start = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    return list(streams.get_records(ShardIterator=start["ShardIterator"])["Records"])


def relevant(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Apply the mapping's filters: inserted requests and modified states."""
    relevant = {("INSERT", "REQUEST"), ("MODIFY", "STATE")}
    return [r for r in records if (r["eventName"], r["dynamodb"]["Keys"]["sk"]["S"]) in relevant]


class Events:
    """A PutEvents that remembers, or refuses everything."""

    def __init__(self, refuse: bool = False) -> None:
        self.refuse, self.entries = refuse, list[dict[str, Any]]()

    def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        self.entries += [] if self.refuse else Entries
        results = [{"ErrorCode": "InternalFailure"} if self.refuse else {"EventId": "1"} for _ in Entries]
        return {"FailedEntryCount": len(Entries) * self.refuse, "Entries": results}


def test_the_changes_in_the_stream_are_published(api: Any) -> None:
    _, body, _ = call(api, "POST", "/v1/requests", {"prompt": "a lighthouse"})
    approved = sample("PromptApproved")
    metadata = approved.metadata.model_copy(update={"request_id": body["id"]})
    load_function("intake", "track").handler(
        {"Records": [sqs_record(approved.model_copy(update={"metadata": metadata}))]}
    )

    relay = load_function("intake", "relay")
    relay.publisher._client = events = Events()
    relay.handler({"Records": relevant(stream_records(TABLE))}, None)

    assert [entry["DetailType"] for entry in events.entries] == ["ImageRequested", "RequestStatusChanged"]
    assert json.loads(events.entries[0]["Detail"])["data"]["parameters"]["prompt"].startswith("s1.")
    assert json.loads(events.entries[1]["Detail"])["data"] == {
        "status": "generating",
        "previous": "accepted",
        "sequence": 1,
    }


def test_a_refused_event_is_queued_and_published_later(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    call(api, "POST", "/v1/requests", {"prompt": "a lighthouse"})
    relay = load_function("intake", "relay")
    relay.publisher._client = Events(refuse=True)
    relay.handler({"Records": relevant(stream_records(TABLE))}, None)

    sqs = boto3.client("sqs")
    queue = sqs.get_queue_url(QueueName="relay")["QueueUrl"]
    (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    events = Events()
    monkeypatch.setattr("kit.consumer.aws.Publisher", lambda *_: Publisher(events, BUS))  # type: ignore[arg-type]
    republish = load_function("intake", "republish")
    assert republish.handler({"Records": [sqs_record(message["Body"])]}) == {"batchItemFailures": []}
    assert [entry["DetailType"] for entry in events.entries] == ["ImageRequested"]
