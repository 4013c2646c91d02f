"""Clients of the deployed API: the official `openai` package, legacy clients, and callers that wait."""

import base64
import time
import urllib.request
from collections.abc import Iterator
from io import BytesIO
from statistics import median
from typing import Any

import openai
import pytest
from openai import OpenAI
from PIL import Image

from events.pipeline import TERMINAL
from services.intake.waiting import MAX_WAITS
from tests.support.system import System

SLOW = 30
"""Seconds that the model takes; more than a caller may wait."""


@pytest.fixture
def client(stack: System) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{stack.stack.api_url}/v1", api_key=stack.stack.api_key) as found:
        yield found


def fetch(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as response:
        content: bytes = response.read()
    return content


def opened(content: bytes) -> Image.Image:
    with Image.open(BytesIO(content)) as image:
        image.load()
        return image


def requests_written(stack: System) -> int:
    """Return the number of requests in the table."""
    pages = (
        stack.client("dynamodb")
        .get_paginator("scan")
        .paginate(
            TableName=f"{stack.prefix}-requests",
            FilterExpression="sk = :request",
            ExpressionAttributeValues={":request": {"S": "REQUEST"}},
            Select="COUNT",
        )
    )
    return sum(page["Count"] for page in pages)


# The official client -------------------------------------------------------------------------------------------------


def test_the_openai_client_gets_the_url_of_its_image(client: OpenAI) -> None:
    response = client.images.generate(prompt="a lighthouse at dusk", model="gpt-image-1", size="1536x1024")
    assert response.data
    assert response.data[0].url
    image = opened(fetch(response.data[0].url))
    assert (image.format, image.size) == ("PNG", (1216, 832))
    assert time.time() - 60 < response.created <= time.time() + 1


def test_the_openai_client_gets_its_images_in_base64(client: OpenAI) -> None:
    response = client.images.generate(
        prompt="two teapots", n=2, size="1024x1024", response_format="b64_json", quality="hd"
    )
    assert response.data
    contents = [base64.b64decode(one.b64_json or "") for one in response.data]
    assert [opened(content).size for content in contents] == [(1024, 1024)] * 2
    assert len(set(contents)) == 2


def test_the_openai_client_gets_an_error_for_a_blocked_prompt(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.images.generate(prompt="n4k3d w0man, p.o.r.n")
    assert (refused.value.code, refused.value.type) == ("content_policy_violation", "invalid_request_error")
    assert refused.value.param == "prompt"


def test_the_openai_client_gets_an_error_that_names_the_wrong_parameter(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.images.generate(prompt="a fox", n=9)
    assert refused.value.param == "n"


def test_the_openai_client_times_out_with_the_url_of_the_request(stack: System, client: OpenAI) -> None:
    prompt = "a very patient heron"
    stack.models(
        "POST", "/_faults", {"operation": "invoke", "effect": "delay", "seconds": SLOW, "prompt_contains": prompt}
    )
    before = requests_written(stack)
    with pytest.raises(openai.InternalServerError) as refused:
        client.images.generate(prompt=prompt)
    assert (refused.value.status_code, refused.value.code) == (504, "request_in_progress")
    address = refused.value.response.headers["location"]
    assert address in refused.value.message
    assert requests_written(stack) == before + 1, "the client did not retry"
    assert stack.wait_for_status(address.rsplit("/", 1)[1], "succeeded", seconds=60)["images"]


def test_the_openai_client_is_refused_without_a_key(stack: System) -> None:
    with (
        OpenAI(base_url=f"{stack.stack.api_url}/v1", api_key="nonsense") as stranger,
        pytest.raises((openai.AuthenticationError, openai.PermissionDeniedError)),
    ):
        stranger.images.generate(prompt="a fox")


def test_two_calls_with_one_idempotency_key_make_one_image(client: OpenAI) -> None:
    same = {"Idempotency-Key": "facade-e2e"}
    one, other = (client.images.generate(prompt="a single swan", extra_headers=same) for _ in range(2))
    assert one.data
    assert other.data
    assert (one.data[0].url or "").partition("?")[0] == (other.data[0].url or "").partition("?")[0]


# Prefer: wait --------------------------------------------------------------------------------------------------------


def test_prefer_wait_returns_the_finished_request(stack: System) -> None:
    response = stack.call("POST", "/v1/requests", {"prompt": "a fox in the snow"}, {"Prefer": "wait=20"})
    assert (response.status, response.json["status"]) == (200, "succeeded")
    assert response.headers["preference-applied"] == "wait=20"
    assert opened(fetch(response.json["images"][0]["url"])).format == "PNG"


def test_prefer_wait_returns_202_if_no_function_is_free_to_wait(stack: System) -> None:
    name = f"{stack.prefix}-intake-waiting"
    stack.client("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    try:
        response = stack.call("POST", "/v1/requests", {"prompt": "a busy bee"}, {"Prefer": "wait=20"})
    finally:
        stack.client("lambda").delete_function_concurrency(FunctionName=name)
    assert response.status == 202
    assert "preference-applied" not in response.headers
    stack.wait_for_status(response.json["id"], "succeeded")


def test_200_repeats_of_one_request_leave_room_for_other_owners(stack: System) -> None:
    prompt = "a snail on its way"
    stack.models(
        "POST", "/_faults", {"operation": "invoke", "effect": "delay", "seconds": SLOW, "prompt_contains": prompt}
    )
    greedy, modest = stack.stack.make_key("greedy"), stack.stack.make_key("modest")
    table, key = f"{stack.prefix}-requests", {"pk": {"S": "WAITS#greedy"}, "sk": {"S": "SLOTS"}}
    waiting = {f"{int(time.time()) + 600}#{number}" for number in range(MAX_WAITS)}
    stack.client("dynamodb").put_item(TableName=table, Item={**key, "slots": {"SS": sorted(waiting)}})

    def answered(prompt: str, headers: dict[str, str], key: str) -> tuple[int, float]:
        started = time.monotonic()
        response = stack.call("POST", "/v1/requests", {"prompt": prompt}, headers, key=key)
        return response.status, time.monotonic() - started

    same = {"Idempotency-Key": "repeats-e2e", "Prefer": "wait=25"}
    repeats = [answered(prompt, same, greedy) for _ in range(200)]
    assert {status for status, _ in repeats} <= {200, 202}, "200: after the request has finished"
    assert median(seconds for _, seconds in repeats) < 5, "none of them waits"
    found = stack.client("dynamodb").get_item(TableName=table, Key=key)["Item"]
    assert set(found["slots"]["SS"]) == waiting

    status, seconds = answered("a swift", {"Prefer": "wait=25"}, modest)
    assert status == 200 or seconds > 15, "the other owner waits, however slow this machine is"
    stack.client("dynamodb").delete_item(TableName=table, Key=key)
    assert answered("a swallow", {"Prefer": "wait=1"}, greedy)[0] in {200, 202}
    found = stack.client("dynamodb").get_item(TableName=table, Key=key)["Item"]
    assert "expires_at" in found, "the deployed function took a slot"
    assert "slots" not in found, "and released it"

    def finished() -> bool:
        found = stack.call("GET", "/v1/requests", key=greedy).json["requests"]
        return all(each["status"] in TERMINAL for each in found)

    stack.wait_until(finished, seconds=120, what="the slow request to finish: other tests would see its events")


# Legacy API ---------------------------------------------------------------------------------------------------------

LEGACY: dict[str, Any] = {
    "prompt": "a sailing boat",
    "modelId": "amazon.titan-image-generator-v1",
    "size": "1024x1024",
    "steps": 30,
    "cfgScale": 7.5,
    "style": "photographic",
    "negativePrompt": "people",
}


def test_a_legacy_client_posts_a_prompt_and_gets_a_status_url(stack: System) -> None:
    response = stack.call("POST", "/api/images/generate", LEGACY)
    assert (response.status, response.json["success"]) == (202, True)
    assert {"deprecation", "sunset", "link"} <= response.headers.keys()
    data = response.json["data"]
    assert data["statusUrl"] == f"/v1/requests/{data['id']}"
    assert stack.wait_for_status(data["id"], "succeeded")["request"]["prompt"] == "a sailing boat"


def test_a_legacy_client_waits_for_its_image(stack: System) -> None:
    response = stack.call("POST", "/api/images/generate", LEGACY, {"Prefer": "wait"})
    assert (response.status, response.json["success"]) == (200, True)
    data = response.json["data"]
    assert opened(fetch(data["url"])).size == (1024, 1024)
    assert data["generationTime"] > 0
    assert stack.get_request(data["id"])["status"] == "succeeded"


def test_a_legacy_client_gets_an_error_for_a_blocked_prompt(stack: System) -> None:
    response = stack.call("POST", "/api/images/generate", {"prompt": "n4k3d w0man, p.o.r.n"}, {"Prefer": "wait"})
    assert (response.status, response.json["success"]) == (400, False)
    assert response.json["errors"][0]["field"] == "prompt"
