"""Exports of personal data: start one, collect the answers of the services, and see every export through to its end.

``building.py`` builds the files once everything is collected.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Literal, Protocol
from uuid import uuid4

from events.catalog.data_exported import DataExported
from events.catalog.export_collected import ExportCollected, ExportCollectedData
from events.catalog.export_started import ExportStarted, ExportStartedData
from events.envelope import Event
from events.erasure import StoreReceipt
from events.exporting import EXPORTERS
from kit.clock import Clock

Status = Literal["running", "ready", "failed"]

ZIP_FOLDER: Final = "zip"
"""Files are in ``zip/<owner>/<export>/`` of the exports bucket, parts in ``<service>/<owner>/<export>/``."""
RETENTION: Final = timedelta(days=7)
"""How long the files of an export are kept by default."""
READY_MAX: Final = 3
"""Exports of an owner that are kept at the same time: each is a copy of all images."""
PAUSE: Final = timedelta(minutes=20)
"""Events are published again after this time without progress, which is longer than consumers retry or build a file."""
PATIENCE: Final = timedelta(hours=6)
"""An export has failed after this time without progress: an operator has not repaired what is wrong."""


class ErasingError(Exception):
    """The owner is being erased, or was."""


class TooManyExportsError(Exception):
    """The owner has ``READY_MAX`` exports. ``until`` is when the first one expires."""

    def __init__(self, until: datetime) -> None:
        super().__init__(f"an export is kept until {until.isoformat()}")
        self.until = until


@dataclass(frozen=True)
class Export:
    """An export of everything of an owner."""

    export_id: str
    owner: str
    requested_at: datetime
    progress_at: datetime
    """When the last answer arrived or the last file was built."""
    status: Status = "running"
    completed_at: datetime | None = None
    """When it became ready or failed."""
    expires_at: datetime | None = None
    """When it is deleted. None while it runs."""
    reason: str | None = None
    """Why it failed."""

    def started(self) -> ExportStarted:
        """Return the event that starts it: the same event each time."""
        data = ExportStartedData(export_id=self.export_id)
        return ExportStarted.first(self.export_id, self.owner, data, occurred_at=self.requested_at)

    def collected(self) -> ExportCollected:
        """Return the event that has the files built: the same event each time."""
        data = ExportCollectedData(export_id=self.export_id)
        return ExportCollected.follow(self.started(), data, occurred_at=self.requested_at)


@dataclass(frozen=True)
class ExportFile:
    """One ZIP file of an export. An export with many images has several."""

    number: int
    """From 1."""
    key: str
    """S3 key in the exports bucket."""
    bytes: int
    sha256: str
    end: int
    """The next file begins with this image, counted from 0 in the order in which they are listed."""
    is_last: bool


@dataclass(frozen=True)
class Progress:
    """What the answers say about an export."""

    services_done: int
    images: int
    """Images that were listed so far."""
    unanswered: Sequence[ExportStarted]
    """Events to publish again if they stay without an answer."""

    @property
    def is_complete(self) -> bool:
        """Whether every service has answered all its pages."""
        return not self.unanswered


def next_page(answer: DataExported) -> ExportStarted:
    """Return the event for the page after ``answer``: the same event each time."""
    about = answer.data
    data = ExportStartedData(
        export_id=about.export_id, page=about.page + 1, service=about.service, position=about.next_position
    )
    return ExportStarted.follow(answer, data, occurred_at=answer.metadata.occurred_at)


def progress_of(export: Export, answers: Iterable[DataExported]) -> Progress:
    """Return the progress of an export. It depends on the set of answers, not on their order."""
    by_page = {(answer.data.service, answer.data.page): answer for answer in answers}
    unanswered: dict[str, ExportStarted] = {}
    done = 0
    for service in sorted(EXPORTERS):
        page, event = 1, export.started()
        while (answer := by_page.get((service, page))) and answer.data.next_position is not None:
            page, event = page + 1, next_page(answer)
        if answer is None:
            unanswered[event.metadata.event_id] = event
        else:
            done += 1
    images = sum(answer.data.images.records for answer in by_page.values() if answer.data.images)
    return Progress(done, images, list(unanswered.values()))


class ExportStore(Protocol):
    """The exports in privacy's table."""

    def start(self, export: Export) -> Export:
        """Store ``export``, or return the one of its owner that runs already. Raise ``ErasingError``."""

    def find(self, owner: str, export_id: str) -> Export:
        """Return an export. Raise ``KeyError`` if it is unknown or belongs to another owner."""

    def of_owner(self, owner: str) -> Sequence[Export]:
        """Return the exports of an owner, in any order."""

    def add_answer(self, event: DataExported, now: datetime) -> DataExported | None:
        """Store the first answer of a service for a page, and return it. Return None if the export does not run."""

    def contents(self, export_id: str) -> tuple[Sequence[DataExported], Sequence[ExportFile]]:
        """Return the answers and the files of an export, the files in order, with consistent reads."""

    def add_file(self, export: Export, file: ExportFile, now: datetime) -> bool:
        """Store a file. Return False if there is one with its number, or if the export does not run."""

    def finish(self, export: Export) -> bool:
        """Store the end of an export. Return False if it does not run any more."""

    def due(self, now: datetime) -> Iterable[Export]:
        """Yield the exports that run and had no progress lately, the most overdue first."""

    def schedule(self, export: Export, due_at: datetime) -> None:
        """Store when to look at an export again."""

    def erase(self, owner: str) -> int:
        """Delete all exports of an owner, also those that run. Return the number of items."""


