"""The trace of a request on the deployed system, from the POST to ImageStored."""

import json
from pathlib import Path
from typing import Any

from tests.support.system import System


def test_a_retried_request_is_traced_from_post_to_stored_image(stack: System, tmp_path: Path) -> None:
    prompt = "a heron that leaves footprints"
    rule = {"operation": "invoke", "effect": "throttle", "times": 1, "prompt_contains": prompt}
    stack.models("POST", "/_faults", rule)
    request_id = stack.generate(prompt, seconds=60)["id"]

    def complete_trace() -> Any:
        """Return the steps when the last delivery of each is in the logs, which arrive later than the image."""
        traced = stack.ops("trace", request_id, "--output", "json", "--otlp", str(tmp_path / "spans.json"))
        assert traced.returncode == 0, traced.stderr
        found = steps(json.loads(traced.stdout)["events"])
        outcomes = [step["deliveries"][-1]["outcome"] for step in found if step["deliveries"]]
        return found if outcomes == ["handled"] * 4 else None

    found = stack.wait_until(complete_trace, what="every step in the logs")
    assert [step["step"] for step in found] == [
        "moderation.prompt",
        "generation.generate",
        "moderation.image",
        "storage.store",
    ]
    parameters = found[1]
    assert [delivery["outcome"] for delivery in parameters["deliveries"]] == ["retried", "handled"]
    assert parameters["deliveries"][0]["error"]
    assert [call.split(" in ")[0] for call in parameters["calls"]][-1] == "image 0: stable-image-core generated"
    assert all(step["worked_seconds"] > 0 and step["waited_seconds"] >= 0 for step in found)

    exported = json.loads((tmp_path / "spans.json").read_text())["resourceSpans"]
    spans = [span for one in exported for scope in one["scopeSpans"] for span in scope["spans"]]
    assert {span["traceId"] for span in spans} == {request_id.replace("-", "")}
    assert {"request", "ImageRequested", "ImageStored", "generation.generate"} <= {span["name"] for span in spans}

    printed = stack.ops("trace", request_id)
    assert "ImageStored" in printed.stdout
    assert "heron" not in printed.stdout, "prompts are not shown"


def steps(events: list[Any]) -> list[Any]:
    """Return the steps that led to the last event, from the request on."""
    (event,) = events
    leading = [step for step in event["steps"] if step["events"]]
    return [leading[0], *steps(leading[0]["events"])] if leading else []
