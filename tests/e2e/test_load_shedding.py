"""Load shedding on the deployed system: while a step stands still, new requests are refused by priority."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from services.intake.shedding import CROWD
from tests.support.system import Response, System

STEP, QUEUE = "generation.generate", "generation-generate"
HOUR = 3600
CACHED = 75
"""Seconds until every container of the API has read the decision; the signals are cached for 30."""


@pytest.fixture
def bounds(stack: System) -> Iterator[Callable[..., None]]:
    """Return a function that changes after how many seconds the sweeper refuses low, normal and high priority."""
    name = f"{stack.prefix}-intake-sweep"
    before = stack.client("lambda").get_function_configuration(FunctionName=name)["Environment"]["Variables"]

    def change(*seconds: int) -> None:
        stack.restart("intake-sweep", SHED_AFTER_SECONDS=",".join(map(str, seconds)))

    yield change
    stack.restart("intake-sweep", SHED_AFTER_SECONDS=before["SHED_AFTER_SECONDS"])


def post(stack: System, key: str) -> Response:
    return stack.call("POST", "/v1/requests", {"prompt": "a heron in a queue"}, key=key)


def test_low_priority_is_refused_first_and_accepted_requests_finish(stack: System, bounds: Callable[..., None]) -> None:
    keys = {
        priority: stack.stack.make_key(f"of-{priority}", priority=priority) for priority in ("low", "normal", "high")
    }
    accepted: dict[str, str] = {}
    """The key of each request."""

    def statuses() -> list[int]:
        """Return what new requests are answered, low priority first."""
        stack.invoke("intake-sweep:live")
        answers = [post(stack, key) for key in keys.values()]
        for key, answer in zip(keys.values(), answers, strict=True):
            if answer.status == 202:
                accepted[answer.json["id"]] = key
            else:
                assert answer.json["code"] == "overloaded", answer.content
                assert 30 <= int(answer.headers["retry-after"]) <= 60
        return [answer.status for answer in answers]

    def wait_for(*wanted: int) -> None:
        def found() -> bool:
            return statuses() == list(wanted)

        stack.wait_until(found, seconds=CACHED, every=5, what=f"new requests to be answered with {wanted}")

    resume = stack.pause(QUEUE)
    try:
        for _ in range(CROWD):
            answer = post(stack, keys["normal"])
            accepted[answer.json["id"]] = keys["normal"]
        bounds(1, HOUR, HOUR)
        wait_for(503, 202, 202)
        await_readiness(stack, "low", STEP)

        bounds(1, 2, HOUR)
        wait_for(503, 503, 202)
        await_readiness(stack, "normal", STEP)

        waiting = next(iter(accepted))
        path = f"/v1/requests/{waiting}"
        assert stack.call("GET", path, key=accepted[waiting]).status == 200, "reads are not refused"
        assert stack.call("POST", f"{path}/cancel", key=accepted[waiting]).status == 200, (
            "cancellations are not refused"
        )
        dry = stack.call("POST", "/v1/requests?dry_run=true", {"prompt": "a heron"}, key=keys["low"])
        assert dry.status == 200, dry.content
    finally:
        resume()

    for request_id, key in accepted.items():
        wanted = "cancelled" if request_id == waiting else "succeeded"

        def view(request_id: str = request_id, key: str = key, wanted: str = wanted) -> Any:
            found = stack.call("GET", f"/v1/requests/{request_id}", key=key).json
            assert found["status"] in {"accepted", "generating", "checking", "storing", wanted}, json.dumps(found)
            return found["status"] == wanted

        stack.wait_until(view, seconds=120, every=0.2, what=f"{request_id} to be {wanted}")

    wait_for(202, 202, 202)
    await_readiness(stack, "none")


def await_readiness(stack: System, shedding: str, step: str = "") -> None:
    """Wait until the readiness shows up to which priority requests are refused, and for which step others wait."""

    def shown() -> bool:
        stack.invoke("intake-sweep:live")
        found = stack.call("GET", "/health/ready", key=stack.stack.admin_key).json
        return found["shedding"] == shedding and step in " ".join(found["attention"])

    stack.wait_until(shown, seconds=60, every=2, what=f"the readiness to show {shedding} {step}")
