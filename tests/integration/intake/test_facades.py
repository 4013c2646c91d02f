"""Waiting and the facades as Lambda runs them, on moto: a request that ends, and the answer in its caller's shape."""

import base64
import importlib
import io
import json
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from moto import mock_aws

from services.intake.facades.adapters import WaitingFunction
from tests.support.events import sample, sqs_record

TABLE, BUCKET = "requests", "gallery"
CORE = {"model": "stable-image-core"}
ONCE = {"Idempotency-Key": "once"}
Answer = tuple[int, Any, dict[str, str]]


@pytest.fixture
def aws(aws_test_environment: None, service_template: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with mock_aws():
        properties = service_template("intake")["Resources"]["Requests"]["Properties"]
        described = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
        boto3.client("dynamodb").create_table(TableName=TABLE, **{name: properties[name] for name in described})
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        for name, value in {
            "TABLE_NAME": TABLE,
            "GALLERY_BUCKET_NAME": BUCKET,
            "WAITING_FUNCTION_NAME": "waiting",
            "QUEUE_URL": "queue",
            "DEAD_LETTER_QUEUE_URL": "queue",
            "EVENT_BUS_NAME": "bus",
        }.items():
            monkeypatch.setenv(name, value)
        yield


def function(name: str) -> Any:
    """Import a handler afresh, as a cold start does."""
    sys.modules.pop(f"services.intake.handlers.{name}", None)
    return importlib.import_module(f"services.intake.handlers.{name}")


@pytest.fixture
def facade(aws: None) -> Any:
    return function("facade")


class Invoked:
    """Lambda's Invoke, in this process. ``fail`` is raised instead."""

    def __init__(self, fail: Exception | None = None) -> None:
        self.fail = fail
        self.payloads: list[Any] = []

    def invoke(self, FunctionName: str, Payload: str) -> dict[str, Any]:
        assert FunctionName == "waiting"
        self.payloads.append(json.loads(Payload))
        if self.fail:
            raise self.fail
        answer = function("waiting").handler(self.payloads[-1], None)
        return {"StatusCode": 200, "Payload": io.BytesIO(json.dumps(answer).encode())}


@pytest.fixture
def invoked() -> Invoked:
    return Invoked()


@pytest.fixture
def api(aws: None, invoked: Invoked, monkeypatch: pytest.MonkeyPatch) -> Any:
    found = function("api")
    monkeypatch.setattr(found, "waiting", lambda: WaitingFunction(invoked, "waiting"))  # type: ignore[arg-type]
    return found


def post(
    handler: Any, path: str, body: Any, headers: Mapping[str, str] | None = None, scopes: str = "requests:write"
) -> Answer:
    path, _, query = path.partition("?")
    event = {
        "version": "2.0",
        "routeKey": f"POST {path}",
        "rawPath": path,
        "rawQueryString": query,
        "queryStringParameters": dict(parse_qsl(query)),
        "headers": {"content-type": "application/json", **(headers or {})},
        "requestContext": {
            "http": {"method": "POST", "path": path, "sourceIp": "127.0.0.1", "protocol": "HTTP/1.1", "userAgent": "t"},
            "requestId": "r",
            "stage": "$default",
            "authorizer": {"lambda": {"owner": "demo", "key_id": "k", "scopes": scopes}},
        },
        "isBase64Encoded": False,
        "body": body if isinstance(body, str) else json.dumps(body),
    }
    answer = handler(event, None)
    return answer["statusCode"], json.loads(answer["body"]), {k.lower(): v for k, v in answer["headers"].items()}


def end(request_id: str, detail_type: str) -> Any:
    """Let a request end by a golden event, and return that."""
    event = sample(detail_type)
    event = event.model_copy(update={"metadata": event.metadata.model_copy(update={"request_id": request_id})})
    assert function("track").handler({"Records": [sqs_record(event)]}) == {"batchItemFailures": []}
    return event


def ended_before(api: Any, detail_type: str) -> Any:
    """Let the request end already that a facade's call with the same idempotency key stands for."""
    _, accepted, _ = post(api.handler, "/v1/requests", {"prompt": "a fox", **CORE}, ONCE)
    return end(accepted["id"], detail_type)


# Prefer: wait --------------------------------------------------------------------------------------------------------


def test_a_caller_who_waits_gets_the_finished_request(api: Any) -> None:
    request_id = ended_before(api, "ImageStored").metadata.request_id

    status, view, told = post(api.handler, "/v1/requests", {"prompt": "a fox", **CORE}, {**ONCE, "Prefer": "wait=10"})

    assert (status, view["status"], view["id"]) == (200, "succeeded", request_id)
    assert view["images"][0]["url"]
    assert told["preference-applied"] == "wait=10"
    assert told["location"] == f"/v1/requests/{view['id']}"
    assert "retry-after" not in told


def test_who_waits_hears_of_an_ending_that_comes_meanwhile(api: Any, invoked: Invoked) -> None:
    def end_it() -> None:
        while not invoked.payloads:
            time.sleep(0.01)
        end(invoked.payloads[0]["request_id"], "PromptRejected")

    other = threading.Thread(target=end_it)
    other.start()
    status, view, _ = post(api.handler, "/v1/requests", {"prompt": "a fox"}, {"Prefer": "wait=20"})
    other.join()
    assert (status, view["status"]) == (200, "rejected")


def test_what_has_not_ended_in_time_is_the_plain_202(api: Any, invoked: Invoked) -> None:
    status, accepted, told = post(api.handler, "/v1/requests", {"prompt": "a fox"}, {"Prefer": "wait=1"})
    assert (status, accepted["status"], told["retry-after"]) == (202, "accepted", "1")
    assert "preference-applied" not in told
    assert 0 < invoked.payloads[0]["until"] - time.time() + 2 <= 2


@pytest.mark.parametrize("prefer", [None, "wait=0", "wait=soon", "wait", "respond-async"])
def test_nobody_waits_who_did_not_ask_to(api: Any, invoked: Invoked, prefer: str | None) -> None:
    headers = {"Prefer": prefer} if prefer else {}
    status, _, _ = post(api.handler, "/v1/requests", {"prompt": "a fox"}, headers)
    assert (status, invoked.payloads) == (202, [])


def test_a_dry_run_is_not_waited_for(api: Any, invoked: Invoked) -> None:
    status, _, _ = post(api.handler, "/v1/requests?dry_run=true", {"prompt": "a fox"}, {"Prefer": "wait=10"})
    assert (status, invoked.payloads) == (200, [])


@pytest.mark.parametrize(
    "failure",
    [
        ClientError({"Error": {"Code": "TooManyRequestsException", "Message": "Rate Exceeded."}}, "Invoke"),
        ReadTimeoutError(endpoint_url="lambda"),
    ],
    ids=["throttled", "too slow"],
)
def test_where_nobody_has_time_to_wait_the_caller_polls(api: Any, invoked: Invoked, failure: Exception) -> None:
    invoked.fail = failure
    status, accepted, told = post(api.handler, "/v1/requests", {"prompt": "a fox"}, {"Prefer": "wait=10"})
    assert (status, accepted["status"]) == (202, "accepted")
    assert told["location"] == f"/v1/requests/{accepted['id']}"


def test_where_waiting_breaks_the_caller_polls(aws: None) -> None:
    class Broken:
        def invoke(self, **_: Any) -> dict[str, Any]:
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(b'{"errorMessage": "boom"}')}

    assert not WaitingFunction(Broken(), "waiting").ended("some id", 0)  # type: ignore[arg-type]


