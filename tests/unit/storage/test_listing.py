"""Lists of images: each image once, newest first, with bounded reads per page."""

from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from kit.cursors import encode_cursor
from services.storage.listing import MAX_EXAMINED, Page, read_page
from services.storage.models import Entry, EntrySummary, list_position, partition_key
from services.storage.schemas import ImagesQuery
from tests.unit.storage.fakes import NOON, FakeGallery, entry

MODELS, STYLES, WORDS = ("nova-canvas", "sd35"), ("anime", "photo", None), ("Cat", "lighthouse", "灯台", "STRASSE")
DAY = "2026-11-22"


def request_id(number: int) -> str:
    return f"01a0b9c4-7d2e-7c31-9f60-{number:012x}"


@st.composite
def images(draw: st.DrawFn) -> list[Entry]:
    """Return images of three days and two owners, some with the same time."""
    return [
        entry(
            draw(st.integers(0, 3)),
            request_id=request_id(number),
            owner=draw(st.sampled_from(["ada", "eve"])),
            created_at=NOON - timedelta(hours=draw(st.integers(0, 48)), microseconds=draw(st.integers(0, 1))),
            model=draw(st.sampled_from(MODELS)),
            style=draw(st.sampled_from(STYLES)),
            prompt=" ".join(["a", *draw(st.lists(st.sampled_from(WORDS)))]),
            favourite=draw(st.booleans()),
        )
        for number in range(draw(st.integers(0, 30)))
    ]


def query(**values: Any) -> ImagesQuery:
    return ImagesQuery.model_validate({name: value for name, value in values.items() if value is not None})


def pages(gallery: FakeGallery, owner: str = "ada", **values: Any) -> list[Page]:
    """Return all pages, following the cursors."""
    found: list[Page] = []
    at = None
    while True:
        asked = query(cursor=at, **values)
        found.append(read_page(gallery, asked.listing(owner), asked.cursor, asked.limit))
        if found[-1].next_position is None:
            return found
        at = encode_cursor(found[-1].next_position)


def summaries(found: list[Page]) -> list[EntrySummary]:
    return [summary for one in found for summary in one.images]


@settings(max_examples=300, deadline=None)
@given(
    everything=images(),
    limit=st.integers(1, 7),
    model=st.sampled_from([None, *MODELS]),
    style=st.sampled_from([None, "anime", "photo"]),
    day=st.sampled_from([None, DAY, "2026-11-21", "2026-11-19"]),
    favourite=st.sampled_from([None, "true"]),
    q=st.sampled_from([None, "cat", "CAT  灯台", "straße", "light"]),
)
@example(everything=[], limit=1, model=None, style=None, day=None, favourite=None, q=None)
def test_every_page_size_and_filter_lists_each_image_once_in_order(
    everything: list[Entry],
    limit: int,
    model: str | None,
    style: str | None,
    day: str | None,
    favourite: str | None,
    q: str | None,
) -> None:
    gallery = FakeGallery()
    for one in everything:
        gallery.add([one])
    words = {"cat": ["Cat"], "CAT  灯台": ["Cat", "灯台"], "straße": ["STRASSE"], "light": ["lighthouse"]}
    wanted = [
        one
        for one in everything
        if one.owner == "ada"
        and (model is None or one.model == model)
        and (style is None or one.style == style)
        and (day is None or one.created_at.date().isoformat() == day)
        and (favourite is None or one.favourite)
        and (q is None or all(word in one.prompt for word in words[q]))
    ]

    found = pages(gallery, limit=limit, model=model, style=style, day=day, favourite=favourite, q=q)

    newest_first = sorted(wanted, key=lambda one: (one.created_at, one.image_id), reverse=True)
    assert [summary.image_id for summary in summaries(found)] == [one.image_id for one in newest_first]
    assert all(len(one.images) <= limit for one in found)


@settings(max_examples=100, deadline=None)
@given(everything=images(), limit=st.integers(1, 5), data=st.data())
def test_added_and_deleted_images_do_not_disturb_later_pages(
    everything: list[Entry], limit: int, data: st.DataObject
) -> None:
    gallery = FakeGallery()
    for one in everything:
        gallery.add([one])
    first = read_page(gallery, query(limit=limit).listing("ada"), None, limit)
    gallery.add([entry(request_id=request_id(99), created_at=NOON + timedelta(seconds=1))])
    shown = {summary.image_id for summary in first.images}
    for gone in data.draw(st.lists(st.sampled_from(sorted(shown)), unique=True)) if shown else []:
        gallery.mark_deleted(gallery.entries[gone].deletion_marker(NOON, "owner"))  # also the cursor's image

    rest: list[EntrySummary] = []
    at = first.next_position
    while at is not None:
        following = read_page(gallery, query(limit=limit).listing("ada"), at, limit)
        rest += following.images
        at = following.next_position

    others = {one.image_id for one in everything if one.owner == "ada"} - shown
    assert {summary.image_id for summary in rest} == others
    assert len(rest) == len(others)


