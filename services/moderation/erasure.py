"""Erases the verdicts about requests."""

from collections.abc import Sequence
from typing import Final, Protocol

from events.catalog.erasure_started import ErasureStarted
from events.catalog.image_generated import ImageGenerated
from events.catalog.image_requested import ImageRequested
from events.catalog.prompt_approved import PromptApproved
from events.envelope import Event, derive_id
from events.erasure import StoreReceipt
from kit.erasure import answer

STORE: Final = "moderation/verdicts"


class VerdictErasure(Protocol):
    """The verdicts."""

    def delete(self, event_ids: Sequence[str]) -> int:
        """Delete the verdicts about events. Return how many there were."""


def judged_events(request_id: str) -> list[str]:
    """Return the ids of the events of a request that have verdicts: they are derived, each from the one before."""
    requested = derive_id(request_id, ImageRequested.detail_type)
    generated = derive_id(derive_id(requested, PromptApproved.detail_type), ImageGenerated.detail_type)
    return [requested, generated]


class VerdictEraser:
    """Erases verdicts and answers for moderation."""

    def __init__(self, verdicts: VerdictErasure) -> None:
        self._verdicts = verdicts

    def erase(self, event: ErasureStarted) -> list[Event]:
        """Erase the verdicts about the requests of ``event``. Intake lists those of an owner."""
        if event.data.scope != "request":
            return []
        judged = [event_id for request_id in event.data.request_ids for event_id in judged_events(request_id)]
        return [answer(event, "moderation", [StoreReceipt(store=STORE, erased=self._verdicts.delete(judged))])]
