"""`smoke` generates and verifies an image through the deployed API."""

import json
from typing import Any

from local.build import version
from tests.support.system import System


def smoke(stack: System, *arguments: str) -> tuple[int, Any, str]:
    """Run the smoke test; return its exit code, its report and what it wrote for people."""
    done = stack.ops("smoke", "--api-url", stack.stack.api_url, "--output", "json", *arguments)
    return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr


def keys_of_smoke_tests(stack: System) -> list[str]:
    """Return the status of every key that a smoke test created."""
    listed = json.loads(stack.ops("keys", "list", "--output", "json").stdout)
    return [key["status"] for key in listed if key["owner"] == "smoke-test"]


def test_a_new_key_is_used_and_revoked(stack: System) -> None:
    code, report, text = smoke(stack, "--yes", "--expect-version", version())

    assert code == 0, text
    assert report["passed"]
    assert [check["check"] for check in report["checks"]] == ["version", "request", "generation", "image"]
    assert report["checks"][-1]["detail"].startswith("image/png ")
    assert "$0.04 at list price" in text
    assert "generation: succeeded" in text
    assert set(keys_of_smoke_tests(stack)) == {"revoked"}


def test_a_given_key_and_model_are_used(stack: System) -> None:
    before = len(keys_of_smoke_tests(stack))
    code, report, text = smoke(stack, "--yes", "--key", stack.stack.api_key, "--model", "sd3.5-large")
    request_id = report["checks"][1]["detail"]

    assert code == 0, text
    assert stack.get_request(request_id)["images"][0]["model"] == "sd3.5-large"
    assert len(keys_of_smoke_tests(stack)) == before


def test_a_wrong_version_fails_without_a_key_or_a_request(stack: System) -> None:
    before = len(keys_of_smoke_tests(stack))
    code, report, _ = smoke(stack, "--yes", "--expect-version", "0.0.0")

    assert code == 1
    assert [(check["check"], check["passed"]) for check in report["checks"]] == [("version", False)]
    assert len(keys_of_smoke_tests(stack)) == before


def test_a_refused_key_fails(stack: System) -> None:
    code, report, _ = smoke(stack, "--yes", "--key", "gik_wrong")

    assert code == 1
    assert "POST /v1/requests returns 403" in report["checks"][-1]["detail"]


def test_without_confirmation_nothing_is_sent(stack: System) -> None:
    code, report, text = smoke(stack)

    assert (code, report) == (6, None)
    assert "$0.04 at list price" in text
