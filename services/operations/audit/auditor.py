"""The audit: read a share of all data, apply the rules, and check again whatever seems to break one.

Data changes during an audit: between reading a request and reading its image, the image may have been deleted. So a
finding counts only if a second, consistent read after a pause finds the same for the same state. Findings that keep
changing until the timeout are reported as unsettled and left to the next audit.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, Final, Protocol

from events.pipeline import WITHDRAWN
from services.operations.audit.records import (
    RAW_KEY,
    Finding,
    GalleryImage,
    Kind,
    Letter,
    Letters,
    Payment,
    Report,
    StoredFile,
)
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
    withdrawn_image_findings,
)
from services.operations.timeline import Request

FINDINGS_MAX: Final = 1000
"""An audit stops reading after so many findings: they are enough to act on."""
BATCH: Final = 100
"""Records that are checked together: as many as DynamoDB returns in one batch."""
IMAGES_MAX: Final = 10
"""Images of a request, with a margin."""
GALLERY_FOLDER: Final = "images/"
RAW_FOLDER: Final = "raw/"


class Reader(Protocol):
    """All data of the installation, read-only. Scans return a share: segment ``i`` of ``n``."""

    def scan_requests(self, segment: int, segments: int) -> Iterator[Request]:
        """Yield the requests of one segment."""

    def scan_images(self, segment: int, segments: int) -> Iterator[GalleryImage]:
        """Yield the gallery's images of one segment."""

    def scan_payments(self, segment: int, segments: int) -> Iterator[Payment]:
        """Yield the ledger's payments of one segment."""

    def scan_files(self, folder: str, segment: int, segments: int) -> Iterator[StoredFile]:
        """Yield one segment's objects of the gallery (``images/``) or the hand-off bucket (``raw/``)."""

    def requests(self, ids: Iterable[str]) -> Mapping[str, Request]:
        """Return requests by id with consistent reads, without unknown ones."""

    def gallery_images(self, ids: Iterable[str]) -> Mapping[str, GalleryImage]:
        """Return images by id with consistent reads."""

    def payments(self, keys: Iterable[tuple[str, int]]) -> Mapping[tuple[str, int], Payment]:
        """Return payments by request and index with consistent reads."""

    def files(self, prefix: str) -> list[StoredFile]:
        """Return the objects whose keys start with ``prefix``."""

    def letters(self) -> Letters:
        """Return all dead letters."""


class Clock(Protocol):
    """Time."""

    def monotonic(self) -> float:
        """Return seconds that only increase."""

    def sleep(self, seconds: float, /) -> None:
        """Wait."""

    def now(self) -> datetime:
        """Return the current time."""


@dataclass(frozen=True)
class Options:
    """Options of an audit. All times are seconds."""

    limits: Limits = field(default_factory=Limits)
    pause: float = 5
    """Before findings are checked again."""
    timeout: float = 60
    """After which findings that keep changing are unsettled."""
    time: float = float("inf")
    """After which no more records are read."""


@dataclass
class Context:
    """What the checks need besides their records."""

    reader: Reader
    letters: Letters
    limits: Limits
    now: datetime


@dataclass(frozen=True)
class Check:
    """How records of one kind are read and checked."""

    name: str
    """In reports: the kind of records."""
    kind: Kind
    """Of the findings, whose subjects ``find`` takes."""
    scan: Callable[[Context, int, int], Iterable[Any]]
    """Returns one segment of the records."""
    of_request: Callable[[Context, str], Iterable[Any]]
    """Returns the records of one request."""
    find: Callable[[Context, Collection[str]], Iterable[Any]]
    """Returns the records of subjects with consistent reads."""
    findings: Callable[[Context, Sequence[Any]], Iterable[Finding]]
    """Applies the rules to records."""


def _no_progress(_name: str, _count: int) -> None:
    """Ignore progress."""


