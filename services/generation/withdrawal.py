"""Stops generation for cancelled and expired requests."""

from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from events.catalog.generation_withdrawn import GenerationWithdrawn, GenerationWithdrawnData
from events.envelope import Event
from events.options import Billed
from kit.clock import Clock
from services.generation.models import Withdrawal

if TYPE_CHECKING:  # generation.generate, which publishes the same event, consumes neither of them
    from events.catalog.request_cancelled import RequestCancelled
    from events.catalog.request_expired import RequestExpired


class Tombstones(Protocol):
    """The tombstones in the ledger."""

    def add_tombstone(self, request_id: str, at: datetime) -> None:
        """Keep all further leases of a request from being taken. A second tombstone changes nothing."""

    def billed(self, request_id: str) -> Billed:
        """Return whether images of a request were paid for, with a consistent read."""

    def record_withdrawal(self, request_id: str, withdrawal: Withdrawal) -> Withdrawal:
        """Record ``withdrawal`` in the tombstone unless it has one. Return the recorded one."""


def withdraw(event: "RequestCancelled | RequestExpired", tombstones: Tombstones, clock: Clock) -> list[Event]:
    """Keep the request from being paid for, and return ``GenerationWithdrawn``: the same event for every delivery.

    The tombstone is written first. So a lease is either refused by it or seen by the read after it.
    """
    request_id = event.metadata.request_id
    tombstones.add_tombstone(request_id, event.metadata.occurred_at)
    found = Withdrawal(tombstones.billed(request_id), clock.now())
    return [withdrawn_event(event, tombstones.record_withdrawal(request_id, found))]


def withdrawn_event(cause: Event, withdrawal: Withdrawal) -> GenerationWithdrawn:
    """Return the event that generation stopped."""
    data = GenerationWithdrawnData(billed=withdrawal.billed)
    return GenerationWithdrawn.follow(cause, data, occurred_at=withdrawal.at)
