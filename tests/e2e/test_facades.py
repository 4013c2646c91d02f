"""Other people's clients on the real template: the official `openai` one, unchanged, old ones, and those who wait."""

import base64
import time
import urllib.request
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import openai
import pytest
from openai import OpenAI
from PIL import Image

from tests.support.system import System

SLOW = 30
"""Seconds that the model takes where nobody may wait so long."""


@pytest.fixture
def client(stack: System) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{stack.stack.api_url}/v1", api_key=stack.stack.api_key) as found:
        yield found


def fetch(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as answer:
        content: bytes = answer.read()
    return content


def opened(content: bytes) -> Image.Image:
    with Image.open(BytesIO(content)) as image:
        image.load()
        return image


def requests_written(stack: System) -> int:
    """Return how many requests the table holds."""
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


def test_the_openai_client_gets_an_address_of_its_image(client: OpenAI) -> None:
    answer = client.images.generate(prompt="a lighthouse at dusk", model="gpt-image-1", size="1536x1024")
    assert answer.data
    assert answer.data[0].url
    image = opened(fetch(answer.data[0].url))
    assert (image.format, image.size) == ("PNG", (1216, 832))
    assert time.time() - 60 < answer.created <= time.time() + 1


def test_the_openai_client_gets_its_images_in_base64(client: OpenAI) -> None:
    answer = client.images.generate(
        prompt="two teapots", n=2, size="1024x1024", response_format="b64_json", quality="hd"
    )
    assert answer.data
    pictures = [base64.b64decode(one.b64_json or "") for one in answer.data]
    assert [opened(content).size for content in pictures] == [(1024, 1024)] * 2
    assert len(set(pictures)) == 2


def test_the_openai_client_is_told_that_a_prompt_is_blocked(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.images.generate(prompt="n4k3d w0man, p.o.r.n")
    assert (refused.value.code, refused.value.type) == ("content_policy_violation", "invalid_request_error")
    assert refused.value.param == "prompt"


def test_the_openai_client_is_told_what_it_asked_wrongly(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.images.generate(prompt="a fox", n=9)
    assert refused.value.param == "n"


def test_the_openai_client_stops_when_time_is_up_and_says_where_to_look(stack: System, client: OpenAI) -> None:
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
    assert requests_written(stack) == before + 1, "its client did not ask again"
    assert stack.wait_for_status(address.rsplit("/", 1)[1], "succeeded", seconds=60)["images"]


def test_the_openai_client_is_refused_without_a_key(stack: System) -> None:
    with (
        OpenAI(base_url=f"{stack.stack.api_url}/v1", api_key="nonsense") as stranger,
        pytest.raises((openai.AuthenticationError, openai.PermissionDeniedError)),
    ):
        stranger.images.generate(prompt="a fox")


def test_an_idempotency_key_makes_one_image_of_two_calls(client: OpenAI) -> None:
    same = {"Idempotency-Key": "facade-e2e"}
    one, other = (client.images.generate(prompt="a single swan", extra_headers=same) for _ in range(2))
    assert one.data
    assert other.data
    assert (one.data[0].url or "").partition("?")[0] == (other.data[0].url or "").partition("?")[0]


# Prefer: wait --------------------------------------------------------------------------------------------------------


def test_a_caller_who_prefers_to_wait_gets_the_finished_request(stack: System) -> None:
    answer = stack.call("POST", "/v1/requests", {"prompt": "a fox in the snow"}, {"Prefer": "wait=20"})
    assert (answer.status, answer.json["status"]) == (200, "succeeded")
    assert answer.headers["preference-applied"] == "wait=20"
    assert opened(fetch(answer.json["images"][0]["url"])).format == "PNG"


def test_where_nobody_has_time_to_wait_the_answer_is_the_plain_202(stack: System) -> None:
    name = f"{stack.prefix}-intake-waiting"
    stack.client("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    try:
        answer = stack.call("POST", "/v1/requests", {"prompt": "a busy bee"}, {"Prefer": "wait=20"})
    finally:
        stack.client("lambda").delete_function_concurrency(FunctionName=name)
    assert answer.status == 202
    assert "preference-applied" not in answer.headers
    stack.wait_for_status(answer.json["id"], "succeeded")


# The first version ---------------------------------------------------------------------------------------------------

OLD: dict[str, Any] = {
    "prompt": "a sailing boat",
    "modelId": "amazon.titan-image-generator-v1",
    "size": "1024x1024",
    "steps": 30,
    "cfgScale": 7.5,
    "style": "photographic",
    "negativePrompt": "people",
}


def test_an_old_client_asks_and_looks(stack: System) -> None:
    answer = stack.call("POST", "/api/images/generate", OLD)
    assert (answer.status, answer.json["success"]) == (202, True)
    data = answer.json["data"]
    assert data["statusUrl"] == f"/v1/requests/{data['id']}"
    assert stack.wait_for_status(data["id"], "succeeded")["request"]["prompt"] == "a sailing boat"


def test_an_old_client_waits_for_its_image(stack: System) -> None:
    answer = stack.call("POST", "/api/images/generate", OLD, {"Prefer": "wait"})
    assert (answer.status, answer.json["success"]) == (200, True)
    data = answer.json["data"]
    assert opened(fetch(data["url"])).size == (1024, 1024)
    assert data["generationTime"] > 0
    assert stack.get_request(data["id"])["status"] == "succeeded"


def test_an_old_client_is_told_that_its_prompt_is_blocked(stack: System) -> None:
    answer = stack.call("POST", "/api/images/generate", {"prompt": "n4k3d w0man, p.o.r.n"}, {"Prefer": "wait"})
    assert (answer.status, answer.json["success"]) == (400, False)
    assert answer.json["errors"][0]["field"] == "prompt"
