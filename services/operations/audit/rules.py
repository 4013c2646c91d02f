"""The rules: what must hold of everything the product keeps. Each function returns what breaks them in some records.

`docs/runbook.md` says what to do about each.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Self

from services.operations.audit.records import RAW_KEY, Finding, GalleryImage, Letter, Letters, Mend, Payment, StoredFile
from services.operations.timeline import STALLED, Request

RULES: Final = {
    "request-overdue": "a request is past its deadline or was not looked at in time, and is in no dead-letter queue",
    "request-asleep": "an open request is not due to be looked at before its deadline has passed",
    "request-not-indexed": "an open request is missing from the sweeper's index",
    "ended-request-indexed": "an ended request is still in the sweeper's index",
    "stall-without-letter": "a stalled request's message is not in the queue that its stall names",
    "image-not-catalogd": "a succeeded request's image is not in the gallery, nor a deleted one's marker",
    "image-not-paid": "a image was delivered that the guard has no payment for",
    "image-paid-again": "a image was paid for more often than once",
    "entry-without-file": "a file of a image in the gallery is missing or has another size",
    "file-without-entry": "a file lies in the gallery bucket that belongs to no image",
    "payment-without-request": "something was paid for that nobody asked for",
    "raw-without-payment": "a raw image lies in the hand-off bucket that the guard does not know",
    "letter-without-request": "a dead letter belongs to no known request",
}
"""Name of a rule → what it means that it is broken."""

GUARD_REMEMBERS: Final = timedelta(days=55)
"""Less than the sixty days for which generation keeps what it paid."""
CALLS_ALLOWED: Final = 5
"""Paid calls a image that generation's guard allows; each replay of the drawing allows one more."""
DRAW: Final = "generation.generate"


@dataclass(frozen=True)
class Limits:
    """When something counts as late."""

    deadline: timedelta = timedelta(minutes=180)
    """For a request, from when it was accepted; the sweeper's setting."""
    stalled_deadline: timedelta = timedelta(days=14)
    slack: timedelta = timedelta(minutes=30)
    """The sweeper runs every minute; this much later it has missed something."""
    settled_after: timedelta = timedelta(hours=1)
    """How long a file may wait for its image's entry, or outlive its deletion: steps are retried."""

    @classmethod
    def of_minutes(cls, deadline: int, settled_after: int) -> Self:
        """Return limits with the two that a setting may move."""
        return cls(deadline=timedelta(minutes=deadline), settled_after=timedelta(minutes=settled_after))


def request_findings(request: Request, letters: Letters, limits: Limits, now: datetime) -> Iterator[Finding]:
    """Every accepted request is ended, or moving within its deadline, or in a dead-letter queue that is named."""
    finding = partial(_of_request, request)
    indexed = request.open_shard is not None and request.next_check_at is not None
    if request.ended:
        if request.open_shard is not None or request.next_check_at is not None:
            yield finding("ended-request-indexed", f"it is {request.status}", mend="close")
        return
    ends_at = request.created_at + (limits.stalled_deadline if request.status == STALLED else limits.deadline)
    if not indexed:
        yield finding("request-not-indexed", f"it is {request.status}", mend="wake")
    elif request.next_check_at and request.next_check_at > max(ends_at, now) + limits.slack:
        yield finding("request-asleep", f"next look at {request.next_check_at:%Y-%m-%d %H:%M}", mend="wake")
    late = [moment for moment in (ends_at, request.next_check_at) if moment is not None and moment + limits.slack < now]
    if late and not letters.of(request.request_id) and not letters.partly_read:
        yield finding("request-overdue", f"{request.status} since {request.facts[-1].at:%Y-%m-%d %H:%M}")
    if request.status == STALLED:
        for stall in request.open_stalls():
            step, message = stall.about["step"], stall.about["message"]
            if not letters.holds(step, message):
                yield finding("stall-without-letter", f"{step} has no message {message}", detail=f"{step} {message}")


def images_of(request: Request) -> dict[str, int]:
    """Return image id → index of the images that a succeeded request delivered."""
    return {
        image["id"]: int(image["index"]) for stored in request.of("ImageStored") for image in stored.about["images"]
    }


