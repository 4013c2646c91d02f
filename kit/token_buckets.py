"""Token buckets in memory: how much each key may still use in this execution environment."""

from collections.abc import Callable


class TokenBuckets:
    """One bucket per key. It refills steadily up to its burst, which is what a new key has. Not thread-safe."""

    def __init__(self, max_keys: int, clock: Callable[[], float]) -> None:
        """``clock`` returns seconds. Beyond ``max_keys``, the key that was used the longest time ago is forgotten."""
        self._max_keys = max_keys
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}
        """Key → the tokens that were left at a time."""

    def left(self, key: str, per_second: float, burst: float) -> float:
        """Return the tokens of a key; negative if more were taken than it had."""
        now = self._clock()
        left, since = self._buckets.get(key, (burst, now))
        return min(burst, left + (now - since) * per_second)

    def take(self, key: str, tokens: float, per_second: float, burst: float) -> None:
        """Subtract ``tokens``, even if the key has fewer."""
        left = self.left(key, per_second, burst)
        self._buckets.pop(key, None)  # a dict keeps its order of insertion: the key becomes the newest
        if len(self._buckets) >= self._max_keys:
            del self._buckets[next(iter(self._buckets))]
        self._buckets[key] = (left - tokens, self._clock())
