"""Each audit rule: data that satisfies it, data that violates it, and data that changes during an audit."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from cli.repairs import repair
from events.pipeline import TimelineEntry
from services.operations.audit.auditor import Auditor, Options
from services.operations.audit.records import Payment, Report
from services.operations.audit.rules import RULES
from services.operations.timeline import Request
from tests.unit.operations.audit_world import (
    FILES,
    FOLDER,
    NOW,
    RAW,
    REQUEST,
    STALL,
    World,
    accepted,
    letter,
    stalled,
    succeeded,
)

ORIGINAL = f"{FOLDER}/original.png"
STRANGER = "01a0b9c4-7d2e-7c31-9f60-00000000dead"
LONG_AGO = timedelta(hours=4)


def audit(world: World, *, segments: int = 2) -> Report:
    return Auditor(world, world, Options(pause=5, timeout=20)).audit(range(segments), segments)


def broken(world: World) -> list[str]:
    return [finding.rule for finding in audit(world).violations]


def waiting_for_storage(request: Request) -> World:
    """Return a world without images of the request in the gallery."""
    world = World(request)
    world.gallery.clear()
    return world


def dead(request: Request) -> World:
    world = World(request)
    world.dead.append(letter())
    return world


def hidden(request: Request) -> World:
    world = World(request)
    world.partly_read.add("storage.store")
    return world


def deleted() -> World:
    request = succeeded()
    gone = TimelineEntry("e3", "ImageDeleted", NOW, {"image": f"{REQUEST}-0", "reason": "owner"})
    world = World(replace(request, timeline=[*request.timeline, gone]))
    world.gallery[f"{REQUEST}-0"] = replace(world.gallery[f"{REQUEST}-0"], deleted_at=NOW)
    for key in FILES:
        del world.objects[key]
    return world


def old() -> World:
    world = World(replace(succeeded(), created_at=NOW - timedelta(days=58)))
    world.ledger.clear()
    del world.objects[RAW]
    return world


def paid(calls: int, **changes: object) -> World:
    world = World()
    world.objects[RAW.replace("a" * 64, "b" * 64)] = 800
    world.ledger[REQUEST, 0] = replace(world.ledger[REQUEST, 0], paid_calls=calls, **changes)  # type: ignore[arg-type]
    return world


def image_of_expired_request() -> World:
    """Return an image that outlived its request, and the dead letter of its deletion."""
    ancient = "01941f29-7c00-7c31-9f60-000000000001"  # accepted in January 2025
    world = World()
    world.known.clear()
    world.ledger.clear()
    files = {key.replace(REQUEST, ancient): size for key, size in FILES.items()}
    image = replace(world.gallery.pop(f"{REQUEST}-0"), image_id=f"{ancient}-0", request_id=ancient, files=files)
    world.gallery[image.image_id] = image
    world.objects = dict(files)
    world.dead = [letter("storage.remove", request_id=ancient)]
    return world


HOLDS: dict[str, Callable[[], World]] = {
    "a request with its image": lambda: World(succeeded()),
    "a request in progress": lambda: World(accepted()),
    "a request past its deadline in a dead-letter queue": lambda: dead(accepted(ago=LONG_AGO)),
    "a stalled request with its letter": lambda: dead(stalled()),
    "a stalled request whose letters could not all be read": lambda: hidden(stalled()),
    "a replayed request": lambda: World(stalled(TimelineEntry("e10", "MessageReplayed", NOW, {**STALL, "replays": 1}))),
    "a file of a request that is still being stored": lambda: waiting_for_storage(accepted(status="storing")),
    "a deleted image": deleted,
    "an image older than the retention of the ledger": old,
    "an image whose request has expired": image_of_expired_request,
    "the raw image of an additional paid call": lambda: paid(2),
}


@pytest.mark.parametrize("world", HOLDS.values(), ids=HOLDS.keys())
def test_the_audit_is_clean_if_every_rule_holds(world: Callable[[], World]) -> None:
    report = audit(world())
    assert report.violations == []
    assert report.unsettled == []
    assert report.complete


def changed(request: Request, **changes: object) -> World:
    return World(replace(request, **changes))  # type: ignore[arg-type]


def without(*keys: str) -> World:
    world = World()
    for key in keys:
        del world.objects[key]
    return world


def stray(key: str) -> World:
    world = World()
    world.objects[key] = 1
    return world


def raw_image_never_paid_for() -> World:
    """The ledger's item exists, as the tombstone of the first image does, but no call was paid."""
    world = stray(f"raw/{REQUEST}/1-{'c' * 64}")
    world.ledger[REQUEST, 1] = Payment(REQUEST, 1, 0)
    return world


