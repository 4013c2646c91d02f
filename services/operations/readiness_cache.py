"""The readiness that all environments of the function share, in the cache (ADR 42)."""

from contextlib import suppress
from typing import Final

from kit.cache import Cache, CacheUnavailableError
from services.operations.health import CACHE_SECONDS, Readiness

KEY: Final = "operations:readiness:"
"""And the version of the installation, because another one may have other fields."""


class SharedReadiness:
    """Implements ``ReadinessStore``."""

    def __init__(self, cache: Cache, version: str) -> None:
        self._cache = cache
        self._key = KEY + version

    def read(self) -> Readiness | None:
        """Return the last state, unless it has expired or the cache is unavailable."""
        with suppress(CacheUnavailableError):
            found = self._cache.call(lambda client: client.get(self._key))
            return Readiness.model_validate_json(found) if found else None
        return None

    def write(self, found: Readiness) -> None:
        """Share a state for as long as it may be shown."""
        with suppress(CacheUnavailableError):
            self._cache.call(lambda client: client.set(self._key, found.model_dump_json(), ex=int(CACHE_SECONDS)))

    def ping(self) -> None:
        """Raise ``CacheUnavailableError`` if the cache is unavailable."""
        self._cache.call(lambda client: client.ping())