class Auditor:
    """Applies every rule."""

    def __init__(
        self, reader: Reader, clock: Clock, options: Options, on_progress: Callable[[str, int], None] = _no_progress
    ) -> None:
        self._reader = reader
        self._clock = clock
        self._options = options
        self._on_progress = on_progress

    def audit(self, chosen: Sequence[int], segments: int) -> Report:
        """Audit the segments ``chosen`` of ``segments``, and all dead letters."""
        context, report = self._context(), self._report(segments)
        until = self._clock.monotonic() + self._options.time
        shares = [(LETTERS, 0), *((check, segment) for segment in chosen for check in CHECKS if check is not LETTERS)]
        found: list[Finding] = []
        for check, segment in shares:
            records = iter(check.scan(context, segment, segments))
            while batch := list(islice(records, BATCH)):
                if len(found) > FINDINGS_MAX or self._clock.monotonic() > until:
                    report.complete = False
                    break
                found += self._findings(context, report, check, batch)
        return self._settle(report, found)

    def one(self, request_id: str) -> Report:
        """Audit one request with all its records."""
        context, report = self._context(), self._report(1)
        found: list[Finding] = []
        for check in CHECKS:
            found += self._findings(context, report, check, list(check.of_request(context, request_id)))
        return self._settle(report, found)

    def _report(self, segments: int) -> Report:
        return Report(self._clock.now(), segments, examined={check.name: 0 for check in CHECKS})

    def _context(self) -> Context:
        return Context(self._reader, self._reader.letters(), self._options.limits, self._clock.now())

    def _findings(self, context: Context, report: Report, check: Check, records: Sequence[Any]) -> list[Finding]:
        report.examined[check.name] += len(records)
        report.partly_read = sorted(context.letters.partly_read)
        self._on_progress(check.name, len(records))
        return list(check.findings(context, records)) if records else []

    def _settle(self, report: Report, found: list[Finding]) -> Report:
        """Check findings again until they no longer change, or until the timeout."""
        until = self._clock.monotonic() + self._options.timeout
        found = list({finding.key: finding for finding in found}.values())
        while found and self._clock.monotonic() < until:
            self._clock.sleep(self._options.pause)
            again = {finding.key: finding for finding in self.check_again(found)}
            for finding in found:
                if (now := again.get(finding.key)) and now.evidence == finding.evidence:
                    (report.within_bound if now.within_bound else report.violations).append(now)
            evidence = {finding.key: finding.evidence for finding in found}
            found = [now for key, now in again.items() if key in evidence and now.evidence != evidence[key]]
        report.unsettled = found
        return report

    def check_again(self, found: Sequence[Finding]) -> list[Finding]:
        """Return what the checks find now about the subjects of ``found``."""
        context = self._context()
        again: list[Finding] = []
        for check in CHECKS:
            subjects = {finding.subject for finding in found if finding.kind == check.kind}
            if subjects:
                again += check.findings(context, list(check.find(context, subjects)))
        return again


def _request_findings(context: Context, requests: Sequence[Request]) -> Iterator[Finding]:
    for request in requests:
        yield from request_findings(request, context.letters, context.limits, context.now)
    succeeded = [request for request in requests if request.status == "succeeded"]
    delivered = {request.request_id: images_of(request) for request in succeeded}
    images = context.reader.gallery_images(image_id for each in delivered.values() for image_id in each)
    payments = context.reader.payments(
        (request_id, index) for request_id, each in delivered.items() for index in each.values()
    )
    for request in succeeded:
        yield from image_findings(request, images, payments, context.now)
    withdrawn = [request for request in requests if request.status in WITHDRAWN and images_of(request)]
    stored = context.reader.gallery_images(image_id for request in withdrawn for image_id in images_of(request))
    for request in withdrawn:
        yield from withdrawn_image_findings(request, stored, context.limits, context.now)


def _image_findings(context: Context, images: Sequence[GalleryImage]) -> Iterator[Finding]:
    for image in images:
        if image.deleted_at is None:
            files = context.reader.files(f"{GALLERY_FOLDER}{image.request_id}/{image.index}-")
            yield from gallery_image_findings(image, files)


def _payment_findings(context: Context, payments: Sequence[Payment]) -> Iterator[Finding]:
    known = context.reader.requests(payment.request_id for payment in payments)
    for payment in payments:
        yield from payment_findings(payment, known)


