"""The rules that all data must satisfy. Each function returns the violations in some records.

`docs/runbook.md` describes what to do about each.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Self

from events.pipeline import Status, open_stalls
from kit.request_age import may_have_expired
from services.operations.audit.records import (
    RAW_KEY,
    Finding,
    GalleryImage,
    Letter,
    Letters,
    Payment,
    Repair,
    StoredFile,
)
from services.operations.timeline import Request

RULES: Final = {
    "request-overdue": "A request is past its deadline, or the sweeper is late, and no queue has a dead letter of it.",
    "request-check-too-late": "An open request is due for the sweeper only after its deadline.",
    "request-not-indexed": "An open request is missing from the sweeper's index.",
    "terminal-request-indexed": "A request with a terminal status is in the sweeper's index.",
    "stall-without-dead-letter": "The message of a stalled request is not in the queue that its stall names.",
    "image-not-in-gallery": "The gallery has neither an image of a succeeded request nor its deletion marker.",
    "image-of-withdrawn-request": "The gallery has an image of a cancelled or expired request.",
    "image-not-paid": "The ledger has no payment for a delivered image.",
    "image-paid-again": "An image was paid for more than once.",
    "image-without-file": "A file of an image in the gallery is missing or has another size.",
    "file-without-image": "A file in the gallery bucket belongs to no image.",
    "payment-without-request": "A payment belongs to no request.",
    "raw-without-payment": "The ledger does not know a raw image in the hand-off bucket.",
    "dead-letter-without-request": "A dead letter belongs to no request.",
}
"""Name of a rule → description of a violation."""

LEDGER_RETENTION: Final = timedelta(days=55)
"""Less than the minimum of ``LedgerRetentionDays``, for which the ledger keeps payments."""
CALLS_ALLOWED: Final = 5
"""Paid calls per image that the ledger allows. Each replay of generation allows one more."""
SWEPT_AFTER: Final = timedelta(hours=1)
"""An erasure deletes what was written during its first sweep with its second one, ten minutes later."""
GENERATION: Final = "generation.generate"


@dataclass(frozen=True)
class Limits:
    """Limits after which something counts as late."""

    deadline: timedelta = timedelta(minutes=180)
    """Of a request, from its acceptance: the sweeper's setting."""
    stalled_deadline: timedelta = timedelta(days=14)
    slack: timedelta = timedelta(minutes=30)
    """Tolerance for the sweeper, which runs every minute."""
    settled_after: timedelta = timedelta(hours=1)
    """How long a file may exist before its image's entry or after its deletion: steps are retried."""

    @classmethod
    def of_minutes(cls, deadline: int, settled_after: int) -> Self:
        """Return limits with the two configurable ones."""
        return cls(deadline=timedelta(minutes=deadline), settled_after=timedelta(minutes=settled_after))


def request_findings(request: Request, letters: Letters, limits: Limits, now: datetime) -> Iterator[Finding]:
    """Every accepted request is terminal, advances within its deadline, or has a dead letter."""
    finding = partial(_of_request, request)
    indexed = request.open_shard is not None and request.next_check_at is not None
    if request.is_terminal:
        if request.open_shard is not None or request.next_check_at is not None:
            yield finding("terminal-request-indexed", f"its status is {request.status}", repair="remove_from_index")
        return
    ends_at = request.created_at + (limits.stalled_deadline if request.status == Status.STALLED else limits.deadline)
    if not indexed:
        yield finding("request-not-indexed", f"its status is {request.status}", repair="schedule_check")
    elif request.next_check_at and request.next_check_at > max(ends_at, now) + limits.slack:
        why = f"next check at {request.next_check_at:%Y-%m-%d %H:%M}"
        yield finding("request-check-too-late", why, repair="schedule_check")
    late = [at for at in (ends_at, request.next_check_at) if at is not None and at + limits.slack < now]
    if late and not letters.of(request.request_id) and not letters.partly_read:
        yield finding("request-overdue", f"{request.status} since {request.timeline[-1].at:%Y-%m-%d %H:%M}")
    if request.status == Status.STALLED:
        for stall in open_stalls(request.timeline):
            step, message = stall.details["step"], stall.details["message"]
            if not letters.holds(step, message):
                why = f"{step} has no message {message}"
                yield finding("stall-without-dead-letter", why, detail=f"{step} {message}")


def images_of(request: Request) -> dict[str, int]:
    """Return id → index of the images that were stored for a request."""
    return {
        image["id"]: int(image["index"]) for stored in request.of("ImageStored") for image in stored.details["images"]
    }


