"""Storing approved images: once, and all of a request or none."""

import json
from dataclasses import replace
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from events.catalog.image_approved import ImageApproved
from events.catalog.image_deleted import ImageDeleted
from events.catalog.image_stored import ImageStored
from events.catalog.request_cancelled import RequestCancelled, RequestCancelledData
from events.envelope import Event
from events.images import RemovedImage
from events.options import IMAGES_MAX
from kit.consumer import Consumer, EachMessage
from kit.errors import RetriableError, UnprocessableError
from kit.handoff import sha256
from kit.keyring import SecretVersion
from services.storage.content_credentials import ContentCredentials
from services.storage.models import DeletionMarker, Entry, Tombstone
from services.storage.withdrawal import withdraw
from tests.support.events import RecordingBus, RecordingQueue, sqs_record
from tests.unit.storage.fakes import NOON, PROMPT, REQUEST, StorageHarness, approved, encode, gradient

CANCELLED = RequestCancelled.first(REQUEST, "ada", RequestCancelledData(), occurred_at=NOON)


@pytest.fixture
def harness() -> StorageHarness:
    return StorageHarness()


def test_an_approved_image_is_stored_with_its_parameters(harness: StorageHarness) -> None:
    image = harness.handoff.put(encode(gradient()))
    [event] = harness.store(approved(image, removed=[RemovedImage(index=1, reason="content_filtered")]))
    assert isinstance(event, ImageStored)
    [stored] = event.data.images
    assert event.data.removed == [RemovedImage(index=1, reason="content_filtered")]
    assert stored.image_id == f"{REQUEST}-0"
    assert (stored.model, stored.seed, stored.cost_usd) == (image.model, image.seed, image.cost_usd)
    entry = harness.gallery.entries[stored.image_id]
    assert (entry.owner, entry.prompt, entry.negative_prompt, entry.guidance) == ("ada", PROMPT, "people", 7.5)
    assert event.metadata.occurred_at == entry.created_at


def test_keys_contain_request_index_and_raw_hash(harness: StorageHarness) -> None:
    image = harness.handoff.put(encode(gradient()))
    [event] = harness.store(approved(image))
    assert isinstance(event, ImageStored)
    stored = event.data.images[0]
    folder = f"images/{REQUEST}/0-{image.sha256}"
    variants = [stored.original, stored.display, stored.thumbnail]
    assert [v.key for v in variants] == [
        f"{folder}/original.png",
        f"{folder}/display.webp",
        f"{folder}/thumbnail.webp",
    ]
    assert all(sha256(harness.files.objects[v.key]) == v.sha256 for v in variants)
    assert all(len(harness.files.objects[v.key]) == v.bytes for v in variants)


@pytest.mark.parametrize(
    ("output_format", "compression", "name", "format"),
    [
        (None, None, "original.png", "PNG"),
        ("jpeg", None, "original.jpeg", "JPEG"),
        ("webp", 40, "original.webp", "WEBP"),
    ],
)
def test_the_original_has_the_format_of_the_request(
    harness: StorageHarness, output_format: str | None, compression: int | None, name: str, format: str
) -> None:
    event = approved(harness.handoff.put(encode(gradient())))
    changes = {"output_format": output_format, "output_compression": compression}
    parameters = event.data.parameters.model_copy(update=changes)
    data = event.data.model_copy(update={"parameters": parameters})
    [stored] = harness.store(event.model_copy(update={"data": data}))
    assert isinstance(stored, ImageStored)
    original = stored.data.images[0].original
    assert (original.key.rsplit("/", 1)[1], original.media_type) == (name, f"image/{format.lower()}")
    with Image.open(BytesIO(harness.files.objects[original.key])) as image:
        assert image.format == format


def test_the_event_contains_neither_prompt_nor_url(harness: StorageHarness) -> None:
    [event] = harness.store(approved(harness.handoff.put(encode(gradient()))))
    text = event.model_dump_json()
    assert PROMPT not in text
    assert "http" not in text


def test_a_redelivery_publishes_the_same_event(harness: StorageHarness) -> None:
    event = approved(*(harness.handoff.put(encode(gradient(tint=n)), n) for n in range(3)))
    first, second = harness.store(event), harness.store(event)
    assert [e.model_dump_json() for e in first] == [e.model_dump_json() for e in second]
    assert len(harness.files.objects) == 9