def _file_findings(context: Context, files: Sequence[StoredFile]) -> Iterator[Finding]:
    places = {file.key: file.image() for file in files}
    ids = {key: f"{place[0]}-{place[1]}" for key, place in places.items() if place}
    images = context.reader.gallery_images(ids.values())
    stray = [file for file in files if not _belongs(file, images.get(ids.get(file.key, "")))]
    requests = context.reader.requests(place[0] for file in stray if (place := places[file.key]))
    for file in stray:
        request_id, _ = places[file.key] or ("", 0)
        image, request = images.get(ids.get(file.key, "")), requests.get(request_id)
        yield from file_findings(file, image, request, context.letters, context.limits, context.now)


def _belongs(file: StoredFile, image: GalleryImage | None) -> bool:
    return image is not None and not image.deleted_at and file.key in image.files


def _raw_findings(context: Context, raws: Sequence[StoredFile]) -> Iterator[Finding]:
    places = [raw.image(RAW_KEY) for raw in raws]
    first = [(place[0], 0) for place in places if place]  # which the ledger marks if the request was withdrawn
    payments = context.reader.payments([*(place for place in places if place), *first])
    for raw, place in zip(raws, places, strict=True):
        if place is None:
            yield from raw_findings(raw, None, None, context.now)
        else:
            yield from raw_findings(raw, payments.get(place), payments.get((place[0], 0)), context.now)


def _letter_findings(context: Context, letters: Sequence[Letter]) -> Iterator[Finding]:
    known = context.reader.requests(letter.request_id for letter in letters if letter.request_id)
    for letter in letters:
        yield from letter_findings(letter, known, context.now)


def _payment_keys(subjects: Collection[str]) -> list[tuple[str, int]]:
    """Return request and index of subjects such as ``<request id>/0``."""
    parts = [subject.rpartition("/") for subject in subjects]
    return [(request_id, int(index)) for request_id, _, index in parts]


LETTERS: Final = Check(
    name="letters",
    kind="letter",
    scan=lambda context, _segment, _segments: context.letters.all,
    of_request=lambda context, request_id: context.letters.of(request_id),
    find=lambda context, subjects: [each for each in context.letters.all if each.subject in subjects],
    findings=_letter_findings,
)
"""Dead letters are read as a whole: they have no segments."""

CHECKS: Final = (
    Check(
        name="requests",
        kind="request",
        scan=lambda context, segment, segments: context.reader.scan_requests(segment, segments),
        of_request=lambda context, request_id: context.reader.requests([request_id]).values(),
        find=lambda context, subjects: context.reader.requests(subjects).values(),
        findings=_request_findings,
    ),
    Check(
        name="images",
        kind="image",
        scan=lambda context, segment, segments: context.reader.scan_images(segment, segments),
        of_request=lambda context, request_id: context.reader.gallery_images(
            f"{request_id}-{index}" for index in range(IMAGES_MAX)
        ).values(),
        find=lambda context, subjects: context.reader.gallery_images(subjects).values(),
        findings=_image_findings,
    ),
    Check(
        name="payments",
        kind="payment",
        scan=lambda context, segment, segments: context.reader.scan_payments(segment, segments),
        of_request=lambda context, request_id: context.reader.payments(
            (request_id, index) for index in range(IMAGES_MAX)
        ).values(),
        find=lambda context, subjects: context.reader.payments(_payment_keys(subjects)).values(),
        findings=_payment_findings,
    ),
    Check(
        name="files",
        kind="file",
        scan=lambda context, segment, segments: context.reader.scan_files(GALLERY_FOLDER, segment, segments),
        of_request=lambda context, request_id: context.reader.files(f"{GALLERY_FOLDER}{request_id}/"),
        find=lambda context, subjects: [file for key in subjects for file in context.reader.files(key)],
        findings=_file_findings,
    ),
    Check(
        name="raw images",
        kind="raw",
        scan=lambda context, segment, segments: context.reader.scan_files(RAW_FOLDER, segment, segments),
        of_request=lambda context, request_id: context.reader.files(f"{RAW_FOLDER}{request_id}/"),
        find=lambda context, subjects: [file for key in subjects for file in context.reader.files(key)],
        findings=_raw_findings,
    ),
    LETTERS,
)
