"""Storage's functions as Lambda calls them, on moto: SQS and HTTP in, files, entries and events out."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from moto import mock_aws

from events.catalog.image_approved import ImageApproved
from events.catalog.request_cancelled import RequestCancelled, RequestCancelledData
from kit.handoff import sha256
from kit.keyring import SecretVersion
from services.storage.provenance import prompt_hash
from tests.support.events import sqs_record
from tests.support.functions import load_function, unload_functions
from tests.support.http import http_event
from tests.support.storage_on_moto import create_gallery, set_environment
from tests.unit.storage.fakes import NOON, PROMPT, REQUEST, approved, encode, gradient, raw_image

IMAGE = f"{REQUEST}-0"
CANCELLED = RequestCancelled.first(REQUEST, "ada", RequestCancelledData(), occurred_at=NOON)
Load = Callable[[str], Any]


@pytest.fixture
def aws(aws_test_environment: None, service_template: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with mock_aws():
        create_gallery(service_template("storage"))
        set_environment(monkeypatch)
        yield


@pytest.fixture
def load(aws: None) -> Iterator[Load]:
    yield lambda name: load_function("storage", name).handler
    unload_functions("storage")


@pytest.fixture
def event(aws: None) -> ImageApproved:
    content = encode(gradient())
    boto3.client("s3").put_object(Bucket="handoff", Key=raw_image(content).key, Body=content)
    return approved(raw_image(content))


def get(handler: Any, path: str, owner: str = "ada") -> Any:
    return handler(http_event("GET", path, caller={"owner": owner, "scopes": "images:read"}), None)


def test_a_stored_image_has_urls_and_its_parameters(load: Load, event: ImageApproved) -> None:
    assert load("store")({"Records": [sqs_record(event)]}) == {"batchItemFailures": []}
    response = get(load("api"), f"/v1/images/{IMAGE}")
    assert (response["statusCode"], response["headers"]["Cache-Control"]) == (200, "no-store")
    shown = json.loads(response["body"])
    assert {key: shown[key] for key in ("id", "request_id", "index", "prompt", "negative_prompt", "model", "seed")} == {
        "id": IMAGE,
        "request_id": REQUEST,
        "index": 0,
        "prompt": PROMPT,
        "negative_prompt": "people",
        "model": "stable-image-core",
        "seed": 4242,
    }
    assert (shown["width"], shown["height"], shown["guidance"], shown["cost_usd"]) == (96, 64, 7.5, "0.04")
    assert {"quality", "placeholder", "created_at"} <= set(shown)
    assert "owner" not in shown
    for name in ("original", "display", "thumbnail"):
        key = urlsplit(shown[name]["url"]).path.lstrip("/").removeprefix("gallery/")
        content = boto3.client("s3").get_object(Bucket="gallery", Key=key)["Body"].read()
        assert sha256(content) == shown[name]["sha256"]
        assert prompt_hash(SecretVersion(1, b"not a secret"), PROMPT).encode() in content
        assert "X-Amz-Signature" in shown[name]["url"]


def test_with_a_cdn_urls_point_to_it(load: Load, event: ImageApproved, monkeypatch: pytest.MonkeyPatch) -> None:
    load("store")({"Records": [sqs_record(event)]})
    monkeypatch.setenv("CDN_DOMAIN", "d1.cloudfront.net")
    shown = json.loads(get(load("api"), f"/v1/images/{IMAGE}")["body"])
    assert shown["display"]["url"].startswith(f"https://d1.cloudfront.net/images/{REQUEST}/0-")
    assert "?" not in shown["display"]["url"]


def test_another_owners_image_looks_exactly_like_an_unknown_one(load: Load, event: ImageApproved) -> None:
    load("store")({"Records": [sqs_record(event)]})
    api = load("api")
    hidden, unknown = get(api, f"/v1/images/{IMAGE}", owner="mallory"), get(api, f"/v1/images/{REQUEST}-9")
    assert hidden == unknown
    assert hidden["statusCode"] == 404
    assert hidden["headers"]["Content-Type"] == "application/problem+json"
    assert json.loads(hidden["body"])["code"] == "image_not_found"


def test_a_malformed_image_id_is_not_found(load: Load, event: ImageApproved) -> None:
    load("tombstones")({"Records": [sqs_record(CANCELLED)]})
    api = load("api")
    for path in ("x", "tombstone%23" + REQUEST, REQUEST, "0" * 3000, "%F0%9F%90%88", f"{IMAGE}%0A"):
        assert get(api, f"/v1/images/{path}")["statusCode"] == 404, path


def test_nothing_is_stored_after_a_cancellation(load: Load, event: ImageApproved) -> None:
    assert load("tombstones")({"Records": [sqs_record(CANCELLED), sqs_record(CANCELLED)]}) == {"batchItemFailures": []}
    assert load("store")({"Records": [sqs_record(event)]}) == {"batchItemFailures": []}
    assert boto3.client("s3").list_objects_v2(Bucket="gallery")["KeyCount"] == 0
    assert get(load("api"), f"/v1/images/{IMAGE}")["statusCode"] == 404


def test_a_missing_object_dead_letters_only_its_own_message(load: Load, event: ImageApproved) -> None:
    other = approved(raw_image(b"never laid down"))
    assert load("store")({"Records": [sqs_record(other), sqs_record(event)]}) == {"batchItemFailures": []}
    sqs = boto3.client("sqs")
    url = sqs.get_queue_url(QueueName="dead")["QueueUrl"]
    [message] = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"])["Messages"]
    assert "is not in the hand-off bucket" in message["MessageAttributes"]["reason"]["StringValue"]
    assert get(load("api"), f"/v1/images/{IMAGE}")["statusCode"] == 200
