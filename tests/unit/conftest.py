"""Unit tests have no network and no AWS settings, and emit only metrics of the catalog."""

import json
import os
from types import SimpleNamespace
from typing import Any

import pytest
from pytest_socket import disable_socket, enable_socket, socket_allow_hosts

from kit import telemetry
from kit.metrics import CATALOG

LOOPBACK = ["127.0.0.1", "localhost"]


@pytest.fixture(autouse=True)
def _no_network(request: pytest.FixtureRequest) -> None:
    """Block sockets; the model stand-in is a server, so its tests may talk to loopback."""
    if request.node.path.parent.name == "local":
        enable_socket()
        socket_allow_hosts(LOOPBACK)
    else:
        disable_socket(allow_unix_socket=True)


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the environment's AWS settings."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _explained_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare every emitted metric with the catalog: name, unit and dimensions."""
    dumps = json.dumps

    def checked(line: Any, **options: Any) -> str:
        for emitted in line["_aws"]["CloudWatchMetrics"]:
            for metric in emitted["Metrics"]:
                known = CATALOG[metric["Name"]]
                assert metric["Unit"] == known.unit, dumps(emitted)
                assert set(emitted["Dimensions"][0]) == set(known.dimensions), dumps(emitted)
        return dumps(line, **options)

    monkeypatch.setattr(telemetry, "json", SimpleNamespace(dumps=checked))
