"""Clients of the deployed API: legacy clients, and callers that wait. OpenAI's clients are in `tests/interop`."""

import time
from statistics import median
from typing import Any

from events.pipeline import TERMINAL
from services.intake.waiting import MAX_WAITS
from tests.support.images import opened
from tests.support.system import System, download

SLOW = 30
"""Seconds that the model takes; more than a caller may wait."""


# Prefer: wait --------------------------------------------------------------------------------------------------------


def test_prefer_wait_returns_the_finished_request(stack: System) -> None:
    response = stack.call("POST", "/v1/requests", {"prompt": "a fox in the snow"}, {"Prefer": "wait=20"})
    assert (response.status, response.json["status"]) == (200, "succeeded")
    assert response.headers["preference-applied"] == "wait=20"
    assert opened(download(response.json["images"][0]["url"])).format == "PNG"


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
    greedy_owner = stack.call("GET", "/v1/me", key=greedy).json["owner_id"]
    table, key = f"{stack.prefix}-requests", {"pk": {"S": f"WAITS#{greedy_owner}"}, "sk": {"S": "SLOTS"}}
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
    assert opened(download(data["url"])).size == (1024, 1024)
    assert data["generationTime"] > 0
    assert stack.get_request(data["id"])["status"] == "succeeded"


def test_a_legacy_client_gets_an_error_for_a_blocked_prompt(stack: System) -> None:
    response = stack.call("POST", "/api/images/generate", {"prompt": "n4k3d w0man, p.o.r.n"}, {"Prefer": "wait"})
    assert (response.status, response.json["success"]) == (400, False)
    assert response.json["errors"][0]["field"] == "prompt"
