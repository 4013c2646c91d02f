"""The format of the archive."""

import gzip
import json
from datetime import timedelta

import pytest

from events.catalog import CATALOG
from kit.errors import UnprocessableError
from services.analytics.archive_format import pack, unpack
from services.analytics.counters import amounts
from tests.support.events import sample
from tests.support.sealing import SAMPLE_TEXTS
from tests.unit.analytics.stories import NEGATIVE_PROMPT, PROMPT, START, approved, requested, story

GOLDEN = [sample(name, version) for name, version in CATALOG]


def test_texts_stay_sealed_as_they_were_published() -> None:
    for event in [*GOLDEN, *story(0)]:
        [(key, content)] = pack([event])
        [read] = unpack(key, content)
        assert getattr(read.data, "parameters", None) == getattr(event.data, "parameters", None)
        for plain in (PROMPT, NEGATIVE_PROMPT, SAMPLE_TEXTS.prompt, "灯台"):
            assert plain not in gzip.decompress(content).decode()


def test_archived_events_are_unchanged() -> None:
    for event in GOLDEN:
        [(key, content)] = pack([event])
        [read] = unpack(key, content)
        assert type(read) is type(event)
        assert read == event
        assert amounts(read) == amounts(event)


def test_a_batch_is_one_object_per_day() -> None:
    begin = requested(at=START)
    keys = [key for key, _ in pack([begin, approved(begin), requested(5, at=START + timedelta(minutes=1))])]
    assert [key.split("/")[1] for key in keys] == ["day=2026-11-22", "day=2026-11-23"]


def test_the_same_events_are_the_same_object_in_any_order() -> None:
    events = story(0)[:2]
    [(key, content)] = pack(events)
    assert [key] == [other for other, _ in pack(reversed(events))]
    assert [(key, content)] == list(pack(events))
    assert [key] != [other for other, _ in pack(events[:1])]


def test_each_line_is_one_event_as_subscribers_know_it() -> None:
    [(_, content)] = pack([sample("ImageDeleted")])
    [line] = gzip.decompress(content).splitlines()
    record = json.loads(line)
    assert (record["source"], record["detail-type"]) == ("genai-images.storage", "ImageDeleted")
    assert set(record["detail"]) == {"metadata", "data"}


def test_an_event_that_the_catalog_no_longer_has_is_named_with_its_object() -> None:
    line = json.dumps({"source": "x", "detail-type": "Gone", "detail": {"metadata": {"version": 1}, "data": {}}})
    with pytest.raises(UnprocessableError, match=r"events/day=x/y: the catalog has no Gone version 1"):
        unpack("events/day=x/y", gzip.compress(line.encode()))