def raw_image_of_erased_request(age: timedelta) -> World:
    """A model answered while the request was erased: only the tombstone is left."""
    world = stray(f"raw/{STRANGER}/1-{'c' * 64}")
    world.ledger[STRANGER, 0] = Payment(STRANGER, 0, 0, is_withdrawn=True)
    world.written_at = NOW - age
    return world


def unpaid() -> World:
    world = World()
    world.ledger.clear()
    del world.objects[RAW]
    return world


def withdrawn() -> World:
    """Return a world with the image of a request that was cancelled hours ago."""
    request = replace(succeeded(), status="cancelled", created_at=NOW - timedelta(hours=4))
    timeline = [replace(entry, at=NOW - timedelta(hours=4)) for entry in request.timeline]
    return World(replace(request, timeline=timeline))


def payment_of_unknown_request() -> World:
    world = World()
    world.ledger[STRANGER, 0] = Payment(STRANGER, 0, 1)
    return world


def not_in_gallery() -> World:
    world = World()
    world.gallery.clear()
    for key in FILES:
        del world.objects[key]
    return world


def with_dead_letter(request_id: str | None) -> World:
    world = World()
    world.dead.append(letter(request_id=request_id))
    return world


def files_of_deleted_image() -> World:
    """Return a world with the files of a deleted image."""
    world = deleted()
    gone = world.gallery[f"{REQUEST}-0"]
    world.gallery[f"{REQUEST}-0"] = replace(gone, deleted_at=NOW - timedelta(hours=3))
    world.objects |= FILES
    return world


def dead_letter_in_another_queue() -> World:
    world = World(stalled())
    world.dead.append(letter(step="generation.generate"))
    return world


BROKEN: dict[str, tuple[Callable[[], World], str, int]] = {
    "past its deadline": (lambda: World(accepted(ago=LONG_AGO)), "request-overdue", 1),
    "not checked by the sweeper": (
        lambda: changed(accepted(), next_check_at=NOW - timedelta(hours=1)),
        "request-overdue",
        1,
    ),
    "check too late": (lambda: changed(accepted(), next_check_at=NOW + timedelta(days=1)), "request-check-too-late", 1),
    "not indexed": (lambda: changed(accepted(), open_shard=None), "request-not-indexed", 1),
    "terminal and indexed": (lambda: changed(succeeded(), open_shard="1"), "terminal-request-indexed", 1),
    "no dead letter": (lambda: World(stalled()), "stall-without-dead-letter", 1),
    "dead letter in another queue": (dead_letter_in_another_queue, "stall-without-dead-letter", 1),
    "replayed and stalled again without a dead letter": (
        lambda: World(
            stalled(
                TimelineEntry("e10", "MessageReplayed", NOW, {**STALL, "replays": 1}),
                TimelineEntry("e11", "ProcessingStalled", NOW, {**STALL, "replays": 1}),
            )
        ),
        "stall-without-dead-letter",
        1,
    ),
    "not in the gallery": (not_in_gallery, "image-not-in-gallery", 1),
    "not deleted after a cancellation": (withdrawn, "image-of-withdrawn-request", 1),
    "no payment": (unpaid, "image-not-paid", 1),
    "paid too often": (lambda: paid(6), "image-paid-again", 1),
    "a file is missing": (lambda: without(ORIGINAL), "image-without-file", 1),
    "all files are missing": (lambda: without(*FILES), "image-without-file", 3),
    "a file of another image": (lambda: stray(ORIGINAL.replace("a" * 64, "b" * 64)), "file-without-image", 1),
    "a file with an invalid key": (lambda: stray("images/what-is-this"), "file-without-image", 1),
    "files of a deleted image": (files_of_deleted_image, "file-without-image", 3),
    "a payment without a request": (payment_of_unknown_request, "payment-without-request", 1),
    "a raw image without a payment": (lambda: stray(f"raw/{STRANGER}/0-{'c' * 64}"), "raw-without-payment", 1),
    "a raw image that was never paid for": (raw_image_never_paid_for, "raw-without-payment", 1),
    "a second raw image, paid once": (lambda: stray(RAW.replace("a" * 64, "b" * 64)), "raw-without-payment", 1),
    "a dead letter of an unknown request": (lambda: with_dead_letter(STRANGER), "dead-letter-without-request", 1),
    "a dead letter that is not an event": (lambda: with_dead_letter(None), "dead-letter-without-request", 1),
}


