"""Deleting an image: all its files are removed, no late message restores it, and no crash loses the deletion."""

from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.catalog.image_approved import ImageApproved
from events.catalog.image_deleted import ImageDeleted
from events.catalog.image_stored import ImageStored
from kit.errors import UnprocessableError
from kit.problems import ApiProblem
from services.storage.derivation import Derivation
from services.storage.derived_files import DerivedFile, DerivedFormat
from services.storage.gallery import Gallery
from services.storage.models import DeletionMarker
from services.storage.removal import FileRemoval, deletion_event
from services.storage.shares import create_share
from tests.support.clock import FakeClock
from tests.unit.storage.fakes import NOON, PROMPT, REQUEST, FakeCdn, StorageHarness, approved, encode, gradient

IMAGE = f"{REQUEST}-0"


class Crash(Exception):
    """The function crashed."""


class RemovalHarness:
    """A gallery with the step that removes files."""

    def __init__(self) -> None:
        self.storage, self.cdn, self.clock = StorageHarness(), FakeCdn(), FakeClock(NOON)
        self.records, self.files = self.storage.gallery, self.storage.files
        self.gallery = Gallery(self.records, self.clock)
        self.derivation = Derivation(gallery=self.records, files=self.files)
        self.remove = FileRemoval(gallery=self.records, files=self.files, cdn=self.cdn).remove

    def store(self, count: int = 1) -> ImageApproved:
        """Store a request of ``count`` images and return its approval."""
        event = approved(
            *(
                self.storage.handoff.put(encode(gradient(8, 8, tint=n)), n).model_copy(update={"width": 8, "height": 8})
                for n in range(count)
            )
        )
        self.storage.store(event)
        return event

    def deletions(self) -> list[ImageDeleted]:
        """Return the deletions in the table's stream."""
        return [
            deletion_event(record) for record in self.records.recorded.values() if isinstance(record, DeletionMarker)
        ]


@pytest.fixture
def harness() -> RemovalHarness:
    return RemovalHarness()


def test_a_deleted_image_leaves_a_marker_without_text_of_a_person(harness: RemovalHarness) -> None:
    harness.store()
    entry = harness.records.entries[IMAGE]
    share, _ = create_share(IMAGE, 60, NOON)
    harness.records.add_share(entry, share, [])
    harness.gallery.delete(IMAGE, "ada")
    marker = harness.records.find(IMAGE)
    assert isinstance(marker, DeletionMarker)
    assert PROMPT not in marker.model_dump_json()
    assert share.share_id not in marker.model_dump_json()
    assert marker.keys == entry.keys


def test_deleting_again_has_no_effect(harness: RemovalHarness) -> None:
    harness.store()
    harness.gallery.delete(IMAGE, "ada")
    first = harness.deletions()
    harness.clock.advance(86_400)
    harness.gallery.delete(IMAGE, "ada")
    assert harness.deletions() == first


def test_an_image_of_another_owner_or_unknown_is_not_deleted(harness: RemovalHarness) -> None:
    harness.store()
    with pytest.raises(ApiProblem, match="No image"):
        harness.gallery.delete(IMAGE, "eve")
    with pytest.raises(ApiProblem, match="No image"):
        harness.gallery.delete(f"{REQUEST}-7", "ada")
    harness.gallery.delete(IMAGE, "ada")
    with pytest.raises(ApiProblem, match="No image"):
        harness.gallery.delete(IMAGE, "eve")


def test_files_and_cached_copies_are_removed_and_published(harness: RemovalHarness) -> None:
    harness.store(count=2)
    keys = harness.records.entries[IMAGE].keys
    harness.gallery.delete(IMAGE, "ada")
    [event] = harness.deletions()
    assert harness.remove(event) == [event]
    assert (event.data.image_id, event.data.reason, event.metadata.owner) == (IMAGE, "owner", "ada")
    assert (event.metadata.request_id, event.metadata.occurred_at) == (REQUEST, NOON)
    assert not set(keys) & harness.files.objects.keys()
    assert len(harness.files.objects) == 3, "the other image stays"
    assert harness.cdn.invalidated == {event.metadata.event_id: sorted(keys)}


def test_derived_files_are_removed_with_their_image(harness: RemovalHarness) -> None:
    harness.store(count=2)
    derived = [
        DerivedFile(f"{REQUEST}-{index}", harness.records.entries[f"{REQUEST}-{index}"].folder, 320, format)
        for index in range(2)
        for format in get_args(DerivedFormat)
    ]
    for each in derived:
        assert harness.derivation.derive(each) is not None
    harness.gallery.delete(IMAGE, "ada")
    [event] = harness.deletions()
    harness.remove(event)
    assert [each.key for each in derived if each.key in harness.files.objects] == [each.key for each in derived[3:]]
    assert set(harness.cdn.invalidated[event.metadata.event_id]) > {each.key for each in derived[:3]}


