"""Unit tests see no network and no AWS settings of whoever runs them."""

import os

import pytest
from pytest_socket import disable_socket, enable_socket, socket_allow_hosts

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
