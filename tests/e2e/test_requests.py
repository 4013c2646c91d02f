"""Promises of the request API on the deployed system: limits, idempotency, refunds, estimates."""

import hashlib
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import pytest

from events.pipeline import TERMINAL
from tests.support.system import Response, System

CALLERS = 8
"""Threads. More would only queue in the emulator."""


def concurrently(times: int, call: Callable[[int], Response]) -> list[Response]:
    with ThreadPoolExecutor(CALLERS) as callers:
        return list(callers.map(call, range(times)))


def paid_calls(stack: System, prompt: str) -> int:
    """Return the number of paid images of a prompt."""
    digest = hashlib.sha256(prompt.encode()).hexdigest()
    calls = stack.models("GET", "/_calls")["calls"]
    return sum(call["paid"] for call in calls if call["operation"] == "invoke" and call["prompt_sha256"] == digest)


@pytest.fixture
def paused_moderation(stack: System) -> Iterator[Callable[[], None]]:
    """Pause the moderation of prompts, and return a function that resumes it."""
    resume = stack.pause("moderation-prompt")
    yield resume
    resume()


def test_exactly_100_of_150_concurrent_requests_pass_the_limit_of_100(
    stack: System, paused_moderation: Callable[[], None]
) -> None:
    key, prompt = stack.stack.make_key("crowd"), "a crowd of a hundred and fifty"
    stack.wait_until(lambda: time.time() % 900 < 840, seconds=90, what="a rate limit window long enough for the test")
    responses = concurrently(150, lambda _: stack.call("POST", "/v1/requests", {"prompt": prompt}, key=key))

    assert Counter(response.status for response in responses) == {202: 100, 429: 50}
    limits = [re.fullmatch(r'"default";r=(\d+);t=(\d+)', response.headers["ratelimit"]) for response in responses]
    assert all(response.headers["ratelimit-policy"] == '"default";q=100;w=900' for response in responses)
    left = [
        int(found[1]) for response, found in zip(responses, limits, strict=True) if found and response.status == 202
    ]
    assert sorted(left) == list(range(100)), "every response has another number of remaining requests"
    for response in responses:
        if response.status == 429:
            assert response.json["code"] == "rate_limited"
            assert response.headers["ratelimit"] == f'"default";r=0;t={response.headers["retry-after"]}'
            assert 1 <= int(response.headers["retry-after"]) <= 1800

    ids = [response.json["id"] for response in responses if response.status == 202]
    assert len(set(ids)) == 100
    cancelled = concurrently(100, lambda n: stack.call("POST", f"/v1/requests/{ids[n]}/cancel", key=key))
    assert {(response.status, response.json["status"]) for response in cancelled} == {(200, "cancelled")}
    assert [entry["id"] for entry in pages(stack, key, "requests", "limit=30&status=cancelled")] == sorted(
        ids, reverse=True
    )
    stack.wait_until(lambda: not stack.queue_depth("generation-tombstones"), what="tombstones in generation")
    paused_moderation()
    stack.wait_until(lambda: not stack.queue_depth("moderation-prompt"), seconds=90, what="prompts to be moderated")
    stack.wait_until(lambda: not stack.queue_depth("generation-generate"), seconds=60, what="generation to skip them")
    assert paid_calls(stack, prompt) == 0


def pages(stack: System, key: str, collection: str, query: str = "limit=100") -> list[dict[str, Any]]:
    """Return the entries on all pages of a list."""
    found, cursor = [], ""
    while True:
        response = stack.call("GET", f"/v1/{collection}?{query}{cursor}", key=key)
        assert response.status == 200, response.content
        found += response.json[collection]
        if "next_cursor" not in response.json:
            return found
        cursor = f"&cursor={response.json['next_cursor']}"


def test_twenty_racing_calls_with_one_idempotency_key_make_one_image(stack: System) -> None:
    key, prompt = stack.stack.make_key("racers"), "a race of twenty"
    repeatable = {"idempotency-key": "race-20"}
    body = {"prompt": prompt}
    responses = concurrently(20, lambda _: stack.call("POST", "/v1/requests", body, repeatable, key=key))

    assert {response.status for response in responses} == {202}
    assert len({(response.content, response.headers["location"]) for response in responses}) == 1
    request_id = responses[0].json["id"]
    assert [entry["id"] for entry in pages(stack, key, "requests", "limit=10")] == [request_id]
    fresh = stack.call("POST", "/v1/requests?dry_run=true", body, key=key)
    assert fresh.status == 200

    def succeeded() -> Any:
        view = stack.call("GET", f"/v1/requests/{request_id}", key=key).json
        return view if view["status"] == "succeeded" else None

    view = stack.wait_until(succeeded, seconds=60, what="the image")
    assert len(view["images"]) == paid_calls(stack, prompt) == 1
    other = stack.call("POST", "/v1/requests", {"prompt": "another"}, repeatable, key=key)
    assert (other.status, other.json["code"]) == (422, "idempotency_key_reused")
    spent = stack.call("POST", "/v1/requests", {"prompt": "a second one, not to wait for"}, key=key)
    assert spent.headers["ratelimit"].startswith('"default";r=98;'), "twenty calls were charged once"


