"""Traces from CloudWatch's logs and intake's table (moto), and the command line that prints them."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from cli.__main__ import main
from services.operations.tracing.gateways import CloudWatchLogs
from tests.support.installation_on_moto import PREFIX, Installation


@pytest.fixture
def installation(
    aws_test_environment: None, service_template: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Installation]:
    monkeypatch.delenv("GENAI_IMAGES_PREFIX", raising=False)
    with mock_aws():
        yield Installation(service_template)


def write(group: str, *lines: tuple[datetime, str]) -> None:
    """Write log lines of a function."""
    logs = boto3.client("logs")
    name = f"/aws/lambda/{group}"
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName="one")
    events: Any = [{"timestamp": int(at.timestamp() * 1000), "message": text} for at, text in sorted(lines)]
    logs.put_log_events(logGroupName=name, logStreamName="one", logEvents=events)


def batch(step: str, detail_type: str, request_id: str, ended: datetime) -> tuple[datetime, str]:
    """Return what a consumer writes, in Embedded Metric Format."""
    values = {"_aws": {"Timestamp": int(ended.timestamp() * 1000)}, "message": "batch", "step": step, "seconds": 0.25}
    return ended + timedelta(seconds=1), json.dumps({**values, "handled": [[request_id, ["e", detail_type]]]})


def trace(*arguments: str) -> int:
    return main(["trace", "--prefix", PREFIX, "--region", "us-east-1", *arguments])


def test_a_request_is_traced_from_the_table_and_the_logs(
    installation: Installation, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    request_id = installation.create_request(1)
    accepted = installation.requests.read_state(request_id).created_at
    ended = accepted + timedelta(seconds=0.9)
    write(f"{PREFIX}-moderation-prompt", batch("moderation.prompt", "ImageRequested", request_id, ended))
    write(f"{PREFIX}2-moderation-prompt", batch("neighbour.step", "ImageRequested", request_id, ended))

    assert trace(request_id, "--otlp", str(tmp_path / "spans.json")) == 0
    shown = capsys.readouterr().out
    places = [shown.index(word) for word in ("moderation.prompt", "PromptApproved", "ImageGenerated", "ImageStored")]
    assert places == sorted(places)
    assert "succeeded after 4.000 s" in shown
    assert "worked 0.250 s" in shown
    assert "neighbour" not in shown
    assert len(json.loads((tmp_path / "spans.json").read_text())["resourceSpans"]) == 4

    assert trace(request_id, "--output", "json") == 0
    (requested,) = json.loads(capsys.readouterr().out)["events"]
    assert requested["steps"][0]["attempts"] == 1
    assert requested["steps"][0]["waited_seconds"] == pytest.approx(0.65, abs=0.01)


def test_without_logs_the_tree_is_complete_but_has_no_attempts(
    installation: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    request_id = installation.create_request(1)
    assert trace(request_id, "--no-logs") == 0
    shown = capsys.readouterr().out
    assert "ImageStored" in shown
    assert "The logs contain nothing about this request" in shown
    assert "prompt" not in shown.replace("moderation.prompt", "")


def test_an_unknown_request_is_reported(installation: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    assert trace("01a0b9c4-7d2e-7c31-9f60-00000000dead") == 1
    assert "There is no request" in capsys.readouterr().err


def test_only_lines_of_the_request_within_the_window_are_read(installation: Installation) -> None:
    now = datetime.now(UTC)
    write(
        f"{PREFIX}-storage-store",
        (now, json.dumps({"message": "retry", "request_id": "mine"})),
        (now, "START RequestId: mine"),
        (now, json.dumps({"message": "retry", "request_id": "yours"})),
        (now - timedelta(hours=2), json.dumps({"message": "retry", "request_id": "mine"})),
    )
    logs = CloudWatchLogs(boto3.client("logs"), PREFIX)
    lines = logs.about("mine", now - timedelta(hours=1), now + timedelta(hours=1))
    assert [line.values for line in lines] == [{"message": "retry", "request_id": "mine"}]