class StoredObjects(Protocol):
    """The exports bucket."""

    def delete_all(self, owner: str) -> int:
        """Delete everything of an owner. Return the number of objects."""


class Bus(Protocol):
    """The event bus."""

    def publish(self, events: Sequence[Event]) -> None:
        """Publish ``events`` or raise."""


@dataclass(frozen=True)
class Exports:
    """Starts and shows the exports of an owner."""

    store: ExportStore
    bus: Bus
    clock: Clock

    def start(self, owner: str) -> Export:
        """Start an export, or return the one that runs. Raise ``ErasingError`` or ``TooManyExportsError``.

        The export is stored before its event is published; if that fails, the sweeper publishes it.
        """
        now, known = self.clock.now(), self.list(owner)
        for export in known:
            if export.status == "running":
                return export
        ends = sorted(export.expires_at for export in known if export.status == "ready" and export.expires_at)
        if len(ends) >= READY_MAX:
            raise TooManyExportsError(ends[0])
        export = self.store.start(Export(str(uuid4()), owner, now, progress_at=now))
        self.bus.publish([export.started()])
        return export

    def list(self, owner: str) -> list[Export]:
        """Return the exports of an owner that have not expired, newest first."""
        found = [export for export in self.store.of_owner(owner) if not self._is_over(export)]
        return sorted(found, key=lambda export: (export.requested_at, export.export_id), reverse=True)

    def show(self, owner: str, export_id: str) -> tuple[Export, Progress, Sequence[ExportFile]]:
        """Return an export with its progress and its files. Raise ``KeyError`` if the owner has none with this id."""
        export = self.store.find(owner, export_id)
        if self._is_over(export):
            raise KeyError(export_id)
        answers, files = self.store.contents(export_id)
        return export, progress_of(export, answers), files

    def _is_over(self, export: Export) -> bool:
        """Return whether it has expired: DynamoDB deletes expired items within days, not at once."""
        return export.expires_at is not None and export.expires_at <= self.clock.now()


@dataclass(frozen=True)
class ExportCollector:
    """Collects the answers of the services, and erases exports with their owner."""

    store: ExportStore
    objects: StoredObjects
    clock: Clock

    def collect(self, event: DataExported) -> list[Event]:
        """Store an answer. Ask for the next page, or have the files built if this was the last answer.

        What follows is derived from the answer that was stored first, so a repeated one starts nothing else.
        """
        stored = self.store.add_answer(event, self.clock.now())
        if stored is None:
            return []
        if stored.data.next_position is not None:
            return [next_page(stored)]
        export = self.store.find(event.metadata.owner, event.data.export_id)
        answers, _ = self.store.contents(export.export_id)
        return [export.collected()] if progress_of(export, answers).is_complete else []

    def erase(self, owner: str) -> list[StoreReceipt]:
        """Erase the exports of an owner. The items are first: a build that runs finds its export gone and stops."""
        items = self.store.erase(owner)
        return [
            StoreReceipt(store="privacy/erasures", erased=items),
            StoreReceipt(store="platform/exports", erased=self.objects.delete_all(owner)),
        ]


@dataclass
class ExportReport:
    """The result of one run."""

    checked: int = 0
    repeated: int = 0
    """Events that were published again."""
    failed: int = 0
    """Exports that were abandoned."""
    failures: dict[str, Exception] = field(default_factory=dict)
    """By export id."""

    def counts(self) -> Mapping[str, int]:
        """Return the counts, for the log."""
        return {"exports_checked": self.checked, "exports_repeated": self.repeated, "exports_failed": self.failed}


@dataclass(frozen=True)
class ExportSweeper:
    """Sees every export through: repeats events without an answer, and abandons exports after ``PATIENCE``."""

    store: ExportStore
    bus: Bus
    clock: Clock
    kept: timedelta = RETENTION

    def run(self) -> ExportReport:
        """Look at every export that is due. A failure with one does not affect the others."""
        report = ExportReport()
        for export in self.store.due(self.clock.now()):
            report.checked += 1
            try:
                self._check(export, report)
            except Exception as error:  # the next run tries again; the handler raises at the end
                report.failures[export.export_id] = error
        return report

    def _check(self, export: Export, report: ExportReport) -> None:
        now = self.clock.now()
        answers, _ = self.store.contents(export.export_id)
        unanswered = progress_of(export, answers).unanswered
        if now - export.progress_at >= PATIENCE:
            report.failed += self.store.finish(failed(export, _reason(unanswered, answers), now, self.kept))
            return
        events: Sequence[Event] = unanswered or [export.collected()]
        self.bus.publish(events)
        self.store.schedule(export, now + PAUSE)
        report.repeated += len(events)


def failed(export: Export, reason: str, now: datetime, kept: timedelta) -> Export:
    """Return an export that has failed."""
    return replace(export, status="failed", completed_at=now, expires_at=now + kept, reason=reason)


def _reason(unanswered: Sequence[ExportStarted], answers: Sequence[DataExported]) -> str:
    if not unanswered:
        return "The files could not be built."
    waiting = {event.data.service for event in unanswered}
    if None in waiting:
        waiting = (waiting - {None}) | (EXPORTERS - {answer.data.service for answer in answers})
    return f"These services did not answer: {', '.join(sorted(filter(None, waiting)))}."
