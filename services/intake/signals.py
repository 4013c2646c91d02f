"""What other services told that decides whether, and by which model, a new request is taken: ended models, the budget.

One small item holds all of it, so that knowing it costs a request one read now and then.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Final, Protocol

from events.catalog.budget_changed import BudgetChanged
from events.catalog.budget_exhausted import BudgetExhausted
from events.catalog.model_lifecycle_changed import LifecycleStatus, ModelLifecycleChanged
from events.envelope import Event

PERIOD: Final = 30.0
"""Seconds between two reads of one container: so long a request may still be taken that should not be."""
OLD_LIMIT_HOLDS: Final = timedelta(seconds=30)
"""After an operator changed the budget: drawing may still refuse by the limit before, and that closes nothing."""


@dataclass(frozen=True)
class ModelSignal:
    """How a model stands, as the sentinel told."""

    status: LifecycleStatus
    ends_on: date | None
    """Of one that has ended, when: where Bedrock does not say, when that was noticed."""
    sequence: int


@dataclass(frozen=True)
class Signals:
    """All that was told."""

    models: Mapping[str, ModelSignal] = field(default_factory=dict)
    spent_until: datetime | None = None
    """The day's budget for drawing was spent, and the next one begins then."""

    @property
    def ended(self) -> frozenset[str]:
        """Keys of the models that are known to be served no longer."""
        return frozenset(key for key, model in self.models.items() if model.status == "ended")

    @property
    def ends(self) -> dict[str, date | None]:
        """When each model ends, None where no end is in sight."""
        return {key: model.ends_on for key, model in self.models.items()}


class SignalStore(Protocol):
    """The one item."""

    def read(self) -> Signals:
        """Return all that was told."""

    def note_model(self, key: str, signal: ModelSignal) -> None:
        """Keep how a model stands, unless a later change is known."""

    def note_budget(self, spent_until: datetime | None, at: datetime) -> None:
        """Keep until when the budget is spent, or that it is not, unless something later than ``at`` is known."""


class SignalCache:
    """The signals as they were at most ``PERIOD`` ago."""

    def __init__(self, store: SignalStore, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._known = Signals()
        self._read = -math.inf

    def current(self) -> Signals:
        """Return what is known, read anew where it is too old."""
        if self._clock() - self._read >= PERIOD:
            self._known = self._store.read()
            self._read = self._clock()
        return self._known


def note(store: SignalStore, event: Event) -> list[Event]:
    """Keep what an event tells. Nothing follows from it."""
    if isinstance(event, ModelLifecycleChanged):
        data = event.data
        noticed = event.metadata.occurred_at if data.status == "ended" else None
        ends_at = data.ends_at or noticed
        store.note_model(data.model, ModelSignal(data.status, ends_at.date() if ends_at else None, data.sequence))
    elif isinstance(event, BudgetExhausted):
        midnight = datetime.combine(event.data.day + timedelta(days=1), datetime.min.time(), UTC)
        store.note_budget(midnight, event.metadata.occurred_at)
    elif isinstance(event, BudgetChanged):
        store.note_budget(None, event.metadata.occurred_at + OLD_LIMIT_HOLDS)
    return []
