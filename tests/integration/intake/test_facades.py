"""Long polling and the facades as Lambda runs them, on moto."""

import base64
import io
import json
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any
from urllib.parse import parse_qsl

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from moto import mock_aws

from services.intake.gateways import WaitFunction
from services.intake.waiting import MAX_WAITS
from tests.support.events import sample, sqs_record
from tests.support.functions import load_function
from tests.support.http import CALL_ID, http_event
from tests.support.sealing import create_owner_keys

TABLE, BUCKET = "requests", "gallery"
CORE = {"model": "stable-image-core"}
ONCE = {"Idempotency-Key": "once"}
Result = tuple[int, Any, dict[str, str]]


@pytest.fixture
def aws(aws_test_environment: None, service_template: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with mock_aws():
        properties = service_template("intake")["Resources"]["Requests"]["Properties"]
        described = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
        boto3.client("dynamodb").create_table(TableName=TABLE, **{name: properties[name] for name in described})
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        create_owner_keys(boto3.client("dynamodb"), "owner-keys")
        for name, value in {
            "TABLE_NAME": TABLE,
            "OWNER_KEYS_TABLE_NAME": "owner-keys",
            "GALLERY_BUCKET_NAME": BUCKET,
            "WAITING_FUNCTION_NAME": "waiting",
            "QUEUE_URL": "queue",
            "DEAD_LETTER_QUEUE_URL": "queue",
            "EVENT_BUS_NAME": "bus",
        }.items():
            monkeypatch.setenv(name, value)
        yield


@pytest.fixture
def openai(aws: None) -> Any:
    return load_function("intake", "openai")


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
        result = load_function("intake", "wait").handler(self.payloads[-1], None)
        return {"StatusCode": 200, "Payload": io.BytesIO(json.dumps(result).encode())}


@pytest.fixture
def invoked() -> Invoked:
    return Invoked()


@pytest.fixture
def api(aws: None, invoked: Invoked, monkeypatch: pytest.MonkeyPatch) -> Any:
    found = load_function("intake", "api")
    monkeypatch.setattr(found, "wait_function", lambda: WaitFunction(invoked, "waiting"))  # type: ignore[arg-type]
    return found


def post(
    handler: Any,
    path: str,
    body: Any,
    headers: Mapping[str, str] | None = None,
    scopes: str = "requests:write",
    owner: str = "demo",
) -> Result:
    path, _, query = path.partition("?")
    caller = {"owner": owner, "key_id": "k", "scopes": scopes}
    event = http_event("POST", path, body=body, query=dict(parse_qsl(query)), headers=headers, caller=caller)
    response = handler(event, None)
    lower = {name.lower(): value for name, value in response["headers"].items()}
    return response["statusCode"], json.loads(response["body"]), lower


def finish(request_id: str, detail_type: str) -> Any:
    """Finish a request with a sample event, and return the event."""
    event = sample(detail_type)
    event = event.model_copy(update={"metadata": event.metadata.model_copy(update={"request_id": request_id})})
    assert load_function("intake", "track").handler({"Records": [sqs_record(event)]}) == {"batchItemFailures": []}
    return event


def requests_written() -> int:
    items = boto3.client("dynamodb").scan(TableName=TABLE)["Items"]
    return sum(item["sk"]["S"] == "REQUEST" for item in items)


def finished_before(api: Any, detail_type: str) -> Any:
    """Finish the request that a later call with the same idempotency key stands for."""
    _, accepted, _ = post(api.handler, "/v1/requests", {"prompt": "a fox", **CORE}, ONCE)
    return finish(accepted["id"], detail_type)


# Prefer: wait --------------------------------------------------------------------------------------------------------


def test_a_caller_that_waits_gets_the_finished_request(api: Any) -> None:
    request_id = finished_before(api, "ImageStored").metadata.request_id

    status, view, headers = post(
        api.handler, "/v1/requests", {"prompt": "a fox", **CORE}, {**ONCE, "Prefer": "wait=10"}
    )

    assert (status, view["status"], view["id"]) == (200, "succeeded", request_id)
    assert view["images"][0]["url"]
    assert headers["preference-applied"] == "wait=10"
    assert headers["location"] == f"/v1/requests/{view['id']}"
    assert "retry-after" not in headers


def test_a_request_that_finishes_while_waiting_is_returned(api: Any, invoked: Invoked) -> None:
    def finish_it() -> None:
        while not invoked.payloads:
            time.sleep(0.01)
        finish(invoked.payloads[0]["request_id"], "PromptRejected")

    other = threading.Thread(target=finish_it)
    other.start()
    status, view, _ = post(api.handler, "/v1/requests", {"prompt": "a fox"}, {"Prefer": "wait=20"})
    other.join()
    assert (status, view["status"]) == (200, "rejected")


def test_a_request_that_does_not_finish_in_time_is_a_202(api: Any, invoked: Invoked) -> None:
    status, accepted, headers = post(api.handler, "/v1/requests", {"prompt": "a fox"}, {"Prefer": "wait=1"})
    assert (status, accepted["status"], headers["retry-after"]) == (202, "accepted", "1")
    assert headers["preference-applied"] == "wait=1", "it waited, although in vain"
    assert 0 < invoked.payloads[0]["until"] - time.time() + 2 <= 2


@pytest.mark.parametrize("prefer", [None, "wait=0", "wait=soon", "wait", "respond-async"])
def test_without_a_preference_the_api_does_not_wait(api: Any, invoked: Invoked, prefer: str | None) -> None:
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
def test_if_the_wait_function_is_busy_the_response_is_a_202(api: Any, invoked: Invoked, failure: Exception) -> None:
    invoked.fail = failure
    status, accepted, headers = post(api.handler, "/v1/requests", {"prompt": "a fox"}, {"Prefer": "wait=10"})
    assert (status, accepted["status"]) == (202, "accepted")
    assert headers["location"] == f"/v1/requests/{accepted['id']}"
    assert "preference-applied" not in headers


def test_a_failed_wait_is_not_finished(aws: None) -> None:
    class Broken:
        def invoke(self, **_: Any) -> dict[str, Any]:
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(b'{"errorMessage": "boom"}')}

    assert WaitFunction(Broken(), "waiting").wait("some id", 0) is None  # type: ignore[arg-type]


