"""With ``Tracing=on``, one request is one trace in X-Ray, from the first event to the last delivery.

The emulator has no X-Ray daemon, so the test is the daemon: the functions send their segments to it.
"""

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.system import System, own_system

STEPS = {"moderation.prompt", "generation.generate", "moderation.image", "storage.store"}


class Daemon:
    """A UDP socket that keeps the segments it receives."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self._segments: list[dict[str, Any]] = []

    def trace(self, request_id: str) -> dict[str, dict[str, Any]]:
        """Return the segments of a request by id."""
        while True:
            try:
                self._segments.append(json.loads(self._socket.recv(65_507).partition(b"\n")[2]))
            except BlockingIOError:
                break
        trace_id = f"1-{request_id.replace('-', '')[:8]}-{request_id.replace('-', '')[8:]}"
        return {segment["id"]: segment for segment in self._segments if segment["trace_id"] == trace_id}

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    """Return a daemon for the functions of this module's stack."""
    found = Daemon()
    yield found
    found.close()


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory, daemon: Daemon) -> Iterator[System]:
    """Return a system of its own, with tracing and the logs that are off by default."""
    with own_system(
        tmp_path_factory.mktemp("traced"),
        parameters={"Tracing": "on", "SocketAccessLogs": "on"},
        variables={"AWS_XRAY_DAEMON_ADDRESS": daemon.address},
    ) as system:
        yield system


def test_a_request_is_one_trace_whose_segments_are_connected(traced: System, daemon: Daemon) -> None:
    request_id = traced.generate("a lapwing on a fence post")["id"]

    def complete() -> Any:
        found = daemon.trace(request_id)
        names = {segment["name"] for segment in found.values()}
        return found if STEPS | {"ImageRequested", "ImageStored"} <= names else None

    segments = traced.wait_until(complete, what="the segments of all steps")
    root = request_id.replace("-", "")[-16:]
    assert {segment["parent_id"] for segment in segments.values()} <= {root, *segments}
    assert all(segment["start_time"] <= segment["end_time"] for segment in segments.values())
    assert not any(segment.get("fault") for segment in segments.values())
    assert "lapwing" not in json.dumps(list(segments.values())), "prompts are not traced"


def test_functions_are_traced_actively_and_both_apis_have_access_logs(traced: System) -> None:
    functions = traced.client("lambda").get_paginator("list_functions").paginate()
    modes = {each["TracingConfig"]["Mode"] for page in functions for each in page["Functions"]}
    apis = traced.client("apigatewayv2")
    stages = [stage for api in apis.get_apis()["Items"] for stage in apis.get_stages(ApiId=api["ApiId"])["Items"]]
    destinations = {stage["AccessLogSettings"]["DestinationArn"].rpartition(":")[2] for stage in stages}

    assert modes == {"Active"}
    assert destinations == {
        f"/aws/vendedlogs/{traced.prefix}-http-access",
        f"/aws/vendedlogs/{traced.prefix}-socket-access",
    }
