"""Records the signals that other services publish."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final, Protocol

from events.catalog.budget_changed import BudgetChanged
from events.catalog.budget_exhausted import BudgetExhausted
from events.catalog.model_lifecycle_changed import ModelLifecycleChanged
from events.envelope import Event
from services.intake.signals import SERVED, BudgetSignal, ModelSignal

BUDGET_GRACE: Final = timedelta(seconds=30)
"""After an operator changed the budget, generation may still refuse by the old limit. Such refusals are ignored."""


class RecordStore(Protocol):
    """The items that hold all signals."""

    def save_model(self, key: str, signal: ModelSignal) -> None:
        """Save the signal of a model, unless a later one is stored."""

    def save_budget(self, signal: BudgetSignal | None, at: datetime) -> None:
        """Save the rest of the budget (None: it covers every image), unless something later than ``at`` is stored."""


class SignalRecorder:
    """Records the signals that other services publish."""

    def __init__(self, store: RecordStore) -> None:
        self._store = store

    def record(self, event: Event) -> list[Event]:
        """Record the signal of an event. Nothing follows from it."""
        at = event.metadata.occurred_at
        if isinstance(event, ModelLifecycleChanged):
            data = event.data
            ends_at = data.ends_at or (None if data.status in SERVED else at)
            end_of_life = ends_at.date() if ends_at else None
            self._store.save_model(data.model, ModelSignal(data.status, end_of_life, data.sequence))
        elif isinstance(event, BudgetExhausted):
            midnight = datetime.combine(event.data.day + timedelta(days=1), datetime.min.time(), UTC)
            until = None if event.data.limit_usd == 0 else midnight
            self._store.save_budget(BudgetSignal(event.data.left_usd, until), at)
        elif isinstance(event, BudgetChanged):
            stopped = BudgetSignal(Decimal(0), None) if event.data.limit_usd == 0 else None
            self._store.save_budget(stopped, at + BUDGET_GRACE)
        return []
