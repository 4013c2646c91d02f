"""The audit: read a share of everything, apply the rules, look again at what seems broken, and only then say so.

A busy system moves while it is looked at: between reading a request and reading its image the image may have been
deleted. So a finding counts only when a second, consistent look after a pause finds the same thing of the same state;
what keeps moving until patience ends is reported as unsettled and left to the next audit.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, Final, Protocol

from services.operations.audit.records import RAW_KEY, Finding, GalleryImage, Letters, Payment, Report, StoredFile
from services.operations.audit.rules import (
    Limits,
    file_findings,
    gallery_image_findings,
    image_findings,
    images_of,
    letter_findings,
    payment_findings,
    raw_findings,
    request_findings,
)
from services.operations.timeline import Request

FINDINGS_AT_MOST: Final = 1000
"""Where so much is broken, an audit stops looking: what it found is enough to act on."""
BATCH: Final = 100
"""Records that are checked at once, as many as DynamoDB reads in one call."""
CATALOGD: Final = "images/"
RAW: Final = "raw/"


class Reader(Protocol):
    """Everything the product keeps, read-only. Scans give a share: segment ``i`` of ``n``."""

    def scan_requests(self, segment: int, segments: int) -> Iterator[Request]:
        """Yield the requests of one segment."""

    def scan_images(self, segment: int, segments: int) -> Iterator[GalleryImage]:
        """Yield the images of one segment of the gallery."""

    def scan_payments(self, segment: int, segments: int) -> Iterator[Payment]:
        """Yield the payments of one segment of the guard."""

    def scan_files(self, folder: str, segment: int, segments: int) -> Iterator[StoredFile]:
        """Yield the objects of one segment of the gallery (``images/``) or the hand-off bucket (``raw/``)."""

    def requests(self, ids: Iterable[str]) -> Mapping[str, Request]:
        """Return requests by id, read consistently; unknown ones are left out."""

    def gallery_images(self, ids: Iterable[str]) -> Mapping[str, GalleryImage]:
        """Return images by id, read consistently."""

    def payments(self, keys: Iterable[tuple[str, int]]) -> Mapping[tuple[str, int], Payment]:
        """Return payments by request and index, read consistently."""

    def files(self, prefix: str) -> list[StoredFile]:
        """Return the objects whose keys start with ``prefix``."""

    def letters(self) -> Letters:
        """Return every dead letter."""


class Mender(Protocol):
    """The few things that an audit can put right. Each looks once more at what it changes."""

    def wake(self, request_id: str, now: datetime) -> bool:
        """Have the sweeper look at an open request at once; return whether it is one."""

    def close(self, request_id: str) -> bool:
        """Take an ended request out of the sweeper's index; return whether it has ended."""

    def delete_file(self, key: str) -> bool:
        """Delete an object of the gallery bucket."""


class Clock(Protocol):
    """Time, as `time` has it, and the date."""

    def monotonic(self) -> float:
        """Return seconds that only go up."""

    def sleep(self, seconds: float, /) -> None:
        """Wait."""

    def now(self) -> datetime:
        """Return the moment."""


@dataclass(frozen=True)
class Options:
    """How an audit goes about it. Seconds."""

    limits: Limits = field(default_factory=Limits)
    pause: float = 5
    """Before what seems broken is looked at again."""
    patience: float = 60
    """After which what keeps moving is left alone."""
    time: float = float("inf")
    """After which nothing more is read."""


def _nothing(_kind: str, _count: int) -> None:
    """Tell nobody."""