def test_a_request_that_stalls_while_its_caller_waits_is_a_202_at_once(api: Any, invoked: Invoked) -> None:
    finished_before(api, "ProcessingStalled")
    started = time.monotonic()
    status, view, _ = post(api.handler, "/v1/requests", {"prompt": "a fox", **CORE}, {**ONCE, "Prefer": "wait=25"})
    assert (status, view["status"]) == (202, "stalled")
    assert time.monotonic() - started < 20


# The bound on waiting ------------------------------------------------------------------------------------------------


@pytest.fixture
def ten_waiting_calls(api: Any) -> Iterator[None]:
    with ExitStack() as held:
        assert all(held.enter_context(api.waits.slot("demo")) for _ in range(MAX_WAITS))
        yield


def test_200_repeats_of_one_request_leave_room_for_other_owners(
    api: Any, invoked: Invoked, ten_waiting_calls: None
) -> None:
    _, accepted, _ = post(api.handler, "/v1/requests", {"prompt": "a fox", **CORE}, ONCE)
    repeat = {**ONCE, "Prefer": "wait=25"}
    for _ in range(200):
        status, view, headers = post(api.handler, "/v1/requests", {"prompt": "a fox", **CORE}, repeat)
        assert (status, view) == (202, accepted)
        assert headers["retry-after"] == "1"
    assert invoked.payloads == []

    status, _, _ = post(api.handler, "/v1/requests", {"prompt": "a fox"}, {"Prefer": "wait=1"}, owner="grace")
    assert (status, len(invoked.payloads)) == (202, 1), "another owner can still wait"


