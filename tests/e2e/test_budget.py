"""The daily budget on the deployed system: it stops generation, then new requests, until an operator changes it."""

import json
import time
from collections.abc import Iterator
from decimal import Decimal

import pytest

from tests.support.system import Response, System

BODY = {"prompt": "A lighthouse at dusk"}
GENERATION_STOPS_WITHIN, INTAKE_STOPS_WITHIN = 10, 60
"""Seconds, as the runbook says."""


@pytest.fixture(scope="module", autouse=True)
def _limits_of_this_file_are_forgotten(stack: System) -> Iterator[None]:
    """Give the functions new containers at the end: theirs may use an old limit for a while."""
    yield

    def forgotten() -> bool:
        key = {"pk": {"S": "SIGNALS"}, "sk": {"S": "NOW"}}
        item = stack.client("dynamodb").get_item(TableName=f"{stack.prefix}-requests", Key=key)["Item"]
        return "left_usd" not in item["budget"]["M"]

    stack.wait_until(forgotten, seconds=60, what="intake to forget the last limit")
    stack.restart("generation-generate", "intake-api", "intake-facade")


@pytest.fixture
def deployed_budget(stack: System) -> Iterator[None]:
    yield
    assert stack.ops("costs", "budget", "clear", "--yes").returncode == 0


@pytest.mark.usefixtures("deployed_budget")
def test_a_spent_budget_stops_generation_and_intake_until_it_is_cleared(stack: System) -> None:
    done = stack.ops("costs", "budget", "set", "0.01", "--yes", "--operator", "on-call")
    assert done.returncode == 0, done.stderr
    reasons: list[str] = []

    def refused() -> Response | None:
        response = stack.call("POST", "/v1/requests", BODY)
        if response.status == 503:
            return response
        view = stack.wait_for_status(str(response.json["id"]), "failed", "succeeded")
        reasons.append(view["reason"]["code"] if view["status"] == "failed" else "generated")
        return None

    response = stack.wait_until(refused, seconds=120, every=1, what="new requests to be refused")
    assert response.json["code"] == "budget_exhausted"
    assert 0 < int(response.headers["retry-after"]) <= 86_400
    assert reasons[-1] == "budget_exhausted"
    assert json.loads(stack.ops("costs", "budget", "show", "--output", "json").stdout)["override_usd"] == "0.01"

    assert stack.ops("costs", "budget", "clear", "--yes", "--operator", "on-call").returncode == 0

    stack.wait_until(lambda: _generated(stack), seconds=120, every=1, what="generation to resume")
    shown = stack.wait_until(lambda: _costs_by_model(stack), seconds=90, what="the cost of an image")
    assert all(float(row["models_usd"]) > 0 for row in shown.values())

    trail = json.loads(stack.ops("actions", "--output", "json").stdout)
    found = [(action["verb"], action["operator"]) for action in trail if action["verb"].startswith("budget")]
    assert found[:2] == [("budget clear", "on-call"), ("budget set", "on-call")]


@pytest.mark.usefixtures("deployed_budget")
def test_the_emergency_brake_stops_generation_and_intake(stack: System) -> None:
    letters, resume = dead_letters(stack), stack.pause("generation-generate")
    try:
        in_progress = stack.post(**BODY)
        assert stack.ops("costs", "budget", "set", "0", "--yes", "--operator", "on-call").returncode == 0
        set_at = time.monotonic()

        def refused() -> Response | None:
            response = stack.call("POST", "/v1/requests", BODY)
            return response if response.status == 503 and time.monotonic() - set_at > GENERATION_STOPS_WITHIN else None

        response = stack.wait_until(refused, seconds=INTAKE_STOPS_WITHIN, every=1, what="new requests to be refused")
    finally:
        resume()
    assert response.json["code"] == "budget_exhausted"
    assert response.json["detail"] == "Image generation is stopped by the operator. Try again later."
    assert response.headers["retry-after"] == "300"

    view = stack.wait_for_status(in_progress, "failed")
    assert view["reason"]["code"] == "budget_exhausted"
    assert dead_letters(stack) == letters
    assert "generation is stopped" in stack.ops("costs", "budget", "show").stdout

    assert stack.ops("costs", "budget", "clear", "--yes", "--operator", "on-call").returncode == 0
    stack.wait_until(lambda: _generated(stack), seconds=120, every=1, what="generation to resume")


@pytest.mark.usefixtures("deployed_budget")
def test_an_image_dearer_than_the_rest_refuses_only_its_request(stack: System) -> None:
    assert stack.ops("costs", "budget", "set", "0.10", "--yes").returncode == 0
    dear = {**BODY, "model": "stable-image-ultra", "failover": False}

    def refused() -> Response | None:
        response = stack.call("POST", "/v1/requests", dear)
        return response if response.status == 503 else None

    response = stack.wait_until(refused, seconds=150, every=2, what="the dear request to be refused")
    assert response.json["code"] == "budget_exhausted"
    assert "covers only models up to" in response.json["detail"]
    accepted = stack.call("POST", "/v1/requests", BODY)
    assert accepted.status == 202
    assert stack.wait_for_status(str(accepted.json["id"]), "failed", "succeeded")["status"] == "succeeded"


@pytest.mark.usefixtures("deployed_budget")
def test_a_check_without_an_image_counts_in_the_budget(stack: System) -> None:
    assert stack.ops("costs", "budget", "set", "50", "--yes").returncode == 0
    before = _spent(stack)

    def counted() -> bool:
        assert stack.call("POST", "/v1/moderations", BODY).status == 200
        return _spent(stack) > before

    stack.wait_until(counted, seconds=60, every=1, what="a check to be counted")


def test_a_budget_below_zero_is_refused_with_a_sentence(stack: System) -> None:
    done = stack.ops("costs", "budget", "set", "-5", "--yes")
    assert done.returncode == 2
    assert "'-5' is not an amount from 0 to 1000000, such as 12.50" in done.stderr


def dead_letters(stack: System) -> int:
    """Return the number of messages in the dead-letter queues."""
    urls = stack.client("sqs").list_queues(QueueNamePrefix=stack.prefix)["QueueUrls"]
    names = [url.rpartition("/")[2].removeprefix(f"{stack.prefix}-") for url in urls if url.endswith("-dlq")]
    assert len(names) > 5
    return sum(stack.queue_depth(name) for name in names)


def _spent(stack: System) -> Decimal:
    return Decimal(json.loads(stack.ops("costs", "budget", "show", "--output", "json").stdout)["spent_usd"])


def _generated(stack: System) -> bool:
    accepted = stack.call("POST", "/v1/requests", BODY)
    if accepted.status != 202:
        return False
    return bool(stack.wait_for_status(str(accepted.json["id"]), "failed", "succeeded")["status"] == "succeeded")


def _costs_by_model(stack: System) -> dict[str, dict[str, str]]:
    done = stack.ops("costs", "show", "--by", "model", "--output", "json")
    assert done.returncode == 0, done.stderr
    rows: dict[str, dict[str, str]] = json.loads(done.stdout)["rows"]
    return rows
