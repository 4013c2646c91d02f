"""The model sentinel on the deployed system: new requests avoid a model at its end of life."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from services.intake.signals import PERIOD
from tests.support.system import System

CORE = "stability.stable-image-core-v1:1"


def run_sentinel(stack: System) -> Any:
    """Run the sentinel as its schedule does."""
    return stack.invoke("operations-sentinel")


def lifecycle(stack: System, model: str) -> str:
    """Return the lifecycle of a model as the API shows it."""
    return str(stack.call("GET", f"/v1/models/{model}").json["lifecycle"])


@pytest.fixture
def forgetful(stack: System) -> Iterator[None]:
    """Delete the stored lifecycles afterwards, because other tests change them."""
    yield
    dynamodb = stack.client("dynamodb")
    memory = f"{stack.prefix}-operations"
    found = dynamodb.query(
        TableName=memory,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": "MODELS"}},
    )["Items"]
    for item in found:
        dynamodb.delete_item(TableName=memory, Key={"pk": item["pk"], "sk": item["sk"]})
    dynamodb.delete_item(TableName=f"{stack.prefix}-requests", Key={"pk": {"S": "SIGNALS"}, "sk": {"S": "NOW"}})
    forgotten = time.monotonic() + PERIOD
    stack.wait_until(lambda: time.monotonic() > forgotten, seconds=PERIOD + 5, what="every cache to be read anew")


def test_new_requests_avoid_a_model_at_its_end_of_life(stack: System, forgetful: None) -> None:
    assert lifecycle(stack, "stable-image-core") == "active"
    stack.models("POST", "/_lifecycle", {CORE: "ENDED"})
    assert run_sentinel(stack)["published"] > 0
    assert run_sentinel(stack)["published"] == 0, "a known change is not published again"
    stack.wait_until(
        lambda: lifecycle(stack, "stable-image-core") == "end_of_life",
        seconds=PERIOD + 20,
        what="intake to know of the end",
    )

    stack.models("DELETE", "/_calls")
    view = stack.generate("a heron by the river")
    assert view["status"] == "succeeded"
    assert view["images"][0]["model"] != "stable-image-core"
    asked = [call["model"] for call in stack.models("GET", "/_calls")["calls"] if call["operation"] == "invoke"]
    assert asked
    assert not any("core" in model for model in asked), asked

    refused = stack.call("POST", "/v1/requests", {"prompt": "a heron", "model": "stable-image-core", "failover": False})
    assert (refused.status, refused.json["code"]) == (422, "model_end_of_life")
    assert refused.json["errors"][0]["successor"] == "stable-image-ultra"

    stack.models("DELETE", "/_lifecycle")
    assert run_sentinel(stack)["published"] == 1
    stack.wait_until(
        lambda: lifecycle(stack, "stable-image-core") == "active", seconds=PERIOD + 20, what="intake to know it is back"
    )
    assert stack.generate("a heron by the river again")["images"][0]["model"] == "stable-image-core"