# OpenAI --------------------------------------------------------------------------------------------------------------


def generate(facade: Any, **body: Any) -> Answer:
    return post(facade.handler, "/v1/images/generations", {"prompt": "a fox", **body}, ONCE)


def test_openais_client_gets_an_address(api: Any, facade: Any) -> None:
    stored = ended_before(api, "ImageStored")
    status, answer, told = generate(facade)
    assert status == 200
    assert answer["created"] == int(stored.metadata.occurred_at.timestamp())
    assert stored.data.images[0].original.key in answer["data"][0]["url"]
    assert "X-Amz-Signature" in answer["data"][0]["url"]
    assert told["x-request-id"] == stored.metadata.request_id
    assert "ratelimit-policy" in told


def test_openais_client_gets_the_content(api: Any, facade: Any) -> None:
    stored = ended_before(api, "ImageStored")
    boto3.client("s3").put_object(Bucket=BUCKET, Key=stored.data.images[0].original.key, Body=b"\x89PNG")
    status, answer, _ = generate(facade, response_format="b64_json")
    assert status == 200
    assert base64.b64decode(answer["data"][0]["b64_json"]) == b"\x89PNG"
    assert "url" not in answer["data"][0]


def test_openais_client_is_told_of_a_blocked_prompt(api: Any, facade: Any) -> None:
    ended_before(api, "PromptRejected")
    status, answer, _ = generate(facade)
    assert (status, answer["error"]["code"]) == (400, "content_policy_violation")