@pytest.mark.parametrize("count", [2_500, 5_000])
@pytest.mark.parametrize(
    "asked", [{}, {"style": "photo"}, {"q": "unicorn"}, {"model": "sd35", "style": "anime"}], ids=str
)
def test_the_reads_per_page_do_not_depend_on_the_number_of_images(count: int, asked: dict[str, str]) -> None:
    gallery = FakeGallery()
    for number in range(count):
        one = entry(request_id=request_id(number), created_at=NOON - timedelta(seconds=number))
        gallery.recorded[one.image_id] = one
    found = read_page(gallery, query(**asked).listing("ada"), None, 24)
    if "q" in asked or len(asked) > 1:
        assert (len(found.images), gallery.examined) == (0, MAX_EXAMINED)
        assert found.next_position is not None, "the search can continue"
    else:
        assert gallery.examined == (0 if asked else 25)
        assert found.next_position is None if asked else len(found.images) == 24


def test_a_full_last_page_has_no_cursor() -> None:
    gallery = FakeGallery()
    for number in range(4):
        gallery.add([entry(request_id=request_id(number))])
    assert [len(one.images) for one in pages(gallery, limit=2)] == [2, 2]


def test_a_cursor_of_another_day_starts_or_ends_the_list_of_a_day() -> None:
    gallery = FakeGallery()
    gallery.add([entry()])
    later, earlier = (
        encode_cursor(list_position(NOON + timedelta(days=days), f"{request_id(1)}-0")) for days in (2, -2)
    )
    assert [len(one.images) for one in pages_from(gallery, later)] == [1]
    assert [len(one.images) for one in pages_from(gallery, earlier)] == [0]


def pages_from(gallery: FakeGallery, at: str) -> list[Page]:
    asked = query(cursor=at, day=DAY)
    return [read_page(gallery, asked.listing("ada"), asked.cursor, asked.limit)]


@given(st.datetimes(timezones=st.just(UTC)), st.integers(0, 99))
def test_a_cursor_decodes_to_its_position(at: datetime, index: int) -> None:
    position = list_position(at, f"{request_id(7)}-{index}")
    assert query(cursor=encode_cursor(position)).cursor == position


@pytest.mark.parametrize(
    "forged",
    [
        "!",
        "ä",
        "AAAA",
        urlsafe_b64encode(b"2026-11-22T12:00:00.000000+00:00#tombstone").decode().rstrip("="),
        urlsafe_b64encode(b"\xff" * 60).decode().rstrip("="),
        encode_cursor(list_position(NOON, f"{request_id(7)}-0")) + "=",
    ],
)
def test_a_forged_cursor_is_rejected_by_name(forged: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ImagesQuery.model_validate({"cursor": forged})
    assert [error["loc"] for error in caught.value.errors()] == [("cursor",)]


def test_empty_parameters_are_absent() -> None:
    assert ImagesQuery.model_validate({"cursor": "", "q": "", "day": ""}) == ImagesQuery()


@pytest.mark.parametrize(
    "wrong",
    [
        {"limit": "0"},
        {"limit": "101"},
        {"limit": "many"},
        {"day": "2026-02-30"},
        {"day": "1700000000"},
        {"day": "22.11.2026"},
        {"favourite": "maybe"},
        {"q": "   "},
        {"q": "x" * 201},
        {"q": "one two three four five six seven eight nine"},
        {"owner": "eve"},
    ],
    ids=str,
)
def test_an_invalid_query_parameter_is_rejected_by_name(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError) as caught:
        ImagesQuery.model_validate(wrong)
    assert [error["loc"][0] for error in caught.value.errors()] == list(wrong)


@given(st.text(), st.text(), st.text(), st.text())
@example("ada#x", "y", "ada", "x#y")
@example('a","b', "c", "a", 'b","c')
def test_two_owners_never_share_a_partition_key(owner: str, value: str, other: str, another: str) -> None:
    assert (partition_key(owner, value) == partition_key(other, another)) == ((owner, value) == (other, another))