def test_a_caller_without_a_slot_gets_the_present_state(api: Any, invoked: Invoked, ten_waiting_calls: None) -> None:
    finished_before(api, "ImageStored")
    status, view, _ = post(api.handler, "/v1/requests", {"prompt": "a fox", **CORE}, {**ONCE, "Prefer": "wait=25"})
    assert (status, view["status"], invoked.payloads) == (200, "succeeded", [])


def test_a_slot_is_free_again_after_every_wait(api: Any, invoked: Invoked) -> None:
    finished_before(api, "ImageStored")
    for _ in range(2 * MAX_WAITS):
        post(api.handler, "/v1/requests", {"prompt": "a fox", **CORE}, {**ONCE, "Prefer": "wait=10"})
    assert len(invoked.payloads) == 2 * MAX_WAITS


def test_a_call_that_does_not_wait_does_not_touch_the_slots(api: Any) -> None:
    post(api.handler, "/v1/requests", {"prompt": "a fox"})
    assert not any(
        item["pk"]["S"].startswith("WAITS#") for item in boto3.client("dynamodb").scan(TableName=TABLE)["Items"]
    )


def test_openais_client_without_a_slot_may_retry(openai: Any, ten_waiting_calls: None) -> None:
    status, response, headers = generate(openai)
    assert (status, response["error"]["code"], headers["retry-after"]) == (429, "rate_limit_exceeded", "5")
    assert "x-should-retry" not in headers
    assert requests_written() == 0


# OpenAI --------------------------------------------------------------------------------------------------------------


def generate(openai: Any, **body: Any) -> Result:
    return post(openai.handler, "/openai/v1/images/generations", {"prompt": "a fox", **body}, ONCE)


def get(handler: Any, path: str, route: str | None = None, scopes: str = "requests:read") -> Result:
    caller = {"owner": "demo", "key_id": "k", "scopes": scopes}
    response = handler(http_event("GET", path, route=route, caller=caller), None)
    lower = {name.lower(): value for name, value in response["headers"].items()}
    return response["statusCode"], json.loads(response["body"]), lower


def test_openais_client_lists_the_models(api: Any) -> None:
    status, listed, _ = get(api.handler, "/openai/v1/models")
    assert (status, listed["object"]) == (200, "list")
    ids = [model["id"] for model in listed["data"]]
    assert "stable-image-core" in ids
    assert get(api.handler, "/v1/models")[1]["data"] == listed["data"], "for the base path /v1"
    for name in ids:
        shown = get(api.handler, f"/openai/v1/models/{name}", "/openai/v1/models/{model}")
        assert shown[:2] == (200, next(model for model in listed["data"] if model["id"] == name))


def test_an_unknown_model_is_an_error_in_openais_shape(api: Any, openai: Any) -> None:
    for status, response, _ in (
        get(api.handler, "/openai/v1/models/nobody", "/openai/v1/models/{model}"),
        post(openai.handler, "/openai/v1/images/generations", {"prompt": "a fox", "model": "nobody"}),
    ):
        assert (status, response["error"]["code"], response["error"]["param"]) == (404, "model_not_found", "model")
    status, response, _ = get(api.handler, "/openai/v1/models/\u00a0\x88", "/openai/v1/models/{model}")
    assert (status, response["error"]["code"]) == (404, "not_found"), "characters that no route accepts"
    assert get(api.handler, "/openai/v1/models", scopes="images:read")[1]["error"]["code"] == "insufficient_scope"
    assert requests_written() == 0


def test_the_former_address_answers_the_same(api: Any, openai: Any) -> None:
    finished_before(api, "ImageStored")
    former = post(openai.handler, "/v1/images/generations", {"prompt": "a fox"}, ONCE)
    again = generate(openai)
    assert (former[0], former[1]["created"], former[1]["usage"]) == (200, again[1]["created"], again[1]["usage"])


