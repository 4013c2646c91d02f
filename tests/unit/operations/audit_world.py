"""An in-memory system without violations, which tests of the audit change."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from events.pipeline import TimelineEntry
from services.operations.audit.records import GalleryImage, Letter, Letters, Payment, StoredFile
from services.operations.timeline import Request

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
REQUEST = "01a0b9c4-7d2e-7c31-9f60-000000000001"
FOLDER = f"images/{REQUEST}/0-{'a' * 64}"
RAW = f"raw/{REQUEST}/0-{'a' * 64}"
FILES = {f"{FOLDER}/original.png": 900, f"{FOLDER}/display.webp": 300, f"{FOLDER}/thumbnail.webp": 30}
STALL = {"step": "storage.store", "message": "approved-event", "replays": 0}


def accepted(*, ago: timedelta = timedelta(minutes=1), status: str = "generating") -> Request:
    """Return a request in progress."""
    at = NOW - ago
    check = at + timedelta(minutes=15)
    return Request(REQUEST, status, at, 1, [TimelineEntry("e1", "ImageRequested", at)], "0", max(check, NOW))


def succeeded() -> Request:
    """Return a request with one image."""
    at = NOW - timedelta(minutes=1)
    stored = TimelineEntry("e2", "ImageStored", at, {"images": [{"id": f"{REQUEST}-0", "index": 0}]})
    return Request(REQUEST, "succeeded", at, 5, [TimelineEntry("e1", "ImageRequested", at), stored])


def stalled(*more: TimelineEntry) -> Request:
    """Return a request whose message is in a dead-letter queue."""
    request = accepted(status="stalled")
    return replace(
        request,
        timeline=[*request.timeline, TimelineEntry("e9", "ProcessingStalled", request.created_at, STALL), *more],
    )


def letter(step: str = "storage.store", event_id: str = "approved-event", request_id: str | None = REQUEST) -> Letter:
    """Return a dead letter of the stalled request."""
    return Letter(step, f"dev-{step}-dlq", event_id, request_id, "message-1")


class World:
    """All stored data. Implements ``Reader`` and ``Repairer``. The data changes as time passes."""

    def __init__(self, request: Request | None = None) -> None:
        self.known = {REQUEST: request or succeeded()}
        entry = GalleryImage(f"{REQUEST}-0", REQUEST, 0, FILES)
        self.gallery: dict[str, GalleryImage] = {entry.image_id: entry}
        self.ledger = {(REQUEST, 0): Payment(REQUEST, 0, 1, "generated", RAW)}
        self.objects = {**FILES, RAW: 900}
        self.written_at = NOW - timedelta(hours=2)
        self.dead: list[Letter] = []
        self.partly_read: set[str] = set()
        self.seconds = 0.0
        self.later: list[Callable[[], Any]] = []
        """Changes, one per pause."""

    # Clock
    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float, /) -> None:
        self.seconds += seconds
        if self.later:
            self.later.pop(0)()

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.seconds)

    # Reader
    def scan_requests(self, segment: int, segments: int) -> Iterator[Request]:
        yield from list(self.known.values())[segment::segments]

    def scan_images(self, segment: int, segments: int) -> Iterator[GalleryImage]:
        yield from list(self.gallery.values())[segment::segments]

    def scan_payments(self, segment: int, segments: int) -> Iterator[Payment]:
        yield from list(self.ledger.values())[segment::segments]

    def scan_files(self, folder: str, segment: int, segments: int) -> Iterator[StoredFile]:
        yield from self.files(folder)[segment::segments]

    def requests(self, ids: Iterable[str]) -> dict[str, Request]:
        return {one: self.known[one] for one in ids if one in self.known}

    def gallery_images(self, ids: Iterable[str]) -> dict[str, GalleryImage]:
        return {one: self.gallery[one] for one in ids if one in self.gallery}

    def payments(self, keys: Iterable[tuple[str, int]]) -> dict[tuple[str, int], Payment]:
        return {one: self.ledger[one] for one in keys if one in self.ledger}

    def files(self, prefix: str) -> list[StoredFile]:
        return [StoredFile(key, size, self.written_at) for key, size in self.objects.items() if key.startswith(prefix)]

    def letters(self) -> Letters:
        return Letters(tuple(self.dead), frozenset(self.partly_read))

    # Repairer
    def schedule_check(self, request_id: str, now: datetime) -> bool:
        self.known[request_id] = replace(self.known[request_id], open_shard="0", next_check_at=now)
        return True

    def remove_from_index(self, request_id: str) -> bool:
        self.known[request_id] = replace(self.known[request_id], open_shard=None, next_check_at=None)
        return True

    def delete_file(self, key: str) -> bool:
        return self.objects.pop(key, None) is not None
