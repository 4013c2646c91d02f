"""With ``Cache=valkey``, functions use a Valkey server. Killing it amid traffic loses and breaks nothing."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from events.pipeline import TERMINAL
from kit.cache import client
from local.valkey import ValkeyServer
from services.accounts.repository.cached import ERASED
from tests.support.system import Response, System, own_system

REQUESTS = 8
"""Before, during and after the outage each."""


@pytest.fixture(scope="module")
def cached(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Return a system of its own with a cache. After its last test, the audit must find every rule kept."""
    with own_system(
        tmp_path_factory.mktemp("cached"),
        parameters={"Cache": "valkey"},
    ) as system:
        yield system
        system.check_rules()


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


def unreachable(system: System) -> list[str]:
    """Return what the readiness says about the cache."""
    return [each for each in readiness(system)["attention"] if each.startswith("cache: ")]


def test_functions_use_the_cache(cached: System) -> None:
    """A busy machine may take longer than the 50 ms of one call, so each use is repeated until it is in the cache."""

    def counts() -> bool:
        assert accept(cached, "a heron in the reeds at dawn").status == 202
        return counted(cached) > 0

    def copies() -> bool:
        assert cached.call("PUT", "/v1/preferences", {"theme": "dark"}).status == 200
        return any(name.startswith("accounts:preferences:own_") for name in names(cached))

    def shares() -> bool:
        return not unreachable(cached) and any(name.startswith("operations:readiness:") for name in names(cached))

    for use in (counts, copies, shares):
        cached.wait_until(use, every=1, what=f"the cache to be used: {use.__name__}")
    assert cached.call("GET", "/v1/preferences").json["theme"] == "dark"


def test_killing_the_cache_in_the_middle_of_traffic_loses_nothing(cached: System) -> None:
    accepted: list[Response] = []
    killed, restarted = threading.Event(), threading.Event()

    def traffic() -> None:
        for number in range(3 * REQUESTS):
            if number == REQUESTS:
                killed.wait(240)
            if number == 2 * REQUESTS:
                restarted.wait(240)
            accepted.append(accept(cached, f"a lighthouse number {number}"))

    def is_degraded() -> bool:
        found = readiness(cached)  # on a busy machine, another dependency may be late
        unreachable = [each["name"] for each in found["dependencies"] if not each["reachable"]]
        return (found["status"], unreachable) == ("degraded", ["cache"])

    thread = threading.Thread(target=traffic)
    thread.start()
    cached.wait_until(lambda: len(accepted) >= REQUESTS // 2, seconds=120, what="traffic")
    with without_cache(cached):
        killed.set()
        cached.wait_until(lambda: len(accepted) >= 2 * REQUESTS, seconds=240, what="traffic without a cache")
        theme = cached.call("PUT", "/v1/preferences", {"theme": "light"})
        shown = cached.call("GET", "/v1/preferences")
        cached.wait_until(is_degraded, seconds=60, every=1, what="a readiness that is degraded by the cache only")
    restarted.set()
    thread.join(240)

    assert Counter(response.status for response in accepted) == {202: 3 * REQUESTS}
    assert (theme.status, shown.json["theme"]) == (200, "light")
    for response in accepted:
        assert cached.wait_for_status(response.json["id"], *TERMINAL)["status"] == "succeeded"
    cached.wait_until(lambda: not unreachable(cached), every=1, what="a readiness without the outage")


def test_a_limit_is_forgiven_once_per_outage_and_once_per_loss(cached: System) -> None:
    """The server counts up to the limit, the table does, and so does the server that has lost its data."""
    limit = 5
    key = cached.stack.make_key("patient", limit=limit, window_seconds=24 * 3600)

    def admitted() -> int:
        statuses = [
            cached.call("POST", "/v1/requests", {"prompt": "a quiet harbour"}, key=key).status for _ in range(2 * limit)
        ]
        assert set(statuses) <= {202, 429}
        return statuses.count(202)

    before = admitted()
    with without_cache(cached):
        during = admitted()
        assert admitted() == 0, "the table counts, too"
    after = cached.wait_until(admitted, every=1, what="the cache to be used again")
    after += admitted()

    assert limit <= before <= before + during <= 2 * limit
    assert before + during + after <= 3 * limit
    assert admitted() == 0


def test_an_erasure_deletes_the_copy(cached: System) -> None:
    """A busy machine may take longer than 50 ms. Then the copy expires, and the next owner is tried."""
    revisions: list[str | None] = []
    while str(ERASED) not in revisions:
        assert len(revisions) < 3, "no copy was deleted"
        revisions.append(revision_after_erasure(cached, f"leaving-{len(revisions)}"))


def revision_after_erasure(system: System, owner: str) -> str | None:
    """Erase an owner with a copy of preferences. Return the copy's revision once the preferences are gone."""
    key, server = system.stack.make_key(owner), client(server_of(system).address, "")
    name = f"accounts:preferences:{system.call('GET', '/v1/me', key=key).json['owner_id']}"

    def copies() -> bool:
        assert system.call("PUT", "/v1/preferences", {"theme": "dark"}, key=key).status == 200
        return bool(server.hget(name, "preferences"))

    system.wait_until(copies, every=1, what="a copy")
    started = system.call("DELETE", "/v1/me", key=key)
    assert started.status == 202, started.content
    system.wait_until(lambda: not server.hget(name, "preferences"), seconds=90, what="the copy to be gone")
    revision: str | None = server.hget(name, "revision")
    return revision
