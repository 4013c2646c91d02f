"""With ``GuardrailId``, a guardrail screens prompts and images of the deployed system, which may call it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from local.bedrock.guardrail import GUARDRAIL_ID, GUARDRAIL_VERSION
from tests.support.system import System, own_system

VERSION = f"+{GUARDRAIL_ID}:{GUARDRAIL_VERSION}"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Return a system of its own, with a guardrail."""
    with own_system(
        tmp_path_factory.mktemp("guarded"),
        parameters={"GuardrailId": GUARDRAIL_ID, "GuardrailVersion": GUARDRAIL_VERSION},
    ) as system:
        yield system


@pytest.fixture(autouse=True)
def _without_faults(guarded: System) -> Iterator[None]:
    yield
    guarded.models("DELETE", "/_faults")


def policies(request: Any) -> dict[str, str]:
    """Return the version of the policy of each event in a timeline that has one."""
    return {entry["event"]: entry["policy_version"] for entry in request["timeline"] if entry.get("policy_version")}


def raw_images(system: System, request_id: str) -> int:
    """Return the number of raw images of a request in the hand-off bucket."""
    (bucket,) = (each["Name"] for each in system.client("s3").list_buckets()["Buckets"] if "-handoff-" in each["Name"])
    return int(system.client("s3").list_objects_v2(Bucket=bucket, Prefix=f"raw/{request_id}/")["KeyCount"])


def test_the_account_check_knows_the_guardrail(guarded: System) -> None:
    checked = guarded.ops("account", "check", "--output", "json")
    states = {finding["subject"].split(" in ")[0]: finding["state"] for finding in json.loads(checked.stdout)}
    assert states[f"Guardrail {GUARDRAIL_ID}:{GUARDRAIL_VERSION}"] == "ok"


def test_a_harmless_request_passes_the_guardrail(guarded: System) -> None:
    request = guarded.generate("A lighthouse at dusk")
    assert request["status"] == "succeeded", request
    assert policies(request)["ImageApproved"].endswith(VERSION)
    counts = guarded.models("GET", "/_calls")["counts"]["by_operation"]
    assert counts["guardrail"] == counts["guardrail_image"] == 1
    assert "guardrail" in guarded.call("GET", "/v1/models/stable-image-core").json["safety_layers"]


def test_a_prompt_that_claude_allows_is_rejected_by_the_guardrail(guarded: System) -> None:
    request = guarded.generate("A birthday card for ada@example.com")
    assert request["status"] == "rejected", request
    assert (request["reason"]["code"], request["reason"]["category"]) == ("guardrail_intervened", "unclassified")
    assert policies(request)["PromptRejected"].endswith(VERSION)
    checked = guarded.call("POST", "/v1/moderations", {"prompt": "A birthday card for ada@example.com"}).json
    assert (checked["allowed"], checked["layer"]) == (False, "guardrail")


def test_an_image_that_the_guardrail_blocks_is_deleted_at_once(guarded: System) -> None:
    guarded.models("POST", "/_faults", {"operation": "guardrail_image", "effect": "intervene", "labels": ["HATE"]})
    request = guarded.generate("A lighthouse at noon")
    assert (request["status"], request["reason"]["category"]) == ("rejected", "hate"), request
    assert policies(request)["ImageRejected"].endswith(VERSION)
    assert raw_images(guarded, request["id"]) == 0


def test_nothing_passes_while_the_guardrail_is_throttled(guarded: System) -> None:
    guarded.models("POST", "/_faults", {"operation": "guardrail", "effect": "throttle", "times": 2})
    request = guarded.generate("A lighthouse at dawn")
    assert request["status"] == "succeeded", request
    (rule,) = guarded.models("GET", "/_faults")["faults"]
    assert rule["used"] == 2
