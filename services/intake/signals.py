"""Signals that affect new requests: models at their end of life, the daily budget, stopped writes, and load shedding.

A few small items hold all of them, so that the API knows them with one read per ``PERIOD``.
`signal_recorder.py` records them; it imports their events, which the API does not need at cold start.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Protocol

from kit.clock import Clock

if TYPE_CHECKING:
    from events.catalog.model_lifecycle_changed import LifecycleStatus
    from kit.callers import Priority

PERIOD: Final = 30.0
"""Seconds between two reads of one container. For so long, it may accept requests that it should refuse."""
SERVED: Final = frozenset({"active", "legacy"})
"""The lifecycle statuses in which Bedrock serves a model."""


@dataclass(frozen=True)
class ModelSignal:
    """The lifecycle of a model, as the model sentinel published it."""

    status: "LifecycleStatus"
    end_of_life: date | None
    """If Bedrock reports no date, the day on which the end of life was noticed."""
    sequence: int


@dataclass(frozen=True)
class BudgetSignal:
    """The rest of the daily budget, since it did not cover an image or an operator stopped generation."""

    left_usd: Decimal
    """The highest price of an image that is still generated."""
    until: datetime | None
    """When the budget is renewed; None if an operator stopped generation."""

    def covers(self, price_usd: Decimal, now: datetime) -> bool:
        """Return whether an image of this price is generated ``now``."""
        return price_usd <= self.left_usd or (self.until is not None and self.until <= now)


@dataclass(frozen=True)
class StopSignal:
    """An operator has stopped writes: nothing new is accepted (ADR 36)."""

    reason: str
    since: datetime


@dataclass(frozen=True)
class ShedSignal:
    """Requests have waited for a step for too long: keys up to a priority are refused (ADR 44)."""

    up_to: "Priority"
    step: str
    """The step for which they wait."""
    seconds: int
    """How long they have waited."""
    until: datetime
    """When the signal ends, unless the sweeper renews it."""


@dataclass(frozen=True)
class Signals:
    """All signals."""

    models: Mapping[str, ModelSignal] = field(default_factory=dict)
    budget: BudgetSignal | None = None
    """None: the budget has covered every image since it was last changed."""
    stopped: StopSignal | None = None
    """None: writes are open."""
    active_elsewhere: str | None = None
    """The active region, if it is not this one, or ``changing``. None: this region accepts new requests."""
    shed: ShedSignal | None = None
    """None: no request has waited for too long."""

    @property
    def unavailable_models(self) -> frozenset[str]:
        """The keys of the models that Bedrock no longer serves."""
        return frozenset(key for key, model in self.models.items() if model.status not in SERVED)

    @property
    def ends_of_life(self) -> dict[str, date | None]:
        """The end of life of each model, None if it is not known to end."""
        return {key: model.end_of_life for key, model in self.models.items()}


class SignalStore(Protocol):
    """The items that hold all signals."""

    def read(self) -> Signals:
        """Return all signals."""


class SignalCache:
    """The signals, at most ``PERIOD`` old."""

    def __init__(self, store: SignalStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._known = Signals()
        self._read = -math.inf

    def current(self) -> Signals:
        """Return the signals, and read them again if they are too old."""
        if self._clock.monotonic() - self._read >= PERIOD:
            self._known = self._store.read()
            self._read = self._clock.monotonic()
        return self._known
