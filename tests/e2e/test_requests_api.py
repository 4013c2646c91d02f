"""What a caller of the request API is promised, on the real template with IAM in force."""

import hashlib
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.system import Response, System

CALLERS = 8
"""Threads. More would only queue in the emulator."""


def at_once(times: int, call: Callable[[int], Response]) -> list[Response]:
    with ThreadPoolExecutor(CALLERS) as callers:
        return list(callers.map(call, range(times)))


def paid_calls(stack: System, prompt: str) -> int:
    """Return how many images of a prompt were paid for."""
    digest = hashlib.sha256(prompt.encode()).hexdigest()
    calls = stack.models("GET", "/_calls")["calls"]
    return sum(call["paid"] for call in calls if call["operation"] == "invoke" and call["prompt_sha256"] == digest)


@pytest.fixture
def nobody_screens(stack: System) -> Iterator[Callable[[], None]]:
    """Hold requests before their prompt is screened; call it to let them go on."""
    go_on = stack.pause("moderation-prompt")
    yield go_on
    go_on()


def test_of_150_concurrent_requests_of_a_key_exactly_100_are_accepted_and_none_that_is_taken_back_is_paid(
    stack: System, nobody_screens: Callable[[], None]
) -> None:
    key, prompt = stack.stack.make_key("crowd"), "a crowd of a hundred and fifty"
    stack.wait_until(lambda: time.time() % 900 < 840, seconds=90, what="a window that does not end meanwhile")
    answers = at_once(150, lambda _: stack.call("POST", "/v1/requests", {"prompt": prompt}, key=key))

    assert Counter(answer.status for answer in answers) == {202: 100, 429: 50}
    told = [re.fullmatch(r'"default";r=(\d+);t=(\d+)', answer.headers["ratelimit"]) for answer in answers]
    assert all(answer.headers["ratelimit-policy"] == '"default";q=100;w=900' for answer in answers)
    left = [int(found[1]) for answer, found in zip(answers, told, strict=True) if found and answer.status == 202]
    assert sorted(left) == list(range(100)), "everybody is told another number of what is left"
    for answer in answers:
        if answer.status == 429:
            assert answer.json["code"] == "rate_limited"
            assert answer.headers["ratelimit"] == f'"default";r=0;t={answer.headers["retry-after"]}'
            assert 1 <= int(answer.headers["retry-after"]) <= 1800

    ids = [answer.json["id"] for answer in answers if answer.status == 202]
    assert len(set(ids)) == 100
    cancelled = at_once(100, lambda n: stack.call("POST", f"/v1/requests/{ids[n]}/cancel", key=key))
    assert {(answer.status, answer.json["status"]) for answer in cancelled} == {(200, "cancelled")}
    assert listed(stack, key, "limit=30&status=cancelled") == sorted(ids, reverse=True)
    stack.wait_until(lambda: not stack.queue_depth("generation-tombstones"), what="generation to know")
    nobody_screens()
    stack.wait_until(lambda: not stack.queue_depth("moderation-prompt"), seconds=90, what="prompts to be screened")
    stack.wait_until(
        lambda: not stack.queue_depth("generation-generate"), seconds=60, what="generation to look at them"
    )
    assert paid_calls(stack, prompt) == 0


def listed(stack: System, key: str, query: str) -> list[str]:
    """Return the ids on all pages of a list."""
    found, cursor = [], ""
    while True:
        answer = stack.call("GET", f"/v1/requests?{query}{cursor}", key=key)
        assert answer.status == 200, answer.content
        found += [entry["id"] for entry in answer.json["requests"]]
        if "next_cursor" not in answer.json:
            return found
        cursor = f"&cursor={answer.json['next_cursor']}"


def test_twenty_racing_callers_with_one_idempotency_key_make_one_request_and_one_image(stack: System) -> None:
    key, prompt = stack.stack.make_key("racers"), "a race of twenty"
    repeatable = {"idempotency-key": "race-20"}
    body = {"prompt": prompt}
    answers = at_once(20, lambda _: stack.call("POST", "/v1/requests", body, repeatable, key=key))

    assert {answer.status for answer in answers} == {202}
    assert len({(answer.content, answer.headers["location"]) for answer in answers}) == 1
    request_id = answers[0].json["id"]
    assert listed(stack, key, "limit=10") == [request_id]
    fresh = stack.call("POST", "/v1/requests?dry_run=true", body, key=key)
    assert fresh.status == 200

    def ended() -> Any:
        view = stack.call("GET", f"/v1/requests/{request_id}", key=key).json
        return view if view["status"] == "succeeded" else None

    view = stack.wait_until(ended, seconds=60, what="the image")
    assert len(view["images"]) == paid_calls(stack, prompt) == 1
    other = stack.call("POST", "/v1/requests", {"prompt": "another"}, repeatable, key=key)
    assert (other.status, other.json["code"]) == (422, "idempotency_key_reused")
    spent = stack.call("POST", "/v1/requests", {"prompt": "a second one, not to wait for"}, key=key)
    assert spent.headers["ratelimit"].startswith('"default";r=98;'), "twenty callers were charged once"


def test_a_blocked_prompt_is_given_back(stack: System) -> None:
    key = stack.stack.make_key("unlucky", limit=1)
    assert stack.call("POST", "/v1/requests", {"prompt": "a beheading"}, key=key).status == 202

    def taken() -> Any:
        answer = stack.call("POST", "/v1/requests", {"prompt": "a lighthouse after all"}, key=key)
        assert answer.status in {202, 429}
        return answer if answer.status == 202 else None

    assert stack.wait_until(taken, what="the charge to come back").json["status"] == "accepted"


def test_models_are_listed_and_how_long_they_take_is_told_once_that_is_known(stack: System) -> None:
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
        what="the tracker to hear of it",
    )
    assert gone["status"] == "succeeded"
    assert "url" not in gone["images"][0]
