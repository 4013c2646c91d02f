"""Durations: how long requests take from accepted to succeeded, per model, as an exponentially weighted average.

The tracker records them, the API estimates from them. Both do so at most once per ``PERIOD``, so that no request pays a
call for it.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Final, Protocol

from kit.clock import Clock

WEIGHT: Final = 0.1
"""The weight of a new sample; the average so far has the rest."""
PERIOD: Final = 300.0
"""Seconds between two writes, or two reads, of one container: an average changes slowly."""


class DurationStore(Protocol):
    """The averages: seconds per model."""

    def read(self) -> Mapping[str, float]:
        """Return all averages."""

    def write(self, averages: Mapping[str, float]) -> None:
        """Write averages; those of other models stay. The last writer wins, since these are estimates."""


class DurationRecorder:
    """Collects durations and writes them periodically."""

    def __init__(self, store: DurationStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._samples: dict[str, list[float]] = {}
        self._written = -math.inf

    def record(self, model: str, seconds: float) -> None:
        """Record the duration of one request."""
        self._samples.setdefault(model, []).append(seconds)
        if self._clock.monotonic() - self._written >= PERIOD:
            self._flush()

    def _flush(self) -> None:
        self._written = self._clock.monotonic()  # before the calls: a store that fails is not called for every request
        known = self._store.read()
        self._store.write({model: average(known.get(model), samples) for model, samples in self._samples.items()})
        self._samples = {}


def average(known: float | None, samples: Iterable[float]) -> float:
    """Return the weighted average after ``samples``, oldest first."""
    for sample in samples:
        known = sample if known is None else known + WEIGHT * (sample - known)
    assert known is not None  # noqa: S101 - there is no flush without a sample
    return known


class Estimates:
    """Estimated durations, read at most once per ``PERIOD``."""

    def __init__(self, store: DurationStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._known: Mapping[str, float] = {}
        self._read = -math.inf

    def seconds(self, models: Iterable[str]) -> int | None:
        """Return the estimate for the first of ``models`` that has one, in whole seconds. None if none has one."""
        if self._clock.monotonic() - self._read >= PERIOD:
            self._known = self._store.read()
            self._read = self._clock.monotonic()
        known = next((self._known[model] for model in models if model in self._known), None)
        return None if known is None else max(1, math.ceil(known))
