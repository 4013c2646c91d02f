"""`account check` on the local stack."""

import json
from typing import Any

from tests.support.system import System

CORE = "stability.stable-image-core-v1:1"


def check(stack: System) -> tuple[int, dict[str, Any]]:
    """Run the command; return its exit code and the findings by subject."""
    done = stack.ops("account", "check", "--output", "json")
    assert done.stdout, done.stderr
    return done.returncode, {finding["subject"]: finding for finding in json.loads(done.stdout)}


def test_the_local_account_lacks_nothing_and_the_rest_is_unknown(stack: System) -> None:
    code, found = check(stack)

    assert code == 0
    assert found[f"{CORE} in us-west-2"]["state"] == "ok"
    assert found["Lambda concurrency"]["state"] == "ok"
    assert found["CloudFront"]["state"] == "ok"
    assert found["Bedrock quotas"]["state"] == "unknown", "the emulator has no Service Quotas"


def test_a_model_that_bedrock_does_not_offer_is_missing(stack: System) -> None:
    stack.models("POST", "/_lifecycle", {CORE: "ENDED"})
    try:
        code, found = check(stack)
    finally:
        stack.models("DELETE", "/_lifecycle")

    assert code == 3
    assert found[f"{CORE} in us-west-2"]["state"] == "missing"
    assert found[f"{CORE} in us-west-2"]["fix"]