def image_findings(
    request: Request,
    images: Mapping[str, GalleryImage],
    payments: Mapping[tuple[str, int], Payment],
    now: datetime,
) -> Iterator[Finding]:
    """Every succeeded request has its images in the gallery, and each was paid for exactly once."""
    deleted = {fact.about["image"] for fact in request.of("ImageDeleted")}
    allowed = CALLS_ALLOWED + sum(fact.about["step"] == DRAW for fact in request.of("MessageReplayed"))
    for image_id, index in images_of(request).items():
        if image_id not in images and image_id not in deleted:
            yield _of_request(request, "image-not-catalogd", f"image {index}", image_id)
        if now - request.created_at > GUARD_REMEMBERS:
            continue
        paid = payments.get((request.request_id, index))
        if paid is None or paid.paid_calls < 1 or paid.status != "generated":
            yield _of_request(request, "image-not-paid", f"image {index}", image_id)
        elif paid.paid_calls > 1:
            within = paid.paid_calls <= allowed
            bound = f"of {allowed} that the guard allows where a lease ran out or an answer was lost"
            why = f"image {index}: {paid.paid_calls} paid calls {bound}"
            yield _of_request(request, "image-paid-again", why, image_id, within_bound=within)


def _of_request(
    request: Request, rule: str, why: str, detail: str = "", *, mend: Mend | None = None, within_bound: bool = False
) -> Finding:
    return Finding(
        rule,
        "request",
        request.request_id,
        request.request_id,
        why,
        evidence=str(request.revision),
        detail=detail,
        mend=mend,
        within_bound=within_bound,
    )


def gallery_image_findings(gallery_image: GalleryImage, files: Sequence[StoredFile]) -> Iterator[Finding]:
    """Every image of the gallery has all its files."""
    if gallery_image.deleted_at is not None:
        return
    sizes = {file.key: file.size for file in files}
    for key, size in gallery_image.files.items():
        if sizes.get(key) != size:
            why = "is missing" if key not in sizes else f"has {sizes[key]} bytes, not {size}"
            name = key.rpartition("/")[2]
            yield Finding(
                "entry-without-file",
                "image",
                gallery_image.image_id,
                gallery_image.request_id,
                f"{name} {why}",
                detail=key,
            )


def file_findings(
    file: StoredFile,
    gallery_image: GalleryImage | None,
    request: Request | None,
    letters: Letters,
    limits: Limits,
    now: datetime,
) -> Iterator[Finding]:
    """Every file of the gallery bucket belongs to a image. One whose request is still being worked on may come to."""
    place = file.image()
    if place is None:
        yield Finding("file-without-entry", "file", file.key, None, "its key is of no shape that storage writes")
        return
    request_id, _ = place
    if gallery_image is not None and gallery_image.deleted_at is None and file.key in gallery_image.files:
        return
    since = (
        max(file.written_at, gallery_image.deleted_at)
        if gallery_image and gallery_image.deleted_at
        else file.written_at
    )
    working = request is not None and not request.ended
    if working or now - since < limits.settled_after or letters.of(request_id):
        return
    why = "its image was deleted" if gallery_image and gallery_image.deleted_at else "no image has it"
    yield Finding("file-without-entry", "file", file.key, request_id, why, mend="delete_file")


def payment_findings(payment: Payment, known: Collection[str]) -> Iterator[Finding]:
    """Everything that was paid for was asked for."""
    if payment.request_id not in known:
        subject = f"{payment.request_id}/{payment.index}"
        why = f"{payment.paid_calls} paid calls for image {payment.index}"
        yield Finding("payment-without-request", "payment", subject, payment.request_id, why)


def raw_findings(raw: StoredFile, payment: Payment | None) -> Iterator[Finding]:
    """Every raw image is one that the guard knows: the recorded one, or one of those that were paid for besides."""
    place = raw.image(RAW_KEY)
    if place is None:
        yield Finding("raw-without-payment", "raw", raw.key, None, "its key is of no shape that generation writes")
    elif payment is None:
        yield Finding("raw-without-payment", "raw", raw.key, place[0], "the guard has no record of this image")
    elif payment.raw_key not in (None, raw.key) and payment.paid_calls <= 1:
        yield Finding("raw-without-payment", "raw", raw.key, place[0], "the guard recorded another one, paid once")


def letter_findings(letter: Letter, known: Collection[str]) -> Iterator[Finding]:
    """Every dead letter belongs to a request."""
    if letter.request_id is None or letter.request_id not in known:
        whose = f"request {letter.request_id} is unknown" if letter.request_id else "it is not an event"
        subject = letter.event_id or letter.message_id
        why = f"in {letter.queue}: {whose}"
        yield Finding("letter-without-request", "letter", subject, letter.request_id, why, detail=letter.queue)
