"""The daily budget on the deployed system: it stops generation, then new requests, until an operator clears it."""

import json
from collections.abc import Iterator

import pytest

from tests.support.system import Response, System

BODY = {"prompt": "A lighthouse at dusk"}


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

    def generated() -> bool:
        accepted = stack.call("POST", "/v1/requests", BODY)
        if accepted.status != 202:
            return False
        return bool(stack.wait_for_status(str(accepted.json["id"]), "failed", "succeeded")["status"] == "succeeded")

    stack.wait_until(generated, seconds=120, every=1, what="generation to resume")
    shown = stack.wait_until(lambda: _costs_by_model(stack), seconds=90, what="the cost of an image")
    assert all(float(row["models_usd"]) > 0 for row in shown.values())

    trail = json.loads(stack.ops("actions", "--output", "json").stdout)
    found = [(action["verb"], action["operator"]) for action in trail if action["verb"].startswith("budget")]
    assert found[:2] == [("budget clear", "on-call"), ("budget set", "on-call")]


def _costs_by_model(stack: System) -> dict[str, dict[str, str]]:
    done = stack.ops("costs", "show", "--by", "model", "--output", "json")
    assert done.returncode == 0, done.stderr
    rows: dict[str, dict[str, str]] = json.loads(done.stdout)["rows"]
    return rows
