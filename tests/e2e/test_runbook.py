"""The runbook's commands work unchanged, and the API does the same."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from local.emulator import ROOT
from tests.support.system import System

PROMPT = "a bittern that operators do not see"


def commands() -> list[str]:
    """Return the commands of the runbook's entry on stalled requests."""
    page = (ROOT / "docs" / "runbook.md").read_text()
    (entry,) = re.findall(r"^## Requests stall\n(.*?)(?=^## )", page, re.MULTILINE | re.DOTALL)
    (block,) = re.findall(r"^```sh run\n(.*?)^```", entry, re.MULTILINE | re.DOTALL)
    return [line for line in block.splitlines() if line]


def run(stack: System, command: str, request_id: str) -> str:
    """Run a command of the runbook in a shell with credentials for the stack, and return its output."""
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": os.environ.get("HOME", "/"),
        **stack.stack.environment,
        "ID": request_id,
    }
    # The virtual environment exists. AWS=1: this stack, not the one that `make run` may have started.
    make = 'make() { command make -s -o .venv/ready AWS=1 "$@"; }'
    done = subprocess.run(
        ["bash", "-euc", f"{make}\n{command}"],
        capture_output=True,
        text=True,
        env=environment,
        cwd=ROOT,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    assert PROMPT not in done.stdout + done.stderr, "prompts are not shown"
    return " ".join(done.stdout.split())


def stalled(stack: System) -> tuple[str, Callable[[], None]]:
    """Let a request stall on a missing image. Return its id and a function that restores the image."""
    s3, bucket = stack.client("s3"), stack.outputs["HandoffBucketName"]
    resume = stack.pause("storage-store")
    try:
        request_id = stack.post(prompt=PROMPT)
        stack.wait_for_status(request_id, "storing")
        (found,) = s3.list_objects_v2(Bucket=bucket, Prefix=f"raw/{request_id}/")["Contents"]
        content = s3.get_object(Bucket=bucket, Key=found["Key"])["Body"].read()
        s3.delete_object(Bucket=bucket, Key=found["Key"])
    finally:
        resume()
    stack.wait_for_status(request_id, "stalled")
    return request_id, lambda: s3.put_object(Bucket=bucket, Key=found["Key"], Body=content)


@pytest.mark.skipif(shutil.which("make") is None, reason="the runbook's commands need make")
def test_three_commands_find_explain_and_replay_a_stalled_request(stack: System) -> None:
    find, explain, replay = commands()
    request_id, restore = stalled(stack)

    assert "storage.store 1" in run(stack, find, request_id)
    explanation = run(stack, explain, request_id)
    for text in ("not in the hand-off bucket", "fix the code", "stalled", "ImageApproved", "ProcessingStalled"):
        assert text in explanation
    restore()
    assert "canary_passed" in run(stack, replay, request_id)

    view = stack.wait_for_status(request_id, "succeeded")
    assert "MessageReplayed" in [moment["event"] for moment in view["timeline"]]
    assert stack.queue_depth("storage-store-dlq") == 0
    assert "1 replayed" in run(stack, "make ops ARGS=actions", request_id)


def test_the_api_finds_explains_and_replays_a_stalled_request(stack: System) -> None:
    admin = stack.stack.admin_key
    request_id, restore = stalled(stack)

    def get(path: str) -> dict[str, list[dict[str, object]]]:
        response = stack.call("GET", f"/v1/operations/{path}", key=admin)
        assert response.status == 200, response.content
        assert PROMPT.encode() not in response.content
        found: dict[str, list[dict[str, object]]] = response.json
        return found

    (row,) = [row for row in get("queues")["queues"] if row["dead"]]
    assert (row["step"], row["kind"]) == ("storage.store", "poison")
    (group,) = get("dead-letters")["groups"]
    (letter,) = get(f"dead-letters/{group['fingerprint']}")["letters"]
    assert (letter["request_id"], letter["status"]) == (request_id, "stalled")
    assert stack.call("GET", "/v1/operations/queues").status == 403, "for operators only"

    preview = stack.call("POST", "/v1/operations/replays", {"request_id": request_id, "dry_run": True}, key=admin)
    assert [outcome["verdict"] for outcome in preview.json["outcomes"]] == ["replay"]
    restore()
    body = {"fingerprint": group["fingerprint"], "canary": True}
    response = stack.call("POST", "/v1/operations/replays", body, key=admin)
    assert response.status == 200, response.content
    assert [outcome["action"] for outcome in response.json["outcomes"]] == ["replayed", "canary_passed"]

    stack.wait_for_status(request_id, "succeeded")
    newest = get("actions?limit=1")["actions"][0]
    assert (newest["action_id"], newest["outcome"]) == (response.json["action_id"], {"replayed": 1, "canary_passed": 1})
    assert newest["operator"] != ""


def test_an_edited_message_ends_the_stall_and_its_request_succeeds(stack: System) -> None:
    request_id, restore = stalled(stack)
    restore()
    (group,) = stack.call("GET", "/v1/operations/dead-letters", key=stack.stack.admin_key).json["groups"]
    path = f"/v1/operations/dead-letters/{group['fingerprint']}"
    (letter,) = stack.call("GET", path, key=stack.stack.admin_key).json["letters"]
    change = f"edit {letter['event_id']} --set data.parameters.steps=30"

    shown = run(stack, f'make dlq ARGS="{change}"', request_id)
    assert "data.parameters.steps" in shown
    assert stack.get_request(request_id)["status"] == "stalled"
    assert "sent as event" in run(stack, f'make dlq ARGS="{change} --send --yes"', request_id)

    view = stack.wait_for_status(request_id, "succeeded")
    assert len(view["images"]) == 1
    assert stack.queue_depth("storage-store-dlq") == 0


def test_a_quarantined_message_leaves_its_request_stalled_until_release(stack: System) -> None:
    admin = stack.stack.admin_key
    request_id, restore = stalled(stack)

    response = stack.call("POST", "/v1/operations/quarantine", {"request_id": request_id}, key=admin)
    assert response.status == 200, response.content
    assert stack.queue_depth("storage-store-dlq") == 0
    assert stack.get_request(request_id)["status"] == "stalled"
    (kept,) = stack.call("GET", "/v1/operations/quarantine", key=admin).json["letters"]
    assert kept["request_id"] == request_id

    restore()
    assert "canary_passed" in run(stack, 'make dlq ARGS="release --request $ID --canary --yes"', request_id)
    stack.wait_for_status(request_id, "succeeded")
    assert stack.call("GET", "/v1/operations/quarantine", key=admin).json["letters"] == []