def test_a_redelivery_with_another_encoder_publishes_the_record(
    harness: StorageHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = approved(harness.handoff.put(encode(gradient())))
    first = harness.store(event)
    before = dict(harness.files.objects)
    monkeypatch.setattr("services.storage.variants.PNG_LEVEL", 9)
    monkeypatch.setattr("services.storage.variants.DISPLAY_QUALITY", 10)
    assert harness.store(event) == first
    assert harness.files.objects == before


def test_a_crash_before_the_record_keeps_the_first_files(
    harness: StorageHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = approved(harness.handoff.put(encode(gradient())))
    with monkeypatch.context() as crash:
        crash.setattr(harness.gallery, "add", lambda _: (_ for _ in ()).throw(ConnectionError()))
        with pytest.raises(ConnectionError):
            harness.store(event)
    before = dict(harness.files.objects)
    monkeypatch.setattr("services.storage.variants.DISPLAY_QUALITY", 10)
    [stored] = harness.store(event)
    assert isinstance(stored, ImageStored)
    assert harness.files.objects == before
    display = stored.data.images[0].display
    assert display.sha256 == sha256(before[display.key])


def test_a_repeated_generation_of_a_stored_image_leaves_no_files(harness: StorageHarness) -> None:
    first = harness.store(approved(harness.handoff.put(encode(gradient()))))
    before = dict(harness.files.objects)
    assert harness.store(approved(harness.handoff.put(encode(gradient(tint=99))))) == first
    assert harness.files.objects == before


def test_an_image_of_a_withdrawn_request_is_not_stored(harness: StorageHarness) -> None:
    withdraw(CANCELLED, harness.gallery)
    event = approved(*(harness.handoff.put(encode(gradient(tint=n)), n) for n in range(2)))
    followers = harness.store(event)
    assert [(type(e), e.data.image_id, e.data.reason) for e in followers] == [
        (ImageDeleted, f"{REQUEST}-0", "withdrawn"),
        (ImageDeleted, f"{REQUEST}-1", "withdrawn"),
    ]
    assert len({e.metadata.event_id for e in followers}) == 2
    assert not harness.files.objects
    assert not harness.gallery.entries
    assert harness.store(event) == followers


def test_an_image_stored_before_the_withdrawal_is_deleted(harness: StorageHarness) -> None:
    event = approved(*(harness.handoff.put(encode(gradient(tint=n)), n) for n in range(2)))
    first = harness.store(event)
    withdraw(CANCELLED, harness.gallery)
    markers = [harness.gallery.find(f"{REQUEST}-{index}") for index in range(2)]
    assert [isinstance(marker, DeletionMarker) and marker.reason for marker in markers] == ["withdrawn"] * 2
    assert harness.store(event) == first
    assert not harness.files.objects
    withdraw(CANCELLED, harness.gallery)
    assert [harness.gallery.find(f"{REQUEST}-{index}") for index in range(2)] == markers


@settings(max_examples=25, deadline=None)
@given(st.permutations(["approved", "approved", "cancelled", "cancelled"]))
def test_any_order_of_approval_and_cancellation_shows_no_image(order: list[str]) -> None:
    harness = StorageHarness()
    event = approved(harness.handoff.put(encode(gradient(8, 8)), 0).model_copy(update={"width": 8, "height": 8}))
    published = []
    for step in order:
        if step == "approved":
            published.append(harness.store(event))
        else:
            withdraw(CANCELLED, harness.gallery)
    assert published[0] == published[1]
    assert not isinstance(harness.gallery.find(f"{REQUEST}-0"), Entry)


@pytest.mark.parametrize("indexes", [(0,), (0, 1), (1, 2), (3,)])
@pytest.mark.parametrize("written", range(IMAGES_MAX))
def test_an_approval_in_the_middle_of_a_cancellation_shows_no_image(
    harness: StorageHarness, monkeypatch: pytest.MonkeyPatch, indexes: tuple[int, ...], written: int
) -> None:
    event = approved(*(harness.handoff.put(encode(gradient(tint=n)), n) for n in range(IMAGES_MAX)))
    images = [event.data.images[index] for index in indexes]
    event = event.model_copy(update={"data": event.data.model_copy(update={"images": images})})
    published: list[list[Event]] = []
    add = harness.gallery.add_tombstone

    def approve_after(tombstone: Tombstone) -> Entry | None:
        if len(harness.gallery.tombstones) == written and not published:
            published.append(harness.store(event))
        return add(tombstone)

    monkeypatch.setattr(harness.gallery, "add_tombstone", approve_after)
    withdraw(CANCELLED, harness.gallery)
    assert not harness.gallery.entries
    assert [harness.store(event)] == published
    assert not harness.files.objects


def test_a_missing_object_stores_nothing(harness: StorageHarness) -> None:
    image = harness.handoff.put(encode(gradient()))
    harness.handoff.objects.clear()
    with pytest.raises(UnprocessableError, match=r"image\.key"):
        harness.store(approved(image))
    assert not harness.files.objects


def test_stored_images_are_announced_again_without_their_raw_images(harness: StorageHarness) -> None:
    """A second region receives events again, has the same gallery, and none of the first one's raw images."""
    event = approved(*(harness.handoff.put(encode(gradient(tint=n)), n) for n in range(3)))
    first = harness.store(event)
    harness.handoff.objects.clear()
    before = dict(harness.files.objects)
    assert [e.model_dump_json() for e in harness.store(event)] == [e.model_dump_json() for e in first]
    assert harness.files.objects == before


def test_a_missing_raw_image_of_an_unknown_image_is_an_error(harness: StorageHarness) -> None:
    event = approved(*(harness.handoff.put(encode(gradient(tint=n)), n) for n in range(3)))
    harness.store(event)
    harness.gallery.recorded.popitem()
    harness.handoff.objects.clear()
    with pytest.raises(UnprocessableError, match=r"image\.key"):
        harness.store(event)


def test_one_invalid_image_of_four_stores_none_and_dead_letters(
    harness: StorageHarness,
) -> None:
    images = [harness.handoff.put(encode(gradient(tint=n)), n) for n in range(4)]
    harness.handoff.objects[images[2].key] = b"something else"
    queue, bus = RecordingQueue(), RecordingBus()
    consumer = Consumer("storage.store", [ImageApproved], EachMessage(harness.store), queue=queue, bus=bus)
    event = approved(*images)
    assert consumer({"Records": [sqs_record(event)]}) == {"batchItemFailures": []}
    [(body, attributes)] = queue.dead
    assert json.loads(body)["detail"]["metadata"]["event_id"] == event.metadata.event_id
    assert attributes["reason"].startswith(f"image.sha256: {images[2].key}")
    assert [e.detail_type for e in bus.events] == ["ProcessingStalled"]
    assert not harness.files.objects
    assert not harness.gallery.entries


def test_an_event_with_a_repeated_index_is_unprocessable(harness: StorageHarness) -> None:
    event = approved(harness.handoff.put(encode(gradient())))
    twice = event.data.model_copy(update={"images": event.data.images * 2})
    with pytest.raises(UnprocessableError, match="twice"):
        harness.store(event.model_copy(update={"data": twice}))


def test_a_tombstone_has_the_time_of_the_withdrawal(harness: StorageHarness) -> None:
    withdraw(CANCELLED, harness.gallery)
    assert {tombstone.withdrawn_at for tombstone in harness.gallery.tombstones.values()} == {NOON}


def test_a_request_whose_files_cannot_be_signed_stores_nothing(harness: StorageHarness) -> None:
    credentials = ContentCredentials(lambda: SecretVersion(3, b"-----BEGIN nothing"))
    storage = replace(harness.storage, sign=credentials.sign)

    with pytest.raises(RetriableError, match="version 3 cannot sign"):
        storage.store(approved(harness.handoff.put(encode(gradient()))))
    assert (harness.files.objects, harness.gallery.recorded) == ({}, {})


def test_a_redelivery_keeps_the_first_signature(harness: StorageHarness) -> None:
    storage = replace(harness.storage, sign=ContentCredentials(lambda: SecretVersion(1, b"secret")).sign)
    event = approved(harness.handoff.put(encode(gradient())))
    first = storage.store(event)
    stored = dict(harness.files.objects)

    assert storage.store(event) == first
    assert harness.files.objects == stored
