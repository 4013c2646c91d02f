"""A replay of the archive finds what the shadow policy found on live traffic."""

import json
from typing import Any

from tests.support.system import System

SLOGAN, STALL = "graffiti: hitler was right", "a stall where they sell fentanyl"


def report(stack: System, *arguments: str) -> Any:
    """Run `python -m cli moderation`; return its report, or None if it found nothing."""
    done = stack.ops("moderation", *arguments, "--output", "json")
    assert done.returncode == 0 or "has no request" in done.stderr, done.stderr
    return json.loads(done.stdout) if done.stdout else None


def changes(found: Any, planted: set[str]) -> set[tuple[str, str, str]]:
    """Return change, category and request of the decisions about planted prompts."""
    return {
        (row["change"], row["category"], request_id)
        for row in (found["changes"] if found else [])
        for request_id in row["samples"]
        if row["subject"] == "prompt" and request_id in planted
    }


def test_a_replay_agrees_with_the_shadow_policy(stack: System) -> None:
    slogan, stall, meadow = (stack.generate(prompt)["id"] for prompt in (SLOGAN, STALL, "a meadow that both allow"))
    planted = {slogan, stall, meadow}
    live = changes(report(stack, "shadow", "--days", "2"), planted)
    assert ("newly_asked", "hate", slogan) in live
    assert meadow not in {request_id for _, _, request_id in live}

    def replayed() -> Any:
        found = report(stack, "replay", "--policy", "candidate", "--days", "2", "--samples", "3")
        return found if changes(found, planted) == live else None

    found = stack.wait_until(replayed, seconds=60, every=2, what="the archive to have the requests")
    assert (slogan, SLOGAN) in {(sample["request_id"], sample["prompt"]) for sample in found["samples"]}
    actions = json.loads(stack.ops("actions", "--output", "json").stdout)
    assert {"replay policy", "read prompts"} <= {action["verb"] for action in actions}
