"""Approved images become ImageStored, once, or nothing at all."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.catalog.image_deleted import ImageDeleted
from events.catalog.image_stored import ImageStored
from events.catalog.request_cancelled import RequestCancelled, RequestCancelledData
from events.images import RemovedImage
from kit.consumer import Consumer
from kit.errors import UnprocessableError
from kit.handoff import sha256
from services.storage.service import tombstone
from tests.support.events import RecordingBus, RecordingQueue, sqs_record
from tests.unit.storage.fakes import NOON, PROMPT, REQUEST, Gallery, approved, encode, painting

CANCELLED = RequestCancelled.first(REQUEST, "ada", RequestCancelledData(), occurred_at=NOON)


@pytest.fixture
def gallery() -> Gallery:
    return Gallery()


def test_an_approved_image_is_stored_with_everything_that_made_it(gallery: Gallery) -> None:
    image = gallery.handoff.put(encode(painting()))
    [event] = gallery.store(approved(image, removed=[RemovedImage(index=1, reason="content_filtered")]))
    assert isinstance(event, ImageStored)
    [stored] = event.data.images
    assert event.data.removed == [RemovedImage(index=1, reason="content_filtered")]
    assert stored.image_id == f"{REQUEST}-0"
    assert (stored.model, stored.seed, stored.cost_usd) == (image.model, image.seed, image.cost_usd)
    entry = gallery.catalog.entries[stored.image_id]
    assert (entry.owner, entry.prompt, entry.negative_prompt, entry.guidance) == ("ada", PROMPT, "people", 7.5)
    assert event.metadata.occurred_at == entry.created_at


def test_keys_say_request_index_and_raw_hash_and_the_hashes_are_those_of_the_files(gallery: Gallery) -> None:
    image = gallery.handoff.put(encode(painting()))
    [event] = gallery.store(approved(image))
    assert isinstance(event, ImageStored)
    stored = event.data.images[0]
    folder = f"images/{REQUEST}/0-{image.sha256}"
    variants = [stored.original, stored.display, stored.thumbnail]
    assert [v.key for v in variants] == [
        f"{folder}/original.png",
        f"{folder}/display.webp",
        f"{folder}/thumbnail.webp",
    ]
    assert all(sha256(gallery.files.objects[v.key]) == v.sha256 for v in variants)
    assert all(len(gallery.files.objects[v.key]) == v.bytes for v in variants)


def test_neither_prompt_nor_url_leaves_in_the_event(gallery: Gallery) -> None:
    [event] = gallery.store(approved(gallery.handoff.put(encode(painting()))))
    text = event.model_dump_json()
    assert PROMPT not in text
    assert "http" not in text


def test_a_redelivery_repeats_the_event_to_the_letter(gallery: Gallery) -> None:
    event = approved(*(gallery.handoff.put(encode(painting(tint=n)), n) for n in range(3)))
    first, second = gallery.store(event), gallery.store(event)
    assert [e.model_dump_json() for e in first] == [e.model_dump_json() for e in second]
    assert len(gallery.files.objects) == 9


def test_a_redelivery_after_another_encoder_was_released_repeats_what_is_recorded(
    gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = approved(gallery.handoff.put(encode(painting())))
    first = gallery.store(event)
    before = dict(gallery.files.objects)
    monkeypatch.setattr("services.storage.images.PNG_LEVEL", 9)
    monkeypatch.setattr("services.storage.images.DISPLAY_QUALITY", 10)
    assert gallery.store(event) == first
    assert gallery.files.objects == before


def test_a_crash_between_files_and_catalog_leaves_the_first_files_and_tells_their_hashes(
    gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = approved(gallery.handoff.put(encode(painting())))
    with monkeypatch.context() as crash:
        crash.setattr(gallery.catalog, "add", lambda _: (_ for _ in ()).throw(ConnectionError()))
        with pytest.raises(ConnectionError):
            gallery.store(event)
    before = dict(gallery.files.objects)
    monkeypatch.setattr("services.storage.images.DISPLAY_QUALITY", 10)
    [stored] = gallery.store(event)
    assert isinstance(stored, ImageStored)
    assert gallery.files.objects == before
    display = stored.data.images[0].display
    assert display.sha256 == sha256(before[display.key])


def test_another_drawing_of_a_recorded_image_leaves_no_files_behind(gallery: Gallery) -> None:
    first = gallery.store(approved(gallery.handoff.put(encode(painting()))))
    before = dict(gallery.files.objects)
    assert gallery.store(approved(gallery.handoff.put(encode(painting(tint=99))))) == first
    assert gallery.files.objects == before


def test_a_image_taken_back_is_neither_kept_nor_published(gallery: Gallery) -> None:
    gallery.catalog.bury(tombstone(CANCELLED))
    event = approved(*(gallery.handoff.put(encode(painting(tint=n)), n) for n in range(2)))
    followers = gallery.store(event)
    assert [(type(e), e.data.image_id, e.data.reason) for e in followers] == [
        (ImageDeleted, f"{REQUEST}-0", "taken_back"),
        (ImageDeleted, f"{REQUEST}-1", "taken_back"),
    ]
    assert len({e.metadata.event_id for e in followers}) == 2
    assert not gallery.files.objects
    assert not gallery.catalog.entries
    assert gallery.store(event) == followers


def test_a_image_stored_before_it_was_taken_back_stays(gallery: Gallery) -> None:
    event = approved(gallery.handoff.put(encode(painting())))
    first = gallery.store(event)
    gallery.catalog.bury(tombstone(CANCELLED))
    assert gallery.store(event) == first
    assert len(gallery.files.objects) == 3


@settings(max_examples=25, deadline=None)
@given(st.permutations(["approved", "approved", "cancelled", "cancelled"]))
def test_any_order_of_approval_and_cancellation_ends_with_all_or_nothing(order: list[str]) -> None:
    gallery = Gallery()
    event = approved(gallery.handoff.put(encode(painting(8, 8)), 0).model_copy(update={"width": 8, "height": 8}))
    published = []
    for step in order:
        if step == "approved":
            published.append(gallery.store(event))
        else:
            gallery.catalog.bury(tombstone(CANCELLED))
    assert published[0] == published[1]
    kept = order[0] == "approved"
    assert (len(gallery.files.objects), len(gallery.catalog.entries)) == ((3, 1) if kept else (0, 0))


def test_a_missing_object_stores_nothing(gallery: Gallery) -> None:
    image = gallery.handoff.put(encode(painting()))
    gallery.handoff.objects.clear()
    with pytest.raises(UnprocessableError, match=r"image\.key"):
        gallery.store(approved(image))
    assert not gallery.files.objects


def test_one_bad_image_among_four_stores_none_and_dead_letters_the_message_with_its_reason(gallery: Gallery) -> None:
    images = [gallery.handoff.put(encode(painting(tint=n)), n) for n in range(4)]
    gallery.handoff.objects[images[2].key] = b"something else"
    queue, bus = RecordingQueue(), RecordingBus()
    consumer = Consumer(
        step="storage.store", accepts=[type(approved(*images))], queue=queue, bus=bus, handle=gallery.store
    )
    event = approved(*images)
    assert consumer({"Records": [sqs_record(event)]}) == {"batchItemFailures": []}
    [(body, attributes)] = queue.dead
    assert json.loads(body)["detail"]["metadata"]["event_id"] == event.metadata.event_id
    assert attributes["reason"].startswith(f"image.sha256: {images[2].key}")
    assert [e.detail_type for e in bus.events] == ["ProcessingStalled"]
    assert not gallery.files.objects
    assert not gallery.catalog.entries


def test_an_event_that_names_an_index_twice_is_refused(gallery: Gallery) -> None:
    event = approved(gallery.handoff.put(encode(painting())))
    twice = event.data.model_copy(update={"images": event.data.images * 2})
    with pytest.raises(UnprocessableError, match="twice"):
        gallery.store(event.model_copy(update={"data": twice}))


def test_a_tombstone_says_when_the_request_was_taken_back() -> None:
    assert (tombstone(CANCELLED).request_id, tombstone(CANCELLED).written_at) == (REQUEST, NOON)
