"""The cache on a Valkey server, without one, and with one that does not answer."""

import json
import socket
import time
from collections.abc import Iterator
from threading import Event
from urllib.parse import parse_qs, urlsplit

import pytest

from kit.cache import (
    PAUSE_SECONDS,
    SECONDS,
    SOCKET_SECONDS,
    TOKEN_SECONDS,
    Cache,
    CacheUnavailableError,
    IamToken,
    client,
    connected,
)
from local.emulator import HOST, free_port
from local.valkey import ValkeyServer
from tests.support.clock import FakeClock


@pytest.fixture
def silent_address() -> Iterator[str]:
    """Yield the address of a server that accepts connections and never answers."""
    with socket.create_server((HOST, 0)) as server:
        yield f"{HOST}:{server.getsockname()[1]}"


def failures(text: str) -> list[dict[str, object]]:
    """Return the lines of the metric for failures."""
    lines = [json.loads(line) for line in text.splitlines()]
    return [line for line in lines if "cache_failures" in line]


def test_a_command_returns_what_the_server_answers(cache: Cache) -> None:
    assert cache.call(lambda server: server.set("one", "1", ex=60))
    assert cache.call(lambda server: server.get("one")) == "1"


def test_the_function_connects_when_it_starts(valkey: ValkeyServer) -> None:
    found = connected(valkey.address, "")

    assert found is connected(valkey.address, ""), "one connection per function"
    deadline, watching = time.monotonic() + 10, client(valkey.address, "")
    while not any(each["cmd"] == "ping" for each in watching.client_list()):
        assert time.monotonic() < deadline


def test_a_caller_does_not_wait_for_a_server_that_is_silent(silent_address: str) -> None:
    silent = Cache(client(silent_address, ""))
    started = time.monotonic()

    with pytest.raises(CacheUnavailableError, match="TimeoutError"):
        silent.call(lambda server: server.get("one"))
    assert SECONDS == 0.05
    assert time.monotonic() - started < SOCKET_SECONDS / 2, "it did not wait for the command to end"


def test_a_dead_cache_is_tried_once_per_pause(valkey: ValkeyServer, capsys: pytest.CaptureFixture[str]) -> None:
    clock, port = FakeClock(), free_port()
    found = Cache(client(f"{HOST}:{port}", ""), clock=clock.monotonic)

    for _ in range(3):
        with pytest.raises(CacheUnavailableError):
            found.call(lambda server: server.get("alice@example.com"))
    clock.advance(PAUSE_SECONDS)
    with pytest.raises(CacheUnavailableError):
        found.call(lambda server: server.get("alice@example.com"))

    output = capsys.readouterr().out
    assert [line["reason"] for line in failures(output)] == ["ConnectionError"] * 2
    assert "alice" not in output


def test_a_cache_that_returns_is_used_after_the_pause(valkey: ValkeyServer) -> None:
    clock = FakeClock()
    found = Cache(client(valkey.address, ""), seconds=10, clock=clock.monotonic)
    with pytest.raises(CacheUnavailableError, match="ResponseError"):
        found.call(lambda server: server.execute_command("NO SUCH COMMAND"))

    with pytest.raises(CacheUnavailableError):
        found.call(lambda server: server.ping())
    clock.advance(PAUSE_SECONDS)
    assert found.call(lambda server: server.ping())


def test_no_command_queues_behind_a_late_one(valkey: ValkeyServer) -> None:
    clock, released = FakeClock(), Event()
    found = Cache(client(valkey.address, ""), clock=clock.monotonic)
    with pytest.raises(CacheUnavailableError):
        found.call(lambda _: released.wait())

    clock.advance(PAUSE_SECONDS)
    began: list[bool] = []
    with pytest.raises(CacheUnavailableError):
        found.call(lambda _: began.append(True))
    released.set()
    assert began == []


def test_a_token_is_a_signed_url_of_the_role(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "us-west-2")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "session")

    user, token = IamToken("genai-images-prod-cache").get_credentials()

    url = urlsplit(f"//{token}")
    query = {name: values[0] for name, values in parse_qs(url.query).items()}
    assert (user, url.netloc, url.path) == ("genai-images-prod-cache", "genai-images-prod-cache", "/")
    assert (query["Action"], query["User"], query["ResourceType"]) == ("connect", user, "ServerlessCache")
    assert query["X-Amz-Credential"].startswith("AKID/")
    assert query["X-Amz-Credential"].endswith("/us-west-2/elasticache/aws4_request")
    assert (query["X-Amz-Expires"], query["X-Amz-Security-Token"]) == (str(TOKEN_SECONDS), "session")
    assert len(query["X-Amz-Signature"]) == 64
    assert "hidden" not in token


def test_elasticache_is_called_with_tls_and_a_token() -> None:
    pool = client("genai-images-prod-cache-abc123.serverless.usw2.cache.amazonaws.com:6379", "cache").connection_pool

    assert pool.connection_class.__name__ == "SSLConnection"
    assert isinstance(pool.connection_kwargs["credential_provider"], IamToken)
    assert pool.connection_kwargs["port"] == 6379
