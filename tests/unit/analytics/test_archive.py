"""The format of the archive."""

import gzip
import json
from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from events.catalog import CATALOG
from kit.errors import UnprocessableError
from kit.keyring import SecretVersion
from services.analytics.archive_format import pack, prompt_hash, unpack
from services.analytics.counters import amounts
from tests.support.events import sample
from tests.unit.analytics.fakes import HASH_KEY
from tests.unit.analytics.stories import NEGATIVE_PROMPT, PROMPT, START, approved, requested, story

GOLDEN = [sample(name, version) for name, version in CATALOG]


def test_no_prompt_of_any_event_is_in_the_archive() -> None:
    golden = sample("ImageRequested").data.parameters
    archived = "".join(gzip.decompress(content).decode() for _, content in pack([*GOLDEN, *story(0)], HASH_KEY))
    assert archived.count("hmac-sha256:") >= 8
    for prompt in (PROMPT, NEGATIVE_PROMPT, golden.prompt, f'"{golden.negative_prompt}"', "灯台"):
        assert prompt not in archived


@pytest.mark.parametrize("owner", ["ada", 'says "owner":"x"', "\\", "own_abc"])
def test_no_owner_of_any_event_is_in_the_archive(owner: str) -> None:
    events = [
        event.model_copy(update={"metadata": event.metadata.model_copy(update={"owner": owner})}) for event in GOLDEN
    ]
    read = [event for key, content in pack(events, HASH_KEY) for event in unpack(key, content)]

    assert {event.metadata.owner for event in read} == {"-"}
    assert {event.metadata.event_id: amounts(event) for event in read} == {
        event.metadata.event_id: amounts(event) for event in events
    }


@given(prompt=st.text(min_size=1), negative_prompt=st.text(min_size=1))
@example(prompt='he said "prompt":"x"', negative_prompt="\\")
@example(prompt="two\nlines \u2028", negative_prompt='\\"')
def test_any_prompt_is_replaced_by_its_hash(prompt: str, negative_prompt: str) -> None:
    event = requested()
    parameters = event.data.parameters.model_copy(update={"prompt": prompt, "negative_prompt": negative_prompt})
    changed = event.model_copy(update={"data": event.data.model_copy(update={"parameters": parameters})})
    [(key, content)] = pack([changed], HASH_KEY)
    [read] = unpack(key, content)
    expected = {
        "prompt": prompt_hash(prompt, HASH_KEY),
        "negative_prompt": prompt_hash(negative_prompt, HASH_KEY),
    }
    assert read.data.parameters == parameters.model_copy(update=expected)


def test_equal_prompts_have_equal_hashes_under_one_key_only() -> None:
    assert prompt_hash(PROMPT, HASH_KEY) == prompt_hash(PROMPT, HASH_KEY)
    assert prompt_hash(PROMPT, HASH_KEY) != prompt_hash(PROMPT, SecretVersion(1, b"another key"))
    assert prompt_hash(PROMPT, SecretVersion(2, HASH_KEY.key)).startswith("hmac-sha256:2:")
    assert prompt_hash(PROMPT, HASH_KEY) != prompt_hash(NEGATIVE_PROMPT, HASH_KEY)


def test_archived_events_are_unchanged_except_for_prompts_and_owners() -> None:
    for event in GOLDEN:
        [(key, content)] = pack([event], HASH_KEY)
        [read] = unpack(key, content)
        assert type(read) is type(event)
        assert read.metadata == event.metadata.model_copy(update={"owner": "-"})
        assert amounts(read) == amounts(event)


def test_a_batch_is_one_object_per_day() -> None:
    begin = requested(at=START)
    keys = [key for key, _ in pack([begin, approved(begin), requested(5, at=START + timedelta(minutes=1))], HASH_KEY)]
    assert [key.split("/")[1] for key in keys] == ["day=2026-11-22", "day=2026-11-23"]


def test_the_same_events_are_the_same_object_in_any_order() -> None:
    events = story(0)[:2]
    [(key, content)] = pack(events, HASH_KEY)
    assert [key] == [other for other, _ in pack(reversed(events), HASH_KEY)]
    assert [(key, content)] == list(pack(events, HASH_KEY))
    assert [key] != [other for other, _ in pack(events[:1], HASH_KEY)]


def test_each_line_is_one_event_as_subscribers_know_it() -> None:
    [(_, content)] = pack([sample("ImageDeleted")], HASH_KEY)
    [line] = gzip.decompress(content).splitlines()
    record = json.loads(line)
    assert (record["source"], record["detail-type"]) == ("genai-images.storage", "ImageDeleted")
    assert set(record["detail"]) == {"metadata", "data"}


def test_an_event_that_the_catalog_no_longer_has_is_named_with_its_object() -> None:
    line = json.dumps({"source": "x", "detail-type": "Gone", "detail": {"metadata": {"version": 1}, "data": {}}})
    with pytest.raises(UnprocessableError, match=r"events/day=x/y: the catalog has no Gone version 1"):
        unpack("events/day=x/y", gzip.compress(line.encode()))