@pytest.mark.parametrize(("world", "rule", "count"), BROKEN.values(), ids=BROKEN.keys())
def test_a_violation_is_reported_under_its_rule(world: Callable[[], World], rule: str, count: int) -> None:
    assert broken(world()) == [rule] * count


def test_every_rule_has_a_violating_case() -> None:
    assert {rule for _, rule, _ in BROKEN.values()} == set(RULES)


def test_a_second_payment_within_the_bound_is_no_violation() -> None:
    report = audit(paid(2))
    assert [finding.rule for finding in report.within_bound] == ["image-paid-again"]
    assert "2 paid calls; 5 are allowed" in report.within_bound[0].why


@pytest.mark.parametrize(("minutes", "is_swept"), [(10, True), (61, False)])
def test_a_raw_image_that_an_erasure_still_deletes_is_no_violation(minutes: int, is_swept: bool) -> None:
    report = audit(raw_image_of_erased_request(timedelta(minutes=minutes)))
    assert [finding.rule for finding in report.within_bound] == ["raw-without-payment"] * is_swept
    assert [finding.rule for finding in report.violations] == ["raw-without-payment"] * (not is_swept)


def test_a_replay_of_generation_allows_one_more_payment() -> None:
    world = paid(6)
    request = world.known[REQUEST]
    replay = TimelineEntry("e12", "MessageReplayed", NOW, {"step": "generation.generate", "message": "m", "replays": 1})
    world.known[REQUEST] = replace(request, timeline=[*request.timeline, replay])
    assert broken(world) == []


def test_a_request_that_stalls_during_an_audit_is_checked_again() -> None:
    """The dead letters were read before the stall, the request after it."""
    world = World(stalled())
    world.later.append(lambda: world.dead.append(letter()))
    report = audit(world)
    assert (report.violations, report.unsettled) == ([], [])


def test_an_image_that_is_deleted_during_an_audit_is_checked_again() -> None:
    world = without(ORIGINAL)
    marker = replace(world.gallery[f"{REQUEST}-0"], deleted_at=NOW)
    world.later.append(lambda: world.gallery.update({marker.image_id: marker}))
    assert audit(world).violations == []


def test_findings_that_keep_changing_are_unsettled() -> None:
    world = World(stalled())

    def move() -> None:
        request = world.known[REQUEST]
        world.known[REQUEST] = replace(request, revision=request.revision + 1)

    world.later = [move] * 100
    report = audit(world)
    assert report.violations == []
    assert [finding.rule for finding in report.unsettled] == ["stall-without-dead-letter"]
    assert world.seconds <= 25


def test_one_request_is_audited_with_everything_that_belongs_to_it() -> None:
    world = without(ORIGINAL)
    world.ledger[STRANGER, 0] = Payment(STRANGER, 0, 1)
    report = Auditor(world, world, Options()).one(REQUEST)
    assert [finding.rule for finding in report.violations] == ["image-without-file"]
    assert report.examined == {
        "requests": 1,
        "images": 1,
        "payments": 1,
        "files": 2,
        "raw images": 1,
        "letters": 0,
    }


def test_an_audit_stops_reading_after_its_time() -> None:
    world = World()
    report = Auditor(world, world, Options(time=-1)).audit([0], 1)
    assert not report.complete
    assert not any(report.examined.values())


REPAIRED = [
    "check too late",
    "not indexed",
    "terminal and indexed",
    "a file of another image",
    "files of a deleted image",
]


@pytest.mark.parametrize("name", REPAIRED)
def test_a_repair_resolves_its_finding(name: str) -> None:
    world = BROKEN[name][0]()
    auditor = Auditor(world, world, Options())
    report = auditor.audit([0], 1)
    assert [repair(auditor, world, finding, world.now()) for finding in report.violations] == [True] * BROKEN[name][2]
    assert broken(world) == []


def test_a_finding_that_disappeared_is_not_repaired() -> None:
    world = stray(ORIGINAL.replace("a" * 64, "b" * 64))
    auditor = Auditor(world, world, Options())
    (finding,) = auditor.audit([0], 1).violations
    entry = world.gallery[f"{REQUEST}-0"]
    world.gallery[entry.image_id] = replace(entry, files={**entry.files, finding.subject: 1})
    assert not repair(auditor, world, finding, world.now())
    assert finding.subject in world.objects


def test_findings_contain_only_ids_and_numbers() -> None:
    report = audit(World(accepted(ago=LONG_AGO))).to_dict()
    assert report["by_rule"] == {"request-overdue": 1}
    assert report["violations"][0]["request_id"] == REQUEST