def test_openais_client_is_told_where_to_look_when_time_is_up(facade: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facade, "MAX_SECONDS", 0)
    status, answer, told = generate(facade)
    assert (status, answer["error"]["code"]) == (504, "request_in_progress")
    assert told["location"] in answer["error"]["message"]
    assert told["x-should-retry"] == "false"


@pytest.mark.parametrize(
    ("body", "param"),
    [({"prompt": "a", "n": 9}, "n"), ({"prompt": "x" * 20_000}, "prompt"), ({}, "prompt"), ("{", None), ("[]", None)],
)
def test_openais_client_is_told_what_is_wrong_in_its_own_shape(facade: Any, body: Any, param: str | None) -> None:
    status, answer, _ = post(facade.handler, "/v1/images/generations", body)
    assert (status, answer["error"]["type"]) == (400, "invalid_request_error")
    assert answer["error"].get("param") == param
    assert boto3.client("dynamodb").scan(TableName=TABLE)["Count"] == 0


def test_openais_client_needs_the_scope_and_what_breaks_is_not_repeated(
    facade: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    status, answer, _ = post(facade.handler, "/v1/images/generations", {"prompt": "a"}, scopes="images:read")
    assert (status, answer["error"]["code"]) == (403, "insufficient_scope")

    monkeypatch.setattr(facade, "wait_for_end", lambda *_: 1 / 0)
    status, answer, told = generate(facade)
    assert (status, answer["error"]["type"], told["x-should-retry"]) == (500, "server_error", "false")


# The first version ---------------------------------------------------------------------------------------------------

OLD = {
    "prompt": "a fox",
    "modelId": "stability.stable-diffusion-xl-v1",
    "size": "1024x1024",
    "steps": 30,
    "cfgScale": 7,
}


def test_an_old_client_is_accepted(api: Any) -> None:
    status, answer, told = post(api.handler, "/api/images/generate", {**OLD, "style": "anime", "negativePrompt": ""})
    assert (status, answer["success"]) == (202, True)
    assert answer["data"]["statusUrl"] == told["location"] == f"/v1/requests/{answer['data']['id']}"
    assert answer["message"]


@pytest.mark.parametrize("prefer", ["wait", "wait=20"])
def test_an_old_client_that_waits_gets_its_image(api: Any, prefer: str) -> None:
    _, accepted, _ = post(api.handler, "/api/images/generate", OLD, ONCE)
    end(accepted["data"]["id"], "ImageStored")

    status, answer, told = post(api.handler, "/api/images/generate", OLD, {**ONCE, "Prefer": prefer})

    assert (status, answer["success"]) == (200, True)
    assert answer["data"].keys() == {"id", "prompt", "url", "generationTime", "timestamp"}
    assert answer["data"]["prompt"] == "a fox"
    assert told["preference-applied"] == ("wait=25" if prefer == "wait" else "wait=20")


def test_an_old_client_is_told_what_is_wrong_in_its_own_shape(api: Any) -> None:
    status, answer, _ = post(api.handler, "/api/images/generate", {**OLD, "modelId": "nobody's"})
    assert (status, answer["success"], answer["errors"][0]["field"]) == (422, False, "modelId")
    status, answer, _ = post(api.handler, "/api/images/generate", {})
    assert (status, answer["success"], answer["errors"][0]["field"]) == (422, False, "prompt")


def test_an_old_client_is_told_of_a_blocked_prompt(api: Any) -> None:
    _, accepted, _ = post(api.handler, "/api/images/generate", OLD, ONCE)
    end(accepted["data"]["id"], "PromptRejected")
    status, answer, _ = post(api.handler, "/api/images/generate", OLD, {**ONCE, "Prefer": "wait"})
    assert (status, answer["success"], answer["errors"][0]["category"]) == (400, False, "violence")
