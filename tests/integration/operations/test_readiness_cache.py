"""The shared readiness: one suite for the fake and for the cache on a Valkey server."""

from datetime import UTC, datetime
from typing import Any

import pytest

from kit.cache import Cache, CacheUnavailableError
from services.operations.health import Dependency, Readiness
from services.operations.readiness_cache import SharedReadiness
from tests.unit.operations.test_readiness import InMemoryReadiness

FOUND = Readiness(
    status="ok",
    version="v1",
    boto3_version="1.43.0",
    checked_at=datetime(2026, 11, 29, 12, tzinfo=UTC),
    writes="open",
    shedding="none",
    attention=[],
    dependencies=[Dependency(name="cache", reachable=True, status="ok", milliseconds=1)],
    steps=[],
)


@pytest.fixture(params=["fake", "valkey"])
def shared(request: pytest.FixtureRequest, cache: Cache) -> Any:
    return InMemoryReadiness() if request.param == "fake" else SharedReadiness(cache, "v1")


def test_a_state_is_read_unchanged(shared: Any) -> None:
    assert shared.read() is None
    shared.write(FOUND)
    assert shared.read() == FOUND
    shared.ping()


def test_a_state_expires(cache: Cache) -> None:
    SharedReadiness(cache, "v1").write(FOUND)

    (lifetime,) = cache.call(lambda server: [server.ttl(name) for name in server.scan_iter()])
    assert 0 < lifetime <= 10


def test_versions_do_not_read_each_other(cache: Cache) -> None:
    SharedReadiness(cache, "v1").write(FOUND)

    assert SharedReadiness(cache, "v2").read() is None


def test_a_cache_that_is_down_has_no_state_and_says_so(dead_cache: Cache) -> None:
    shared = SharedReadiness(dead_cache, "v1")
    shared.write(FOUND)

    assert shared.read() is None
    with pytest.raises(CacheUnavailableError):
        shared.ping()
