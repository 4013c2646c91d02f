"""Lists of images: every one exactly once, newest first, for a bounded amount of reading a page."""

from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from services.storage.gallery import Card, Entry, position
from services.storage.listing import EXAMINED, ImagesQuery, Page, cursor, page, partition, position_of
from tests.unit.storage.fakes import NOON, FakeCatalogue, entry

MODELS, STYLES, WORDS = ("nova-canvas", "sd35"), ("anime", "photo", None), ("Cat", "lighthouse", "灯台", "STRASSE")
DAY = "2026-11-22"


def request_id(number: int) -> str:
    return f"01a0b9c4-7d2e-7c31-9f60-{number:012x}"


@st.composite
def images(draw: st.DrawFn) -> list[Entry]:
    """Images of three days and two owners, several of one moment."""
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


def pages(catalog: FakeCatalogue, owner: str = "ada", **values: Any) -> list[Page]:
    """Follow the cursors to the end, as a caller does."""
    found: list[Page] = []
    at = None
    while True:
        asked = query(cursor=at, **values)
        found.append(page(catalog, asked.listing(owner), asked.after, asked.limit))
        if found[-1].position is None:
            return found
        at = cursor(found[-1].position)


def cards(found: list[Page]) -> list[Card]:
    return [card for one in found for card in one.cards]


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
def test_any_page_size_and_filter_gives_each_image_once_and_in_order(
    everything: list[Entry],
    limit: int,
    model: str | None,
    style: str | None,
    day: str | None,
    favourite: str | None,
    q: str | None,
) -> None:
    catalog = FakeCatalogue()
    for one in everything:
        catalog.add([one])
    said = {"cat": ["Cat"], "CAT  灯台": ["Cat", "灯台"], "straße": ["STRASSE"], "light": ["lighthouse"]}
    wanted = [
        one
        for one in everything
        if one.owner == "ada"
        and (model is None or one.model == model)
        and (style is None or one.style == style)
        and (day is None or one.created_at.date().isoformat() == day)
        and (favourite is None or one.favourite)
        and (q is None or all(word in one.prompt for word in said[q]))
    ]

    found = pages(catalog, limit=limit, model=model, style=style, day=day, favourite=favourite, q=q)

    newest_first = sorted(wanted, key=lambda one: (one.created_at, one.image_id), reverse=True)
    assert [card.image_id for card in cards(found)] == [one.image_id for one in newest_first]
    assert all(len(one.cards) <= limit for one in found)


@settings(max_examples=100, deadline=None)
@given(everything=images(), limit=st.integers(1, 5), data=st.data())
def test_what_comes_and_goes_between_pages_disturbs_nothing_else(
    everything: list[Entry], limit: int, data: st.DataObject
) -> None:
    catalog = FakeCatalogue()
    for one in everything:
        catalog.add([one])
    first = page(catalog, query(limit=limit).listing("ada"), None, limit)
    catalog.add([entry(request_id=request_id(99), created_at=NOON + timedelta(seconds=1))])
    shown = {card.image_id for card in first.cards}
    for gone in data.draw(st.lists(st.sampled_from(sorted(shown)), unique=True)) if shown else []:
        catalog.mark(catalog.entries[gone].marker(NOON, "owner"))  # the one that the cursor names, too

    rest: list[Card] = []
    at = first.position
    while at is not None:
        following = page(catalog, query(limit=limit).listing("ada"), at, limit)
        rest += following.cards
        at = following.position

    others = {one.image_id for one in everything if one.owner == "ada"} - shown
    assert {card.image_id for card in rest} == others
    assert len(rest) == len(others)


@pytest.mark.parametrize("count", [2_500, 5_000])
@pytest.mark.parametrize(
    "asked", [{}, {"style": "photo"}, {"q": "unicorn"}, {"model": "sd35", "style": "anime"}], ids=str
)
def test_a_page_costs_the_same_however_many_images_there_are(count: int, asked: dict[str, str]) -> None:
    catalog = FakeCatalogue()
    for number in range(count):
        one = entry(request_id=request_id(number), created_at=NOON - timedelta(seconds=number))
        catalog.recorded[one.image_id] = one
    found = page(catalog, query(**asked).listing("ada"), None, 24)
    if "q" in asked or len(asked) > 1:
        assert (len(found.cards), catalog.examined) == (0, EXAMINED)
        assert found.position is not None, "the search can go on"
    else:
        assert catalog.examined == (0 if asked else 25)
        assert found.position is None if asked else len(found.cards) == 24


def test_the_last_page_carries_no_cursor_even_when_it_is_full() -> None:
    catalog = FakeCatalogue()
    for number in range(4):
        catalog.add([entry(request_id=request_id(number))])
    assert [len(one.cards) for one in pages(catalog, limit=2)] == [2, 2]


def test_a_cursor_from_another_day_begins_at_the_day_or_ends_the_list() -> None:
    catalog = FakeCatalogue()
    catalog.add([entry()])
    later, earlier = (cursor(position(NOON + timedelta(days=days), f"{request_id(1)}-0")) for days in (2, -2))
    assert [len(one.cards) for one in pages_from(catalog, later)] == [1]
    assert [len(one.cards) for one in pages_from(catalog, earlier)] == [0]


def pages_from(catalog: FakeCatalogue, at: str) -> list[Page]:
    asked = query(cursor=at, day=DAY)
    return [page(catalog, asked.listing("ada"), asked.after, asked.limit)]


@given(st.datetimes(timezones=st.just(UTC)), st.integers(0, 99))
def test_a_cursor_is_the_position_it_was_made_of(at: datetime, index: int) -> None:
    here = position(at, f"{request_id(7)}-{index}")
    assert position_of(cursor(here)) == here


@pytest.mark.parametrize(
    "forged",
    [
        "",
        "!",
        "ä",
        "AAAA",
        urlsafe_b64encode(b"2026-11-22T12:00:00.000000+00:00#tombstone").decode().rstrip("="),
        urlsafe_b64encode(b"\xff" * 60).decode().rstrip("="),
        cursor(position(NOON, f"{request_id(7)}-0")) + "=",
    ],
)
def test_what_is_no_cursor_of_ours_is_refused_by_name(forged: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ImagesQuery.model_validate({"cursor": forged})
    assert [error["loc"] for error in caught.value.errors()] == [("cursor",)]


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
        {"q": ""},
        {"q": "   "},
        {"q": "x" * 201},
        {"owner": "eve"},
    ],
    ids=str,
)
def test_what_cannot_be_asked_for_is_refused_by_name(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError) as caught:
        ImagesQuery.model_validate(wrong)
    assert [error["loc"][0] for error in caught.value.errors()] == list(wrong)


@given(st.text(), st.text(), st.text(), st.text())
@example("ada#x", "y", "ada", "x#y")
@example('a","b', "c", "a", 'b","c')
def test_no_two_owners_share_a_partition(owner: str, value: str, other: str, another: str) -> None:
    assert (partition(owner, value) == partition(other, another)) == ((owner, value) == (other, another))