def image_findings(
    request: Request,
    images: Mapping[str, GalleryImage],
    payments: Mapping[tuple[str, int], Payment],
    now: datetime,
) -> Iterator[Finding]:
    """The gallery has all images of a succeeded request, and each was paid for once."""
    deleted = {entry.details["image"] for entry in request.of("ImageDeleted")}
    allowed = CALLS_ALLOWED + sum(entry.details["step"] == GENERATION for entry in request.of("MessageReplayed"))
    for image_id, index in images_of(request).items():
        if image_id not in images and image_id not in deleted:
            yield _of_request(request, "image-not-in-gallery", f"image {index}", image_id)
        if now - request.created_at > LEDGER_RETENTION:
            continue
        paid = payments.get((request.request_id, index))
        if paid is None or paid.paid_calls < 1 or paid.status != "generated":
            yield _of_request(request, "image-not-paid", f"image {index}", image_id)
        elif paid.paid_calls > 1:
            within = paid.paid_calls <= allowed
            bound = f"{allowed} are allowed after expired leases or lost responses"
            why = f"image {index}: {paid.paid_calls} paid calls; {bound}"
            yield _of_request(request, "image-paid-again", why, image_id, within_bound=within)


def withdrawn_image_findings(
    request: Request, images: Mapping[str, GalleryImage], limits: Limits, now: datetime
) -> Iterator[Finding]:
    """The gallery has no image of a cancelled or expired request."""
    if now - request.timeline[-1].at < limits.settled_after:
        return
    for image_id, index in images_of(request).items():
        image = images.get(image_id)
        if image is not None and image.deleted_at is None:
            yield _of_request(request, "image-of-withdrawn-request", f"image {index}: {request.status}", image_id)


def _of_request(
    request: Request, rule: str, why: str, detail: str = "", *, repair: Repair | None = None, within_bound: bool = False
) -> Finding:
    return Finding(
        rule,
        "request",
        request.request_id,
        request.request_id,
        why,
        evidence=str(request.revision),
        detail=detail,
        repair=repair,
        within_bound=within_bound,
    )


def gallery_image_findings(gallery_image: GalleryImage, files: Sequence[StoredFile]) -> Iterator[Finding]:
    """Every image in the gallery has all its files."""
    if gallery_image.deleted_at is not None:
        return
    sizes = {file.key: file.size for file in files}
    for key, size in gallery_image.files.items():
        if sizes.get(key) != size:
            why = "is missing" if key not in sizes else f"has {sizes[key]} bytes, not {size}"
            name = key.rpartition("/")[2]
            yield Finding(
                "image-without-file",
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
    """Every file in the gallery bucket belongs to an image, or to a request that is not terminal."""
    place = file.image()
    if place is None:
        yield Finding("file-without-image", "file", file.key, None, "its key does not have the format of storage")
        return
    request_id, _ = place
    if gallery_image is not None and gallery_image.deleted_at is None and file.key in gallery_image.files:
        return
    since = (
        max(file.written_at, gallery_image.deleted_at)
        if gallery_image and gallery_image.deleted_at
        else file.written_at
    )
    working = request is not None and not request.is_terminal
    if working or now - since < limits.settled_after or letters.of(request_id):
        return
    why = "its image was deleted" if gallery_image and gallery_image.deleted_at else "no image refers to it"
    yield Finding("file-without-image", "file", file.key, request_id, why, repair="delete_file")


def payment_findings(payment: Payment, known: Collection[str]) -> Iterator[Finding]:
    """Every payment belongs to a request."""
    if payment.paid_calls and payment.request_id not in known:  # an erased request leaves a tombstone without calls
        subject = f"{payment.request_id}/{payment.index}"
        why = f"{payment.paid_calls} paid calls for image {payment.index}"
        yield Finding("payment-without-request", "payment", subject, payment.request_id, why)


def raw_findings(raw: StoredFile, payment: Payment | None, first: Payment | None, now: datetime) -> Iterator[Finding]:
    """The ledger knows every raw image: the recorded one, or one that was paid for in addition.

    ``first`` is the payment of the request's first image. If the request was erased while a model answered, the image
    is written after that, and the next sweep of the erasure deletes it.
    """
    place = raw.image(RAW_KEY)
    if place is None:
        yield Finding("raw-without-payment", "raw", raw.key, None, "its key does not have the format of generation")
    elif payment is None or payment.paid_calls < 1:  # the first image's item exists as a tombstone, too
        swept = first is not None and first.is_withdrawn and now - raw.written_at < SWEPT_AFTER
        why = "the ledger has no record of this image"
        yield Finding("raw-without-payment", "raw", raw.key, place[0], why, within_bound=swept)
    elif payment.raw_key not in (None, raw.key) and payment.paid_calls <= 1:
        yield Finding("raw-without-payment", "raw", raw.key, place[0], "the ledger recorded another one, paid once")


def letter_findings(letter: Letter, known: Collection[str], now: datetime) -> Iterator[Finding]:
    """Every dead letter belongs to a request, or to an image that has outlived its request."""
    if letter.request_id and may_have_expired(letter.request_id, now):
        return
    if letter.request_id is None or letter.request_id not in known:
        whose = f"request {letter.request_id} is unknown" if letter.request_id else "it is not an event"
        why = f"in {letter.queue}: {whose}"
        rule = "dead-letter-without-request"
        yield Finding(rule, "letter", letter.subject, letter.request_id, why, detail=letter.queue)