def test_ten_images_are_three_requests_in_one_call(openai: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[str] = []
    slot = openai.waits.slot

    def counted(owner: str) -> Any:
        taken.append(owner)
        return slot(owner)

    monkeypatch.setattr(openai.waits, "slot", counted)
    with monkeypatch.context() as hurried:
        hurried.setattr(openai, "MAX_SECONDS", 0)
        status, response, _ = generate(openai, n=10)
    assert (status, response["error"]["code"], requests_written(), len(taken)) == (504, "request_in_progress", 3, 1)
    ids = re.findall(r"/v1/requests/([0-9a-f-]{36})", response["error"]["message"])

    finish(ids[1], "PromptRejected")
    finish(ids[2], "ImageStored")
    with monkeypatch.context() as hurried:
        hurried.setattr(openai, "MAX_SECONDS", 0)
        assert generate(openai, n=10)[0] == 504, "it waits for all requests"
    finish(ids[0], "ImageStored")
    status, response, headers = generate(openai, n=10)
    assert (status, len(response["data"]), response["usage"]["images"]) == (200, 2, 2)
    assert headers["x-request-id"] == ", ".join(ids)
    assert (requests_written(), len(taken)) == (3, 3)


def test_more_images_than_the_limit_has_left_are_refused_together(openai: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai, "MAX_SECONDS", 0)
    path, caller = "/openai/v1/images/generations", {"owner": "demo", "key_id": "k", "scopes": "requests:write"}
    body = {"prompt": "a fox", "n": 10}
    for limit, status, code in (
        (9, 400, "invalid_value"),
        (10, 504, "request_in_progress"),
        (12, 429, "rate_limit_exceeded"),
    ):
        response = openai.handler(http_event("POST", path, body=body, caller={**caller, "limit": limit}), None)
        error = json.loads(response["body"])["error"]
        assert (response["statusCode"], error["code"]) == (status, code)
        assert error.get("param") == ("n" if status == 400 else None)
    assert requests_written() == 3


@pytest.mark.parametrize(("suffix", "output_format"), [("png", None), ("jpeg", "jpeg"), ("webp", "webp")])
def test_a_gpt_image_model_gets_the_content_by_default(
    api: Any, openai: Any, suffix: str, output_format: str | None
) -> None:
    wanted = {"output_format": output_format} if output_format else {}
    _, accepted, _ = post(api.handler, "/v1/requests", {"prompt": "a fox", **CORE, **wanted}, ONCE)
    stored = finish(accepted["id"], "ImageStored")
    boto3.client("s3").put_object(Bucket=BUCKET, Key=stored.data.images[0].original.key, Body=suffix.encode())
    status, response, _ = generate(openai, model="gpt-image-2.5-flare", **wanted)
    assert (status, response["output_format"], response["background"]) == (200, suffix, "opaque")
    assert base64.b64decode(response["data"][0]["b64_json"]) == suffix.encode()
    assert "url" not in response["data"][0]
    assert response["usage"]["total_tokens"] == 0


def test_openais_client_gets_a_url(api: Any, openai: Any) -> None:
    stored = finished_before(api, "ImageStored")
    status, response, headers = generate(openai)
    assert status == 200
    assert response["created"] == int(stored.metadata.occurred_at.timestamp())
    assert stored.data.images[0].original.key in response["data"][0]["url"]
    assert "X-Amz-Signature" in response["data"][0]["url"]
    assert headers["x-request-id"] == stored.metadata.request_id
    assert "ratelimit-policy" in headers


def test_openais_client_gets_the_content(api: Any, openai: Any) -> None:
    stored = finished_before(api, "ImageStored")
    boto3.client("s3").put_object(Bucket=BUCKET, Key=stored.data.images[0].original.key, Body=b"\x89PNG")
    status, response, _ = generate(openai, response_format="b64_json")
    assert status == 200
    assert base64.b64decode(response["data"][0]["b64_json"]) == b"\x89PNG"
    assert "url" not in response["data"][0]


def test_openais_client_gets_an_error_for_a_blocked_prompt(api: Any, openai: Any) -> None:
    finished_before(api, "PromptRejected")
    status, response, _ = generate(openai)
    assert (status, response["error"]["code"]) == (400, "content_policy_violation")


def test_openais_client_gets_the_path_after_the_deadline(openai: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai, "MAX_SECONDS", 0)
    status, response, headers = generate(openai)
    assert (status, response["error"]["code"]) == (504, "request_in_progress")
    assert headers["location"] in response["error"]["message"]
    assert headers["x-should-retry"] == "false"
    assert headers["x-call-id"] == response["error"]["call_id"] == CALL_ID


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"prompt": "a", "n": 11}, "n"),
        ({"prompt": "a", "steps": 9}, "steps"),
        ({"prompt": "x" * 20_000}, "prompt"),
        ({}, "prompt"),
        ("{", None),
        ("[]", None),
    ],
)
def test_openais_client_gets_errors_in_its_own_shape(openai: Any, body: Any, param: str | None) -> None:
    status, response, _ = post(openai.handler, "/openai/v1/images/generations", body)
    assert (status, response["error"]["type"]) == (400, "invalid_request_error")
    assert response["error"].get("param") == param
    assert requests_written() == 0


