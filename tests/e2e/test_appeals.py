"""Appeals on the deployed system: an owner appeals, an operator decides, and a granted request runs to its image."""

from typing import Any

import pytest

from tests.support.system import System

REASON = {"reason": "It is a name."}


def decide(stack: System, request_id: str, decision: str) -> Any:
    """Read and decide an appeal as an operator; return the decided appeal."""
    queue, admin = "/v1/operations/appeals", stack.stack.admin_key
    pending = stack.call("GET", queue, key=admin).json["appeals"]
    assert request_id in [appeal["request_id"] for appeal in pending]
    assert stack.call("GET", f"{queue}/{request_id}", key=admin).json["reason"] == REASON["reason"]
    body = {"decision": decision, "reason": "The policy was applied to a name."}
    response = stack.call("POST", f"{queue}/{request_id}/decision", body, key=admin)
    assert response.status == 200, response.json
    return response.json


@pytest.mark.parametrize(
    ("prompt", "layer"), [("a g-a-n-g-b-a-n-g at dusk", "PromptRejected"), ("a marble statue", "ImageRejected")]
)
def test_a_granted_appeal_runs_the_request_to_its_image(stack: System, prompt: str, layer: str) -> None:
    if layer == "ImageRejected":  # also when it runs again
        rule = {"operation": "detect", "effect": "flag", "labels": ["Explicit Nudity"], "times": 2}
        stack.models("POST", "/_faults", rule)
    rejected = stack.generate(prompt)
    assert rejected["status"] == "rejected"
    assert layer in [entry["event"] for entry in rejected["timeline"]]
    path = f"/v1/requests/{rejected['id']}/appeal"
    assert stack.call("POST", path, REASON).status == 201
    assert stack.call("POST", path, REASON).json["code"] == "already_appealed"

    decided = decide(stack, rejected["id"], "granted")
    again = stack.wait_for_status(decided["granted_request_id"], "succeeded")
    assert again["request"] == rejected["request"], "the same prompt, seed and models"
    assert len(again["images"]) == 1
    assert stack.get_request(rejected["id"])["status"] == "rejected"
    assert stack.call("GET", path).json == decided


def test_a_refused_appeal_leaves_the_rejection(stack: System) -> None:
    rejected = stack.generate("a g-a-n-g-b-a-n-g at dawn")
    path = f"/v1/requests/{rejected['id']}/appeal"
    assert stack.call("POST", path, REASON).status == 201
    decided = decide(stack, rejected["id"], "refused")
    assert "granted_request_id" not in decided
    assert stack.call("GET", path).json["decision_reason"] == "The policy was applied to a name."


def test_a_request_that_was_not_rejected_cannot_be_appealed(stack: System) -> None:
    view = stack.generate("a lighthouse that nobody rejects")
    response = stack.call("POST", f"/v1/requests/{view['id']}/appeal", REASON)
    assert (response.status, response.json["code"]) == (409, "not_appealable")
    assert "succeeded" in response.json["detail"]
