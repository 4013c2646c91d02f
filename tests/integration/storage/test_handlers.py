"""Storage's functions as Lambda calls them, on moto: SQS and HTTP in, files, entries and events out."""

import json
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.client import BaseClient
from moto import mock_aws
from PIL import Image

from events.catalog.image_approved import ImageApproved
from events.catalog.request_cancelled import RequestCancelled, RequestCancelledData
from kit.cdn_signatures import public_key
from kit.handoff import sha256
from kit.keyring import Keyring, SecretVersion
from kit.signed_urls import EXPIRES_SECONDS, WIDTH
from local.cdn.signatures import refusal
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
        assert (b"trainedAlgorithmicMedia" in content.partition(b"c2pa.actions")[2]) == (name != "thumbnail")
        assert "X-Amz-Signature" in shown[name]["url"]


@pytest.fixture
def group(load: Load, event: ImageApproved, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Store an image, turn the CDN on, and return its key group."""
    load("store")({"Records": [sqs_record(event)]})
    keyring = Keyring((SecretVersion(1, b"a secret", public_key_id="K2JCJMDEHXQW5F"),))
    boto3.client("secretsmanager").create_secret(Name="links", SecretString=keyring.to_text())
    monkeypatch.setenv("CDN_URL", "https://d1.cloudfront.net")
    monkeypatch.setenv("IMAGE_LINK_KEY_ID", "links")
    return {"K2JCJMDEHXQW5F": public_key(b"a secret")}


def test_with_a_cdn_every_url_is_signed_for_its_file(load: Load, group: dict[str, str]) -> None:
    shown = json.loads(get(load("api"), f"/v1/images/{IMAGE}")["body"])
    urls = [shown[name]["url"] for name in ("original", "display", "thumbnail")]
    for url in urls:
        assert url.startswith(f"https://d1.cloudfront.net/images/{REQUEST}/0-")
        assert refusal(url, group, time.time()) is None
        assert refusal(url, group, time.time() + EXPIRES_SECONDS) == "expired"
    assert len({urlsplit(url).query for url in urls}) == 3


def test_the_secret_of_links_is_read_once(load: Load, group: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    send = BaseClient._make_api_call  # type: ignore[attr-defined]

    def watched(client: Any, name: str, parameters: Any) -> Any:
        calls.append(name)
        return send(client, name, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", watched)
    api = load("api")
    for _ in range(3):
        assert get(api, f"/v1/images/{IMAGE}")["statusCode"] == 200
    assert calls == ["GetItem", "GetSecretValue", "GetItem", "GetItem"]


def test_a_share_does_not_reveal_the_original(load: Load, group: dict[str, str]) -> None:
    api = load("api")
    caller = {"owner": "ada", "scopes": "images:read images:write"}
    made = api(http_event("POST", f"/v1/images/{IMAGE}/shares", body={"expires_in_seconds": 60}, caller=caller), None)
    location = api(http_event("GET", json.loads(made["body"])["url"]), None)["headers"]["Location"]
    original = json.loads(get(api, f"/v1/images/{IMAGE}")["body"])["original"]["url"]
    assert refusal(location, group, time.time()) is None
    assert refusal(location, group, time.time() + 60) == "expired"
    guessed = f"{original.partition('?')[0]}?{urlsplit(location).query}"
    assert guessed == location.replace("display.webp", "original.png")
    assert refusal(guessed, group, time.time()) == "wrong signature"


def derive(load: Load, path: str) -> Any:
    """Call the function as CloudFront does through the function's URL."""
    return load("derive")(
        {"version": "2.0", "rawPath": f"/{path}", "requestContext": {"http": {"method": "GET"}}}, None
    )


def test_a_width_is_derived_stored_and_returned(load: Load, group: dict[str, str]) -> None:
    shown = json.loads(get(load("api"), f"/v1/images/{IMAGE}")["body"])
    address = shown["sized_url"].replace(WIDTH, "320")
    assert refusal(address, group, time.time()) is None
    folder = urlsplit(address).path.removeprefix("/images/")
    answer = derive(load, f"derived/{folder}/320.avif")
    content = b64decode(answer["body"])
    with Image.open(BytesIO(content)) as image:
        assert (image.format, image.size) == ("AVIF", (96, 64))
    assert (answer["statusCode"], answer["isBase64Encoded"]) == (200, True)
    assert answer["headers"] == {"Content-Type": "image/avif", "Cache-Control": f"private, max-age={EXPIRES_SECONDS}"}
    stored = boto3.client("s3").get_object(Bucket="gallery", Key=f"derived/{folder}/320.avif")
    assert (stored["Body"].read(), stored["ContentType"]) == (content, "image/avif")


@pytest.mark.parametrize("path", ["derived/{}/321.avif", "derived/{}/320.gif", "images/{}/original.png", "", "favicon"])
def test_nothing_else_is_derived(load: Load, group: dict[str, str], path: str) -> None:
    shown = json.loads(get(load("api"), f"/v1/images/{IMAGE}")["body"])
    folder = urlsplit(shown["sized_url"]).path.removeprefix("/images/")
    answer = derive(load, path.format(folder))
    assert (answer["statusCode"], answer["headers"]["Content-Type"]) == (404, "application/problem+json")
    assert answer["headers"]["Cache-Control"] == "no-store"


def test_a_deleted_image_has_no_derived_files(load: Load, group: dict[str, str]) -> None:
    api = load("api")
    folder = urlsplit(json.loads(get(api, f"/v1/images/{IMAGE}")["body"])["sized_url"]).path.removeprefix("/images/")
    assert derive(load, f"derived/{folder}/320.webp")["statusCode"] == 200
    caller = {"owner": "ada", "scopes": "images:write"}
    assert api(http_event("DELETE", f"/v1/images/{IMAGE}", caller=caller), None)["statusCode"] == 204
    assert derive(load, f"derived/{folder}/640.webp")["statusCode"] == 404
    assert derive(load, f"derived/{folder}/320.webp")["statusCode"] == 404


def test_without_a_cdn_images_have_no_sized_url(load: Load, event: ImageApproved) -> None:
    load("store")({"Records": [sqs_record(event)]})
    api = load("api")
    assert "sized_url" not in json.loads(get(api, f"/v1/images/{IMAGE}")["body"])
    assert "sized_url" not in json.loads(get(api, "/v1/images")["body"])["images"][0]


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


def verify(handler: Any, content: bytes, media_type: str = "application/octet-stream") -> tuple[int, Any]:
    headers = {"content-type": media_type}
    response = handler(http_event("POST", "/v1/verifications", body=content, headers=headers), None)
    return response["statusCode"], json.loads(response["body"])


def test_anybody_can_verify_a_stored_file(load: Load, event: ImageApproved) -> None:
    load("store")({"Records": [sqs_record(event)]})
    shown = json.loads(get(load("api"), f"/v1/images/{IMAGE}")["body"])
    bucket, handler = boto3.client("s3"), load("verify")
    found = {}
    for name in ("original", "display", "thumbnail"):
        key = urlsplit(shown[name]["url"]).path.lstrip("/").removeprefix("gallery/")
        found[name] = verify(handler, bucket.get_object(Bucket="gallery", Key=key)["Body"].read())

    ours = {
        "status": "signed_by_us",
        "signer": "GenAI Image Generator",
        "ai_generated": True,
        "model": "stable-image-core",
        "generated_at": f"{event.metadata.caused_at:%Y-%m-%dT%H:%M:%SZ}",
    }
    assert found == {"original": (200, ours), "display": (200, ours), "thumbnail": (200, {"status": "unsigned"})}


def test_a_file_that_cannot_be_verified_is_refused_with_the_rule(load: Load) -> None:
    handler, image = load("verify"), encode(gradient())
    refusals = {
        ("a GIF file", 415, "unsupported_media_type"): verify(handler, b"GIF89a"),
        ("nothing", 415, "unsupported_media_type"): verify(handler, b""),
        ("another type in the header", 415, "unsupported_media_type"): verify(handler, image, "multipart/form-data"),
        ("half a file", 422, "validation_failed"): verify(handler, image[:20]),
        ("a large file", 413, "body_too_large"): verify(handler, image.ljust(4 * 1024 * 1024 + 1, b"\0")),
    }

    for (_, status, code), (found, problem) in refusals.items():
        assert (found, problem["code"]) == (status, code)
        assert problem["errors"][0]["field"] in {"body", "Content-Type"}


def test_the_first_bytes_of_a_file_decide_its_type(load: Load) -> None:
    for image in (encode(gradient()), encode(gradient(), "JPEG"), encode(gradient(), "WEBP")):
        assert verify(load("verify"), image) == (200, {"status": "unsigned"})
