"""The sockets of a worker: its health check, and the relay of its traces."""

import json
import time
import urllib.error
import urllib.request
from typing import Any

import pytest

from kit import tracing
from kit.worker.health import serve_health
from kit.worker.segments import relay_segments
from tests.support.events import sample

SECONDS = 10.0


def test_the_health_check_says_whether_the_worker_is_stuck() -> None:
    state = {"status": "ok", "messages": 2}
    server = serve_health("127.0.0.1", 0, lambda: state)
    url = f"http://127.0.0.1:{server.server_port}"
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=SECONDS) as answer:
            assert json.load(answer) == state
        state["status"] = "stuck"
        with pytest.raises(urllib.error.HTTPError, match="503"):
            urllib.request.urlopen(f"{url}/healthz", timeout=SECONDS)
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"{url}/other", timeout=SECONDS)
    finally:
        server.shutdown()


def test_a_worker_sends_its_segments_to_x_ray_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    class Client:
        def __init__(self) -> None:
            self.sent: list[str] = []

        def put_trace_segments(self, **arguments: Any) -> None:
            self.sent += arguments["TraceSegmentDocuments"]

    monkeypatch.setenv("TRACING", "on")
    monkeypatch.setenv("AWS_XRAY_DAEMON_ADDRESS", "set by the relay")
    client = Client()
    relay_segments(client)
    tracing.record_events([sample("ImageStored")])
    deadline = time.monotonic() + SECONDS
    while not client.sent:
        assert time.monotonic() < deadline, "no segment arrived"
        time.sleep(0.005)

    assert json.loads(client.sent[0])["name"] == "ImageStored"