class Auditor:
    """Applies every rule."""

    def __init__(
        self, reader: Reader, clock: Clock, options: Options, tell: Callable[[str, int], None] = _nothing
    ) -> None:
        self._reader = reader
        self._clock = clock
        self._options = options
        self._tell = tell
        self._letters = Letters()

    def audit(self, chosen: Sequence[int], segments: int) -> Report:
        """Audit the segments ``chosen`` of ``segments``, and all dead letters."""
        report = Report(self._clock.now(), segments)
        until = self._clock.monotonic() + self._options.time
        self._letters = self._reader.letters()
        found = self._counted(report, "letters", self._letters.all, self._of_letters)
        read = self._reader
        for segment in chosen:
            shares: list[tuple[str, Iterator[Any], Callable[[list[Any]], list[Finding]]]] = [
                ("requests", read.scan_requests(segment, segments), self._of_requests),
                ("images", read.scan_images(segment, segments), self._of_images),
                ("payments", read.scan_payments(segment, segments), self._of_payments),
                ("files", read.scan_files(CATALOGD, segment, segments), self._of_files),
                ("raw images", read.scan_files(RAW, segment, segments), self._of_raws),
            ]
            for name, share, check in shares:
                while batch := list(islice(share, BATCH)):
                    if len(found) > FINDINGS_AT_MOST or self._clock.monotonic() > until:
                        report.complete = False
                        break
                    found += self._counted(report, name, batch, check)
        return self._settled(report, found)

    def one(self, request_id: str) -> Report:
        """Audit one request with everything that belongs to it."""
        report = Report(self._clock.now(), 1)
        self._letters = self._reader.letters()
        index = range(10)
        requests = self._reader.requests([request_id])
        gallery_images = self._reader.gallery_images(f"{request_id}-{at}" for at in index)
        payments = self._reader.payments((request_id, at) for at in index)
        found = self._counted(report, "requests", requests.values(), self._of_requests)
        found += self._counted(report, "images", gallery_images.values(), self._of_images)
        found += self._counted(report, "payments", payments.values(), self._of_payments)
        found += self._counted(report, "files", self._reader.files(f"{CATALOGD}{request_id}/"), self._of_files)
        found += self._counted(report, "raw images", self._reader.files(f"{RAW}{request_id}/"), self._of_raws)
        found += self._counted(report, "letters", self._letters.of(request_id), self._of_letters)
        return self._settled(report, found)

    def mend(self, mender: Mender, finding: Finding) -> bool:
        """Put one finding right, if it still is one; return whether it was put right."""
        if finding.mend is None or all(again.key != finding.key for again in self._look_again([finding])):
            return False
        match finding.mend:
            case "wake":
                return mender.wake(finding.subject, self._clock.now())
            case "close":
                return mender.close(finding.subject)
            case "delete_file":
                return mender.delete_file(finding.subject)

    def _counted(
        self, report: Report, name: str, records: Iterable[Any], check: Callable[[list[Any]], list[Finding]]
    ) -> list[Finding]:
        looked_at = list(records)
        report.looked_at[name] = report.looked_at.get(name, 0) + len(looked_at)
        self._tell(name, len(looked_at))
        return check(looked_at) if looked_at else []

    def _settled(self, report: Report, found: list[Finding]) -> Report:
        """Look at what was found again until it stands still, or patience ends."""
        until = self._clock.monotonic() + self._options.patience
        found = list({finding.key: finding for finding in found}.values())
        while found and self._clock.monotonic() < until:
            self._clock.sleep(self._options.pause)
            again = {finding.key: finding for finding in self._look_again(found)}
            for finding in found:
                if (now := again.get(finding.key)) and now.evidence == finding.evidence:
                    (report.within_bound if now.within_bound else report.violations).append(now)
            known = {finding.key: finding.evidence for finding in found}
            found = [now for key, now in again.items() if key in known and now.evidence != known[key]]
        report.unsettled = found
        report.partly_read = sorted(self._letters.partly_read)
        return report

    def _look_again(self, found: Sequence[Finding]) -> list[Finding]:
        self._letters = self._reader.letters()
        subjects: dict[str, set[str]] = {}
        for finding in found:
            subjects.setdefault(finding.kind, set()).add(finding.subject)
        read = self._reader
        payments = [(request_id, int(index)) for request_id, _, index in map(_parted, subjects.get("payment", ()))]
        return [
            *self._of_requests(list(read.requests(subjects.get("request", ())).values())),
            *self._of_images(list(read.gallery_images(subjects.get("image", ())).values())),
            *self._of_payments(list(read.payments(payments).values())),
            *self._of_files([file for key in subjects.get("file", ()) for file in read.files(key)]),
            *self._of_raws([file for key in subjects.get("raw", ()) for file in read.files(key)]),
            *(
                self._of_letters([x for x in self._letters.all if (x.event_id or x.message_id) in subjects["letter"]])
                if "letter" in subjects
                else []
            ),
        ]

    def _of_requests(self, requests: list[Request]) -> list[Finding]:
        now, succeeded = self._clock.now(), [request for request in requests if request.status == "succeeded"]
        delivered = {request.request_id: images_of(request) for request in succeeded}
        gallery_images = self._reader.gallery_images(image_id for images in delivered.values() for image_id in images)
        payments = self._reader.payments(
            (request_id, index) for request_id, images in delivered.items() for index in images.values()
        )
        found = [f for r in requests for f in request_findings(r, self._letters, self._options.limits, now)]
        return found + [f for request in succeeded for f in image_findings(request, gallery_images, payments, now)]

    def _of_images(self, gallery_images: list[GalleryImage]) -> list[Finding]:
        return [
            finding
            for image in gallery_images
            if image.deleted_at is None
            for finding in gallery_image_findings(
                image, self._reader.files(f"{CATALOGD}{image.request_id}/{image.index}-")
            )
        ]

    def _of_payments(self, payments: list[Payment]) -> list[Finding]:
        known = self._reader.requests(payment.request_id for payment in payments)
        return [finding for payment in payments for finding in payment_findings(payment, known)]

    def _of_files(self, files: list[StoredFile]) -> list[Finding]:
        places = {file.key: file.image() for file in files}
        ids = {key: f"{place[0]}-{place[1]}" for key, place in places.items() if place}
        gallery_images = self._reader.gallery_images(ids.values())
        stray = [
            file
            for file in files
            if (entry := gallery_images.get(ids.get(file.key, ""))) is None
            or entry.deleted_at
            or file.key not in entry.files
        ]
        requests = self._reader.requests(place[0] for file in stray if (place := places[file.key]))
        limits, now = self._options.limits, self._clock.now()
        return [
            finding
            for file in stray
            for finding in file_findings(
                file,
                gallery_images.get(ids.get(file.key, "")),
                requests.get((places[file.key] or ("", 0))[0]),
                self._letters,
                limits,
                now,
            )
        ]

    def _of_raws(self, raws: list[StoredFile]) -> list[Finding]:
        payments = self._reader.payments(place for raw in raws if (place := raw.image(RAW_KEY)))
        return [finding for raw in raws for finding in raw_findings(raw, payments.get(raw.image(RAW_KEY) or ("", 0)))]

    def _of_letters(self, letters: list[Any]) -> list[Finding]:
        known = self._reader.requests(letter.request_id for letter in letters if letter.request_id)
        return [finding for letter in letters for finding in letter_findings(letter, known)]


def _parted(subject: str) -> tuple[str, str, str]:
    return subject.rpartition("/")
