"""What integration tests share: an environment for moto, templates as data, and a Valkey server."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from kit.cache import Cache, client
from local.emulator import HOST, free_port
from local.valkey import ValkeyServer
from tests.support import templates


@pytest.fixture
def aws_test_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials that work nowhere, and no endpoint but moto's."""
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


@pytest.fixture(scope="session")
def service_template() -> Callable[[str], dict[str, Any]]:
    """Return the function that reads a service's template as plain data."""
    return templates.service_template


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    """Start a Valkey server, which all tests of a worker share."""
    server = ValkeyServer(tmp_path_factory.mktemp("valkey"), port=free_port())
    server.start()
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.stop()


@pytest.fixture
def cache(valkey: ValkeyServer) -> Cache:
    """Return an empty cache. It has more time than in production, because tests share a machine."""
    connection = client(valkey.address, "")
    connection.flushall()
    return Cache(connection, seconds=10)


@pytest.fixture
def dead_cache() -> Cache:
    """Return a cache that nobody serves."""
    return Cache(client(f"{HOST}:{free_port()}", ""))
