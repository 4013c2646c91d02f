"""With ``Cache=valkey``, functions use a Valkey server. Killing it amid traffic loses and breaks nothing."""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from events.pipeline import TERMINAL
from kit.cache import client
from local.stack import LocalStack
from local.valkey import ValkeyServer
from tests.support.system import Response, System

REQUESTS = 12
"""Before, during and after the outage each."""


@pytest.fixture(scope="module")
def cached(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Return a system of its own with a cache. After its last test, the audit must find every rule kept."""
    with LocalStack(
        tmp_path_factory.mktemp("cached"),
        progress=lambda text: print(text, flush=True),
        parameters={"Cache": "valkey"},
    ) as running:
        system = System(running)
        yield system
        report = system.audit("--pause", "2")
        assert report["violations"] == [], json.dumps(report["violations"], indent=2)
        assert report["complete"]


def server_of(system: System) -> ValkeyServer:
    """Return the Valkey server of a system."""
    assert system.stack.cache
    return system.stack.cache


def names(system: System) -> list[str]:
    """Return the names of all entries."""
    return sorted(client(server_of(system).address, "").scan_iter())


@contextmanager
def without_cache(system: System) -> Iterator[None]:
    """Kill the server, and start an empty one at the end."""
    server = server_of(system)
    server.kill()
    try:
        yield
    finally:
        server.start()
        server.wait_until_ready()


def accept(system: System, prompt: str) -> Response:
    """POST a request."""
    return system.call("POST", "/v1/requests", {"prompt": prompt})


def counted(system: System) -> int:
    """Return the images that the cache counts."""
    server = client(server_of(system).address, "")
    return sum(int(server.hget(name, "count") or 0) for name in names(system) if name.startswith("intake:rate:"))


def readiness(system: System) -> Any:
    """Return the readiness, whatever its status."""
    return system.call("GET", "/health/ready", key=system.stack.admin_key).json


def test_functions_use_the_cache(cached: System) -> None:
    before = counted(cached)
    preferences = cached.call("PUT", "/v1/preferences", {"theme": "dark"})
    shown = cached.call("GET", "/v1/preferences")
    request = cached.generate("a heron in the reeds at dawn")

    assert (preferences.status, shown.json["theme"], request["status"]) == (200, "dark", "succeeded")
    assert counted(cached) == before + 1
    assert any(name.startswith("accounts:preferences:own_") for name in names(cached))
    cached.wait_until(
        lambda: readiness(cached)["status"] == "ok" and any(name.startswith("operations:") for name in names(cached)),
        what="a readiness in the cache",
    )


def test_killing_the_cache_in_the_middle_of_traffic_loses_nothing(cached: System) -> None:
    accepted: list[Response] = []
    killed, restarted = threading.Event(), threading.Event()

    def traffic() -> None:
        for number in range(3 * REQUESTS):
            if number == REQUESTS:
                killed.wait(30)
            if number == 2 * REQUESTS:
                restarted.wait(30)
            accepted.append(accept(cached, f"a lighthouse number {number}"))

    thread = threading.Thread(target=traffic)
    thread.start()
    cached.wait_until(lambda: len(accepted) >= REQUESTS // 2, what="traffic")
    with without_cache(cached):
        killed.set()
        cached.wait_until(lambda: len(accepted) >= 2 * REQUESTS, seconds=60, what="traffic without a cache")
        theme = cached.call("PUT", "/v1/preferences", {"theme": "light"})
        shown = cached.call("GET", "/v1/preferences")
        degraded = cached.wait_until(
            lambda: found if (found := readiness(cached))["status"] != "ok" else None, what="a readiness that tells"
        )
    restarted.set()
    thread.join(60)

    assert Counter(response.status for response in accepted) == {202: 3 * REQUESTS}
    assert (theme.status, shown.json["theme"]) == (200, "light")
    assert degraded["status"] == "degraded", degraded
    assert [each for each in degraded["attention"] if each.startswith("cache: ")], degraded
    for response in accepted:
        assert cached.wait_for_status(response.json["id"], *TERMINAL)["status"] == "succeeded"
    cached.wait_until(lambda: readiness(cached)["status"] == "ok", what="a readiness without the outage")


def test_limits_hold_per_outage(cached: System) -> None:
    limit = 5
    key = cached.stack.make_key("patient", limit=limit, window_seconds=24 * 3600)

    def admitted() -> int:
        statuses = [
            cached.call("POST", "/v1/requests", {"prompt": "a quiet harbour"}, key=key).status for _ in range(limit + 2)
        ]
        assert set(statuses) <= {202, 429}
        return statuses.count(202)

    assert admitted() == limit
    with without_cache(cached):
        assert admitted() == limit, "the table counts from zero"
        assert admitted() == 0
    again = cached.wait_until(admitted, what="the cache to be used again")
    assert again + admitted() == limit, "it has lost its data"


def test_an_erasure_deletes_the_copy_and_names_the_cache(cached: System) -> None:
    key = cached.stack.make_key("leaving")
    me = cached.call("GET", "/v1/me", key=key).json
    cached.call("PUT", "/v1/preferences", {"theme": "dark"}, key=key)
    name = f"accounts:preferences:{me['owner_id']}"
    assert name in names(cached)

    started = cached.call("DELETE", "/v1/me", key=key)
    assert started.status == 202, started.content
    server = client(server_of(cached).address, "")
    cached.wait_until(lambda: not server.hget(name, "preferences"), seconds=60, what="the copy to be deleted")
