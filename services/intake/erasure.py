"""Erases requests: those of an owner, or the ones that are named."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Protocol

from events.catalog.erasure_started import ErasureStarted
from events.envelope import Event
from events.erasure import StoreReceipt
from kit.clock import Clock
from kit.erasure import answer, list_parts
from services.intake.models import TooLateToCancelError
from services.intake.service import RequestService

STORE = "intake/requests"


class ErasureStore(Protocol):
    """What the request table has of an owner."""

    def request_ids(self, owner: str) -> Iterator[str]:
        """Yield the ids of an owner's requests."""

    def erase_of_owner(self, owner: str) -> int:
        """Delete an owner's idempotency records and waiting calls. Return how many items that were."""

    def erase(self, request_id: str, owner: str, at: datetime) -> bool:
        """Replace a request of ``owner`` with a marker, without which a late event would be an error.

        Return False if it was erased before.
        """


class RequestEraser:
    """Erases requests and answers for intake."""

    def __init__(self, store: ErasureStore, requests: RequestService, clock: Clock, markers_kept: timedelta) -> None:
        self._markers_kept = markers_kept
        self._store = store
        self._requests = requests
        self._clock = clock

    def erase(self, event: ErasureStarted) -> list[Event]:
        """List the requests of an owner, so that every service erases them, or erase the listed ones here."""
        owner = event.metadata.owner
        match event.data.scope:
            case "owner":
                parts, more = list_parts(event, "request", self._store.request_ids(owner))
                erased = StoreReceipt(store=STORE, erased=self._store.erase_of_owner(owner))
                return [*parts, answer(event, "intake", [erased], parts=parts, more=more)]
            case "request":
                return [answer(event, "intake", [self._erase_requests(event.data.request_ids, owner)])]
        return []

    def _erase_requests(self, request_ids: tuple[str, ...], owner: str) -> StoreReceipt:
        now, erased = self._clock.now(), 0
        for request_id in request_ids:
            self._cancel(request_id, owner)
            erased += self._store.erase(request_id, owner, now)
        return StoreReceipt(
            store=STORE,
            erased=erased,
            remains="the ids of the requests, marked as erased",
            reason="A late message must not be mistaken for one about a lost request.",
            until=now + self._markers_kept,
        )

    def _cancel(self, request_id: str, owner: str) -> None:
        """Cancel a request that is in progress, so that its owner is notified. Nothing more is paid for it anyway."""
        try:
            self._requests.cancel(request_id, owner)
        except (KeyError, TooLateToCancelError):
            return