@pytest.mark.parametrize("moment", ["before", "between", "after"])
def test_a_file_derived_during_a_deletion_does_not_stay(
    harness: RemovalHarness, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """The deletion happens before the original is read, before the derived file is written, or after it."""
    harness.store()
    wanted = DerivedFile(IMAGE, harness.records.entries[IMAGE].folder, 320, "webp")

    def delete() -> None:
        harness.gallery.delete(IMAGE, "ada")
        for event in harness.deletions():
            harness.remove(event)

    name = {"before": "read", "between": "write_derived", "after": "write_derived"}[moment]
    call = getattr(harness.files, name)

    def interrupted(*arguments: Any) -> Any:
        if moment != "after":
            delete()
        result = call(*arguments)
        if moment == "after":
            delete()
        return result

    monkeypatch.setattr(harness.files, name, interrupted)
    assert harness.derivation.derive(wanted) is None
    assert not harness.files.objects


def test_a_missing_original_of_an_image_is_reported(harness: RemovalHarness) -> None:
    harness.store()
    entry = harness.records.entries[IMAGE]
    del harness.files.objects[entry.original.key]
    with pytest.raises(UnprocessableError, match="original file of image"):
        harness.derivation.derive(DerivedFile(IMAGE, entry.folder, 320, "webp"))


def test_nothing_is_derived_from_another_folder_than_the_recorded_one(harness: RemovalHarness) -> None:
    harness.store()
    folder = harness.records.entries[IMAGE].folder
    other = f"{folder.rpartition('-')[0]}-{'0' * 64}"
    assert harness.derivation.derive(DerivedFile(IMAGE, other, 320, "webp")) is None
    assert harness.derivation.derive(DerivedFile(f"{REQUEST}-9", folder, 320, "webp")) is None


def test_each_image_of_a_request_has_its_own_deletion_event(harness: RemovalHarness) -> None:
    harness.store(count=2)
    for index in range(2):
        harness.gallery.delete(f"{REQUEST}-{index}", "ada")
    assert len({event.metadata.event_id for event in harness.deletions()}) == 2


@pytest.mark.parametrize("step", ["files", "cdn"])
def test_a_crash_during_removal_loses_nothing(
    harness: RemovalHarness, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    harness.store()
    harness.gallery.delete(IMAGE, "ada")
    [event] = harness.deletions()

    def crash(*_: object) -> None:
        raise Crash

    with monkeypatch.context() as broken:
        target, name = (harness.files, "delete") if step == "files" else (harness.cdn, "invalidate")
        broken.setattr(target, name, crash)
        with pytest.raises(Crash):
            harness.remove(event)
    assert harness.remove(event) == [event]
    assert not harness.files.objects
    assert list(harness.cdn.invalidated) == [event.metadata.event_id]


def test_a_late_approval_does_not_restore_a_deleted_image(harness: RemovalHarness) -> None:
    event = harness.store(count=2)
    first = harness.storage.store(event)
    harness.gallery.delete(IMAGE, "ada")
    for deletion in harness.deletions():
        harness.remove(deletion)
    assert harness.storage.store(event) == first, "a redelivery repeats what was published"
    assert isinstance(first[0], ImageStored)
    assert isinstance(harness.records.find(IMAGE), DeletionMarker)
    assert {key.split("/")[2].split("-")[0] for key in harness.files.objects} == {"1"}


@settings(max_examples=40, deadline=None)
@given(st.permutations(["approve", "approve", "delete", "remove", "remove", "remove"]))
def test_any_order_of_approval_and_deletion_leaves_no_files(order: list[str]) -> None:
    harness = RemovalHarness()
    for step in ["store", *order]:
        match step:
            case "store":
                event = harness.store()
            case "approve":
                harness.storage.store(event)
            case "delete":
                harness.gallery.delete(IMAGE, "ada")
            case _:
                for deletion in harness.deletions():
                    harness.remove(deletion)
    for deletion in harness.deletions():
        harness.remove(deletion)
    assert not harness.records.entries
    assert not harness.files.objects


def test_a_deletion_with_an_expired_marker_is_still_published(harness: RemovalHarness) -> None:
    harness.store()
    harness.gallery.delete(IMAGE, "ada")
    [event] = harness.deletions()
    harness.records.recorded.clear()
    assert harness.remove(event) == [event]


def test_an_image_that_is_not_deleted_is_not_removed(harness: RemovalHarness) -> None:
    harness.store()
    event = deletion_event(harness.records.entries[IMAGE].deletion_marker(NOON, "owner"))
    with pytest.raises(UnprocessableError, match="not deleted"):
        harness.remove(event)
    assert len(harness.files.objects) == 3
