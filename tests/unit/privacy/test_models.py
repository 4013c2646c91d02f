"""When an erasure is complete, which events are repeated, and what the receipt says."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from events.catalog.erasure_started import ErasureStarted
from events.erasure import ERASERS, StoreReceipt
from kit.erasure import PAGE, PAGES_MAX, list_parts, listed
from services.privacy.models import SWEEPS, Answer, Erasure, Part, progress_of, receipt_of

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
ERASURE = Erasure("5f0d9c3e-6a1b-4c2d-8e7f-9a0b1c2d3e4f", "ada", "owner", NOON)
REQUEST = "01a0b9c4-7d2e-7c31-9f60-5b1d2f7a9e04"


def part(event: ErasureStarted, *, without: str = "", **answers: Answer) -> Part:
    """Return a part that every service has answered but one."""
    services = {name: Answer() for name in ERASERS[event.data.scope] if name != without}
    return Part(event.metadata.event_id, event.data.sweep, event, {**services, **answers})


def test_an_erasure_is_complete_when_every_list_is_answered() -> None:
    start = ERASURE.started()
    requests = listed(start, "request", [REQUEST])
    names = Answer(parts=(requests.metadata.event_id,))

    assert not progress_of(ERASURE, []).is_complete
    assert not progress_of(ERASURE, [part(start, intake=names)]).is_complete, "the list is missing"
    assert not progress_of(ERASURE, [part(start, intake=names), part(requests, without="storage")]).is_complete
    assert progress_of(ERASURE, [part(requests), part(start, intake=names)]).is_complete


def test_an_answer_that_arrives_before_its_event_is_not_complete() -> None:
    start = ERASURE.started()
    early = replace(part(start), event=None)

    assert not progress_of(ERASURE, [early]).is_complete
    assert progress_of(ERASURE, [early]).unanswered == [start]


def test_only_what_has_no_answer_is_repeated() -> None:
    start = ERASURE.started()
    lost, done = listed(start, "request", [REQUEST]), listed(start, "image", [f"{REQUEST}-0"])
    named = Answer(parts=(lost.metadata.event_id, done.metadata.event_id))

    assert progress_of(ERASURE, [part(start, intake=named), part(lost, without="intake"), part(done)]).unanswered == [
        lost
    ]
    assert progress_of(ERASURE, [part(start, intake=named), part(done)]).unanswered == [start], "to list it again"


def test_answers_of_an_earlier_sweep_do_not_count() -> None:
    second = replace(ERASURE, sweep=2, sweep_at=NOON + SWEEPS[1])

    assert not progress_of(second, [part(ERASURE.started())]).is_complete
    assert progress_of(second, [part(ERASURE.started()), part(second.started())]).is_complete


@pytest.mark.parametrize(
    ("started", "following"), [(timedelta(0), SWEEPS[1]), (timedelta(minutes=3), SWEEPS[1]), (SWEEPS[1], SWEEPS[2])]
)
def test_every_late_sweep_takes_place_after_any_number_of_early_ones(started: timedelta, following: timedelta) -> None:
    erasure = replace(ERASURE, sweep=7, sweep_at=NOON + started)

    assert erasure.next_sweep_at == NOON + following
    assert replace(erasure, sweep_at=NOON + SWEEPS[-1]).next_sweep_at is None


def test_the_receipt_adds_up_and_does_not_depend_on_the_order() -> None:
    start = ERASURE.started()
    early = StoreReceipt(store="intake/requests", erased=2, remains="ids", reason="late messages", until=NOON)
    late = early.model_copy(update={"erased": 3, "until": NOON + timedelta(days=1)})
    parts = [
        Part("a", 1, start, {"intake": Answer((early,))}),
        Part("b", 1, start, {"intake": Answer((late, StoreReceipt(store="x/y", erased=1)))}),
        Part("c", 2, start, {"intake": Answer((StoreReceipt(store="intake/requests"),))}),
    ]
    receipts = []
    for seed in range(5):
        random.Random(seed).shuffle(parts)
        receipts.append(receipt_of(parts))

    assert all(receipt == receipts[0] for receipt in receipts)
    assert [(store.store, store.erased) for store in receipts[0]] == [("intake/requests", 5), ("x/y", 1)]
    assert receipts[0][0].until == NOON + timedelta(days=1)


def test_lists_are_short_and_of_bounded_number() -> None:
    ids = [f"01a0b9c4-7d2e-7c31-9f60-{number:012x}" for number in range(PAGE * 2 + 1)]
    parts, more = list_parts(ERASURE.started(), "request", ids)

    assert [len(event.data.request_ids) for event in parts] == [PAGE, PAGE, 1]
    assert not more
    assert len({event.metadata.event_id for event in parts}) == 3
    many = (f"01a0b9c4-7d2e-7c31-9f60-{number:012x}" for number in range(PAGE * PAGES_MAX + 1))
    parts, more = list_parts(ERASURE.started(), "request", many)
    assert (len(parts), more) == (PAGES_MAX, True)
