"""Use cases of an owner: read, list and cancel requests. `creation.py` creates them."""

import re
from typing import Protocol

from events.catalog.image_requested import ImageRequested
from events.catalog.request_cancelled import RequestCancelled, RequestCancelledData
from events.pipeline import RANKS, Status, TimelineEntry
from kit.clock import Clock
from services.intake.models import RequestPage, RequestState, TooLateToCancelError, entry_without_details


class RequestStore(Protocol):
    """The requests in the request table."""

    def read(self, request_id: str) -> tuple[ImageRequested, RequestState]:
        """Return a request and its state. Raise ``KeyError`` if it is unknown."""

    def list_page(self, owner: str, *, limit: int, after: str | None, status: Status | None) -> RequestPage:
        """Return an owner's requests older than ``after``, newest first, at a bounded cost."""

    def recompute(self, old: RequestState, new: RequestState, entry: TimelineEntry) -> bool:
        """Write ``new``, if the stored revision is still that of ``old``. Return whether it was."""


class RequestService:
    """Reads, lists and cancels the requests of an owner."""

    def __init__(self, store: RequestStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def find(self, request_id: str, owner: str) -> tuple[ImageRequested, RequestState]:
        """Return a request and its state. Raise ``KeyError`` if it is unknown or belongs to another owner."""
        if not re.fullmatch(r"[0-9a-f-]{36}", request_id):
            raise KeyError(request_id)
        request, state = self._store.read(request_id)
        if state.owner != owner:
            raise KeyError(request_id)
        return request, state

    def list_page(self, owner: str, *, limit: int, after: str | None, status: Status | None) -> RequestPage:
        """Return one page of an owner's requests."""
        return self._store.list_page(owner, limit=limit, after=after, status=status)

    def cancel(self, request_id: str, owner: str) -> tuple[ImageRequested, RequestState]:
        """Cancel a request and return it. Repetition changes nothing.

        Raise ``TooLateToCancelError`` once an image was generated or the status is terminal, ``KeyError`` if the
        request is unknown.
        """
        while True:
            request, state = self.find(request_id, owner)
            if state.has(RequestCancelled.detail_type):
                return request, state
            if any(RANKS[entry.status] >= RANKS[Status.CHECKING] for entry in state.timeline.values() if entry.status):
                raise TooLateToCancelError(state.status)
            now = self._clock.now()
            entry = entry_without_details(
                RequestCancelled.first(request_id, owner, RequestCancelledData(), occurred_at=now)
            )
            cancelled = state.with_entry(entry)
            if self._store.recompute(state, cancelled, entry):
                return request, cancelled
