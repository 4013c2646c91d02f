"""Erases what generation has of requests: the ledger's items and the raw images."""

from datetime import datetime, timedelta
from typing import Final, Protocol

from events.catalog.erasure_started import ErasureStarted
from events.envelope import Event
from events.erasure import StoreReceipt
from kit.clock import Clock
from kit.erasure import answer

LEDGER: Final = "generation/ledger"
HANDOFF: Final = "platform/handoff"


class LedgerErasure(Protocol):
    """The ledger."""

    def add_tombstone(self, request_id: str, at: datetime) -> None:
        """Keep all further leases of a request from being taken. A second tombstone changes nothing."""

    def erase(self, request_id: str) -> int:
        """Delete everything of a request but its tombstone. Return how many items had something."""


class RawImages(Protocol):
    """The raw images in the hand-off bucket."""

    def delete_all(self, request_id: str) -> int:
        """Delete all raw images of a request. Return their number."""


class GenerationEraser:
    """Erases requests and answers for generation."""

    def __init__(self, ledger: LedgerErasure, raw_images: RawImages, clock: Clock, tombstones_kept: timedelta) -> None:
        self._tombstones_kept = tombstones_kept
        self._ledger = ledger
        self._raw_images = raw_images
        self._clock = clock

    def erase(self, event: ErasureStarted) -> list[Event]:
        """Erase the requests of ``event``. Intake lists those of an owner.

        The tombstone is first, so that nothing more is paid for. A call that a model is answering now still writes; a
        later sweep erases that.
        """
        if event.data.scope != "request":
            return []
        items = images = 0
        for request_id in event.data.request_ids:
            self._ledger.add_tombstone(request_id, self._clock.now())
            images += self._raw_images.delete_all(request_id)
            items += self._ledger.erase(request_id)
        ledger = StoreReceipt(
            store=LEDGER,
            erased=items,
            remains="the ids of the requests, marked as withdrawn",
            reason="A late message must not be paid for.",
            until=self._clock.now() + self._tombstones_kept,
        )
        return [answer(event, "generation", [ledger, StoreReceipt(store=HANDOFF, erased=images)])]
