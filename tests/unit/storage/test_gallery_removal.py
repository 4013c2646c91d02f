"""Deleting a image: nothing of it stays, nothing late brings it back, and no crash loses the deletion."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.catalog.image_approved import ImageApproved
from events.catalog.image_deleted import ImageDeleted
from events.catalog.image_stored import ImageStored
from kit.errors import UnprocessableError
from services.storage.gallery import Marker
from services.storage.removal import Remove, announce, delete
from services.storage.shares import new_share
from tests.unit.storage.fakes import NOON, PROMPT, REQUEST, FakeCdn, Gallery, approved, encode, painting

IMAGE = f"{REQUEST}-0"


class Crash(Exception):
    """The function died."""


class Deleting:
    """A gallery whose deletions are worked through."""

    def __init__(self) -> None:
        self.gallery, self.cdn = Gallery(), FakeCdn()
        self.catalog, self.files = self.gallery.catalog, self.gallery.files
        self.remove = Remove(catalog=self.catalog, files=self.files, cdn=self.cdn)

    def store(self, count: int = 1) -> ImageApproved:
        """Store a request of ``count`` images and return the event that asked for it."""
        event = approved(
            *(
                self.gallery.handoff.put(encode(painting(8, 8, tint=n)), n).model_copy(update={"width": 8, "height": 8})
                for n in range(count)
            )
        )
        self.gallery.store(event)
        return event

    def announced(self) -> list[ImageDeleted]:
        """Return what the table's stream brings."""
        return [announce(found) for found in self.catalog.recorded.values() if isinstance(found, Marker)]


@pytest.fixture
def deleting() -> Deleting:
    return Deleting()


def test_a_deleted_image_leaves_a_marker_without_anything_that_somebody_wrote(deleting: Deleting) -> None:
    deleting.store()
    entry = deleting.catalog.entries[IMAGE]
    share, _ = new_share(IMAGE, 60, NOON)
    deleting.catalog.add_share(entry, share, [])
    assert delete(deleting.catalog, IMAGE, "ada", NOON)
    marker = deleting.catalog.find(IMAGE)
    assert isinstance(marker, Marker)
    assert PROMPT not in marker.model_dump_json()
    assert share.share_id not in marker.model_dump_json()
    assert marker.keys == entry.keys


def test_deleting_again_changes_nothing_and_is_no_error(deleting: Deleting) -> None:
    deleting.store()
    assert delete(deleting.catalog, IMAGE, "ada", NOON)
    first = deleting.announced()
    assert delete(deleting.catalog, IMAGE, "ada", NOON + timedelta(days=1))
    assert deleting.announced() == first


def test_nobody_deletes_what_is_anothers_or_never_was(deleting: Deleting) -> None:
    deleting.store()
    assert not delete(deleting.catalog, IMAGE, "eve", NOON)
    assert not delete(deleting.catalog, f"{REQUEST}-7", "ada", NOON)
    assert delete(deleting.catalog, IMAGE, "ada", NOON)
    assert not delete(deleting.catalog, IMAGE, "eve", NOON), "not even when it is gone"


def test_files_and_caches_go_and_the_event_says_by_whose_will(deleting: Deleting) -> None:
    deleting.store(count=2)
    keys = deleting.catalog.entries[IMAGE].keys
    delete(deleting.catalog, IMAGE, "ada", NOON)
    [event] = deleting.announced()
    assert deleting.remove(event) == [event]
    assert (event.data.image_id, event.data.reason, event.metadata.owner) == (IMAGE, "owner", "ada")
    assert (event.metadata.request_id, event.metadata.occurred_at) == (REQUEST, NOON)
    assert not set(keys) & deleting.files.objects.keys()
    assert len(deleting.files.objects) == 3, "the other image stays"
    assert deleting.cdn.forgotten == {event.metadata.event_id: sorted(keys)}


def test_images_of_one_request_are_deleted_by_events_of_their_own(deleting: Deleting) -> None:
    deleting.store(count=2)
    for index in range(2):
        delete(deleting.catalog, f"{REQUEST}-{index}", "ada", NOON)
    assert len({event.metadata.event_id for event in deleting.announced()}) == 2


@pytest.mark.parametrize("step", ["files", "cdn"])
def test_a_crash_in_between_loses_nothing(deleting: Deleting, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    deleting.store()
    delete(deleting.catalog, IMAGE, "ada", NOON)
    [event] = deleting.announced()

    def crash(*_: object) -> None:
        raise Crash

    with monkeypatch.context() as broken:
        target, name = (deleting.files, "delete") if step == "files" else (deleting.cdn, "forget")
        broken.setattr(target, name, crash)
        with pytest.raises(Crash):
            deleting.remove(event)
    assert deleting.remove(event) == [event]
    assert not deleting.files.objects
    assert list(deleting.cdn.forgotten) == [event.metadata.event_id]


def test_a_late_approval_neither_stores_it_again_nor_leaves_its_files_behind(deleting: Deleting) -> None:
    event = deleting.store(count=2)
    first = deleting.gallery.store(event)
    delete(deleting.catalog, IMAGE, "ada", NOON)
    for announced in deleting.announced():
        deleting.remove(announced)
    assert deleting.gallery.store(event) == first, "a redelivery repeats what was published"
    assert isinstance(first[0], ImageStored)
    assert isinstance(deleting.catalog.find(IMAGE), Marker)
    assert {key.split("/")[2].split("-")[0] for key in deleting.files.objects} == {"1"}


@settings(max_examples=40, deadline=None)
@given(st.permutations(["approve", "approve", "delete", "remove", "remove", "remove"]))
def test_any_order_of_approving_and_deleting_leaves_files_exactly_where_there_is_an_entry(order: list[str]) -> None:
    deleting = Deleting()
    for step in ["store", *order]:
        match step:
            case "store":
                event = deleting.store()
            case "approve":
                deleting.gallery.store(event)
            case "delete":
                delete(deleting.catalog, IMAGE, "ada", NOON)
            case _:
                for announced in deleting.announced():
                    deleting.remove(announced)
    for announced in deleting.announced():
        deleting.remove(announced)
    assert not deleting.catalog.entries
    assert not deleting.files.objects


def test_an_expired_marker_is_still_told(deleting: Deleting) -> None:
    deleting.store()
    delete(deleting.catalog, IMAGE, "ada", NOON)
    [event] = deleting.announced()
    deleting.catalog.recorded.clear()
    assert deleting.remove(event) == [event]


def test_a_image_that_stands_is_not_removed(deleting: Deleting) -> None:
    deleting.store()
    event = announce(deleting.catalog.entries[IMAGE].marker(NOON, "owner"))
    with pytest.raises(UnprocessableError, match="not deleted"):
        deleting.remove(event)
    assert len(deleting.files.objects) == 3
