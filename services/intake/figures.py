"""Live figures: how long a request takes from accepted to succeeded, by model, exponentially weighted.

The tracker measures, the API estimates. Neither pays a call an image for it.
"""

import math
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Protocol

WEIGHT: Final = 0.1
"""Of one sample against all before it."""
PERIOD: Final = 30.0
"""Seconds between two writes, or two reads, of one container."""


class FigureStore(Protocol):
    """Where the figures are kept: seconds by model."""

    def read(self) -> Mapping[str, float]:
        """Return what is known."""

    def write(self, figures: Mapping[str, float]) -> None:
        """Keep ``figures``; those of other models stay. The last writer wins: these are estimates."""


class Stopwatch:
    """Gathers durations and writes them now and then."""

    def __init__(self, store: FigureStore, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._samples: dict[str, list[float]] = {}
        self._written = -math.inf

    def note(self, model: str, seconds: float) -> None:
        """Add one request's duration."""
        self._samples.setdefault(model, []).append(seconds)
        if self._clock() - self._written >= PERIOD:
            self._flush()

    def _flush(self) -> None:
        self._written = self._clock()  # before the calls: a store that fails is not asked for every image
        known = self._store.read()
        self._store.write({model: weighted(known.get(model), found) for model, found in self._samples.items()})
        self._samples = {}


def weighted(known: float | None, samples: Iterable[float]) -> float:
    """Return the figure after ``samples``, the oldest first."""
    for sample in samples:
        known = sample if known is None else known + WEIGHT * (sample - known)
    assert known is not None  # noqa: S101 - there is no flush without a sample
    return known


class Estimates:
    """What the figures promise, read at most every ``PERIOD``."""

    def __init__(self, store: FigureStore, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._known: Mapping[str, float] = {}
        self._read = -math.inf

    def seconds(self, models: Iterable[str]) -> int | None:
        """Return how long a request takes, by the first of ``models`` of which that is known; None where of none."""
        if self._clock() - self._read >= PERIOD:
            self._known = self._store.read()
            self._read = self._clock()
        known = next((self._known[model] for model in models if model in self._known), None)
        return None if known is None else max(1, math.ceil(known))