def test_openais_client_needs_the_scope_and_does_not_retry(openai: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = "/openai/v1/images/generations"
    status, response, _ = post(openai.handler, path, {"prompt": "a"}, scopes="images:read")
    assert (status, response["error"]["code"]) == (403, "insufficient_scope")

    monkeypatch.setattr(openai, "wait_for_result", lambda *_: 1 / 0)
    status, response, headers = generate(openai)
    assert (status, response["error"]["type"], headers["x-should-retry"]) == (500, "server_error", "false")


# The first version ---------------------------------------------------------------------------------------------------

LEGACY = {
    "prompt": "a fox",
    "modelId": "stability.stable-diffusion-xl-v1",
    "size": "1024x1024",
    "steps": 30,
    "cfgScale": 7,
}


def test_a_legacy_client_is_accepted(api: Any) -> None:
    status, response, headers = post(
        api.handler, "/api/images/generate", {**LEGACY, "style": "anime", "negativePrompt": ""}
    )
    assert (status, response["success"]) == (202, True)
    assert response["data"]["statusUrl"] == headers["location"] == f"/v1/requests/{response['data']['id']}"
    assert response["message"]


@pytest.mark.parametrize("prefer", ["wait", "wait=20"])
def test_a_legacy_client_that_waits_gets_its_image(api: Any, prefer: str) -> None:
    _, accepted, _ = post(api.handler, "/api/images/generate", LEGACY, ONCE)
    finish(accepted["data"]["id"], "ImageStored")

    status, response, headers = post(api.handler, "/api/images/generate", LEGACY, {**ONCE, "Prefer": prefer})

    assert (status, response["success"]) == (200, True)
    assert response["data"].keys() == {"id", "prompt", "url", "generationTime", "timestamp"}
    assert response["data"]["prompt"] == "a fox"
    assert headers["preference-applied"] == ("wait=25" if prefer == "wait" else "wait=20")


def test_a_legacy_client_gets_errors_in_its_own_shape(api: Any) -> None:
    status, response, _ = post(api.handler, "/api/images/generate", {**LEGACY, "modelId": "nobody's"})
    assert (status, response["success"], response["errors"][0]["field"]) == (422, False, "modelId")
    status, response, _ = post(api.handler, "/api/images/generate", {})
    assert (status, response["success"], response["errors"][0]["field"]) == (422, False, "prompt")
    assert response["call_id"] == CALL_ID


def test_a_legacy_client_gets_an_error_for_a_blocked_prompt(api: Any) -> None:
    _, accepted, _ = post(api.handler, "/api/images/generate", LEGACY, ONCE)
    finish(accepted["data"]["id"], "PromptRejected")
    status, response, _ = post(api.handler, "/api/images/generate", LEGACY, {**ONCE, "Prefer": "wait"})
    assert (status, response["success"], response["errors"][0]["category"]) == (400, False, "violence")
