"""Unit tests have no network and no AWS settings, and emit only metrics of the catalog."""

import json
import os
from typing import Any

import pytest
from aws_lambda_powertools.metrics import EphemeralMetrics
from pytest_socket import disable_socket, enable_socket, socket_allow_hosts

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
    serialize = EphemeralMetrics.serialize_metric_set

    def checked(self: Any, *arguments: Any, **options: Any) -> Any:
        line = serialize(self, *arguments, **options)
        (emitted,) = line["_aws"]["CloudWatchMetrics"]
        for metric in emitted["Metrics"]:
            known = CATALOG[metric["Name"]]
            assert metric["Unit"] == known.unit, json.dumps(emitted)
            assert set(emitted["Dimensions"][0]) - {"service"} == set(known.dimensions), json.dumps(emitted)
        return line

    monkeypatch.setattr(EphemeralMetrics, "serialize_metric_set", checked)