def test_a_blocked_prompt_is_refunded(stack: System) -> None:
    key = stack.stack.make_key("unlucky", limit=1)
    assert stack.call("POST", "/v1/requests", {"prompt": "a beheading"}, key=key).status == 202

    def accepted() -> Any:
        response = stack.call("POST", "/v1/requests", {"prompt": "a lighthouse after all"}, key=key)
        assert response.status in {202, 429}
        return response if response.status == 202 else None

    assert stack.wait_until(accepted, what="the refund").json["status"] == "accepted"


def test_models_are_listed_with_an_estimate_of_their_duration(stack: System) -> None:
    view = stack.generate("a lighthouse to measure")
    model = view["images"][0]["model"]

    def estimated() -> Any:
        return stack.call("GET", f"/v1/models/{model}").json.get("estimated_seconds")

    assert stack.wait_until(estimated, seconds=90, what="an estimate") >= 1
    models = stack.call("GET", "/v1/models").json["models"]
    assert {found["key"] for found in models} >= {model, "titan-v2"}
    assert sum(found["default"] for found in models) == 1


def test_a_deleted_image_is_shown_as_deleted(stack: System) -> None:
    view = stack.generate("a lighthouse that did not last")
    (image,) = view["images"]
    assert stack.call("DELETE", f"/v1/images/{image['id']}").status in {200, 202, 204}
    gone = stack.wait_until(
        lambda: stack.get_request(view["id"])["images"][0].get("deleted_at") and stack.get_request(view["id"]),
        what="the tracker to process ImageDeleted",
    )
    assert gone["status"] == "succeeded"
    assert "url" not in gone["images"][0]


def test_no_image_of_200_raced_cancellations_is_visible_afterwards(stack: System) -> None:
    key = stack.stack.make_key("canceller", limit=1_000)
    pause = Random(10)

    def race(number: int) -> tuple[str, int]:
        body = {"prompt": f"a kite that is cancelled, number {number}"}
        request_id = stack.call("POST", "/v1/requests", body, key=key).json["id"]
        time.sleep(pause.uniform(0, 1.5))  # a race at every stage of the pipeline
        return request_id, stack.call("POST", f"/v1/requests/{request_id}/cancel", key=key).status

    with ThreadPoolExecutor(CALLERS) as callers:
        answers = dict(callers.map(race, range(200)))
    assert set(answers.values()) <= {200, 409}
    cancelled = {request_id for request_id, status in answers.items() if status == 200}
    assert len(cancelled) > 20

    def statuses() -> dict[str, str]:
        return {each["id"]: each["status"] for each in pages(stack, key, "requests")}

    stack.wait_until(lambda: TERMINAL.issuperset(statuses().values()), seconds=120, what="every status is terminal")
    stack.wait_until(lambda: not busy_queues(stack), seconds=120, what="every message is consumed")
    succeeded = answers.keys() - cancelled
    assert statuses() == {request_id: "cancelled" if request_id in cancelled else "succeeded" for request_id in answers}
    assert {image["id"] for image in pages(stack, key, "images")} == {f"{request_id}-0" for request_id in succeeded}
    views = [stack.call("GET", f"/v1/requests/{request_id}", key=key).json for request_id in cancelled]
    assert not any(view["images"] for view in views)
    billed = Counter(view["billed"] for view in views)
    generated = sum(any(entry["event"] == "ImageGenerated" for entry in view["timeline"]) for view in views)
    assert billed["true"] >= generated
    print(f"{len(cancelled)} of 200 cancelled, billed: {dict(billed)}")


def busy_queues(stack: System) -> list[str]:
    """Return the queues of tombstones, storage and removal with messages."""
    names = ("generation-tombstones", "storage-tombstones", "generation-generate", "storage-store", "storage-remove")
    return [name for name in (*names, "moderation-image", "intake-track") if stack.queue_depth(name)]
