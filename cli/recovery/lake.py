"""What happened after a backup, taken from the event lake and written into restored tables.

The lake has every event within a minute, and no loss of tables affects it. Events are applied with the conditional
writes of the services that own the tables, so repetition changes nothing. Nothing is published and nothing is paid:
the streams of restored tables are still off, and consumers are paused.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import singledispatchmethod
from typing import Final

from cli.recovery.tables import Beat
from events.catalog.erasure_started import ErasureStarted
from events.catalog.generation_failed import GenerationFailed
from events.catalog.generation_withdrawn import GenerationWithdrawn
from events.catalog.image_approved import ImageApproved
from events.catalog.image_deleted import ImageDeleted
from events.catalog.image_generated import ImageGenerated
from events.catalog.image_rejected import ImageRejected
from events.catalog.image_requested import ImageRequested
from events.catalog.image_stored import ImageStored
from events.catalog.message_replayed import MessageReplayed
from events.catalog.processing_stalled import ProcessingStalled
from events.catalog.prompt_approved import PromptApproved
from events.catalog.prompt_rejected import PromptRejected
from events.catalog.request_cancelled import RequestCancelled
from events.catalog.request_expired import RequestExpired
from events.envelope import Event
from events.pipeline import Status
from kit.errors import OwnerErasedError, RetriableError
from kit.sealing import SealedTextError, Sealer
from services.analytics.archive_format import NO_OWNER
from services.analytics.repository.lake import EventLake
from services.generation.models import RecordedOutcome
from services.generation.repository.ledger import DynamoLedger
from services.intake.models import RequestState, entry_without_details
from services.intake.repository.requests import RequestTable
from services.intake.tracking import add_event
from services.storage.models import Entry
from services.storage.repository.gallery import DynamoGallery
from services.storage.withdrawal import add_tombstones

MARGIN: Final = timedelta(minutes=5)
"""Events from so long before the oldest backup are applied, too: clocks differ, and backups are not made at once."""
TRACKED: Final = (
    *(PromptApproved, PromptRejected, ImageGenerated, GenerationFailed, GenerationWithdrawn, ImageApproved),
    *(ImageRejected, ImageStored, ImageDeleted, ProcessingStalled, MessageReplayed, RequestCancelled, RequestExpired),
)
"""Events in the timeline of a request."""


@dataclass
class Replayed:
    """The result: numbers by kind, and how far the lake reaches."""

    done: Counter[str] = field(default_factory=Counter)
    until: datetime | None = None
    """When the last request in the lake was accepted."""

    def to_dict(self) -> dict[str, object]:
        """Return a JSON-serialisable representation."""
        return {**self.done, "until": self.until.isoformat() if self.until else None}


def archived_events(archive: EventLake, since: datetime, until: datetime) -> list[Event]:
    """Return the events of a period, each once, in the order in which they happened."""
    found: dict[str, Event] = {}
    day = since.date()
    while day <= until.date():
        for event in archive.read_day(day):
            if event.metadata.occurred_at >= since:
                found[event.metadata.event_id] = event
        day += timedelta(days=1)
    return sorted(found.values(), key=lambda event: (event.metadata.occurred_at, event.metadata.caused_at))


class LakeReplay:
    """Applies events to the tables of requests, payments and images."""

    def __init__(
        self,
        *,
        requests: RequestTable,
        ledger: DynamoLedger,
        gallery: DynamoGallery,
        sealer: Sealer,
        publish: Callable[[Event], None],
    ) -> None:
        self._requests = requests
        self._ledger = ledger
        self._gallery = gallery
        self._sealer = sealer
        self._publish = publish
        self.result = Replayed()

    def replay(self, events: list[Event], beat: Beat) -> Replayed:
        """Apply ``events``."""
        for event in events:
            if event.metadata.owner == NO_OWNER and not isinstance(event, ErasureStarted):
                self.result.done["events without an owner"] += isinstance(event, ImageRequested)
            else:
                self._apply(event)
                if isinstance(event, TRACKED):
                    self._track(event)
            if isinstance(event, ImageRequested):
                self.result.until = event.metadata.occurred_at  # events are in the order of their times
            beat()
        return self.result

    def _track(self, event: Event) -> None:
        try:
            add_event(self._requests, event)
        except RetriableError:
            self.result.done["events of unknown requests"] += 1

    @singledispatchmethod
    def _apply(self, event: Event) -> None:
        """Apply what an event means besides the timeline of its request."""

    @_apply.register
    def _request(self, event: ImageRequested) -> None:
        metadata = event.metadata
        entry = entry_without_details(event)
        state = RequestState(
            request_id=metadata.request_id,
            owner=metadata.owner,
            created_at=metadata.occurred_at,
            status=Status.ACCEPTED,
            status_sequence=0,
            revision=1,
            timeline={entry.event_id: entry},
            analytics_opt_out=bool(metadata.analytics_opt_out),
        )
        if self._requests.is_erased(metadata.request_id):
            return
        try:
            self._requests.create([(event, state)])
        except KeyError:
            return  # it is in the backup
        self.result.done["requests"] += 1

    @_apply.register
    def _payments(self, event: ImageGenerated) -> None:
        for outcome in event.data.outcomes:
            recorded = RecordedOutcome(outcome, event.metadata.occurred_at)
            if self._ledger.restore(event.metadata.request_id, recorded):
                self.result.done["payments"] += outcome.status == "generated"

    @_apply.register
    def _images(self, event: ImageStored) -> None:
        try:
            entries = list(self._entries(event))
        except (KeyError, SealedTextError):
            self.result.done["images without a readable request"] += len(event.data.images)
            return
        except OwnerErasedError:
            return
        if self._gallery.add(entries) == entries:
            self.result.done["images"] += len(entries)

    def _entries(self, event: ImageStored) -> Iterator[Entry]:
        metadata = event.metadata
        parameters = self._requests.read_request(metadata.request_id).data.parameters
        texts = self._sealer.open_texts(metadata.owner, parameters)
        for image in event.data.images:
            yield Entry(
                **image.model_dump(),
                request_id=metadata.request_id,
                owner=metadata.owner,
                analytics_opt_out=metadata.analytics_opt_out,
                created_at=metadata.occurred_at,
                prompt=texts.prompt,
                negative_prompt=texts.negative_prompt,
                style=parameters.style,
                quality=parameters.quality,
                steps=parameters.steps,
                guidance=parameters.guidance,
            )

    @_apply.register
    def _deletion(self, event: ImageDeleted) -> None:
        found = self._gallery.find(event.data.image_id)
        if isinstance(found, Entry):
            self._gallery.mark_deleted(found.deletion_marker(event.metadata.occurred_at, event.data.reason))
            self.result.done["deletions"] += 1

    @_apply.register(RequestCancelled)
    @_apply.register(RequestExpired)
    def _withdrawal(self, event: RequestCancelled | RequestExpired) -> None:
        request_id, at = event.metadata.request_id, event.metadata.occurred_at
        self._ledger.add_tombstone(request_id, at)
        for stored in add_tombstones(self._gallery, request_id, at):
            self._gallery.mark_deleted(stored.deletion_marker(max(at, stored.created_at), "withdrawn"))

    @_apply.register
    def _erasure(self, event: ErasureStarted) -> None:
        """What was erased after the backup is back, so every service erases it again."""
        self._publish(event)
        self.result.done["erasures"] += 1
