"""Ids derived from causes, traces derived from requests, and unknown fields that consumers ignore."""

import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from events.catalog.image_requested import ImageRequested
from events.catalog.image_stored import ImageStored
from events.catalog.processing_stalled import ProcessingStalled
from events.catalog.prompt_approved import PromptApproved
from events.catalog.request_cancelled import RequestCancelled, RequestCancelledData
from events.envelope import Metadata, derive_id, traceparent
from tests.support.events import sample

REQUEST = "01a0b9c4-7d2e-7c31-9f60-5b1d2f7a9e04"
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@given(cause=st.uuids(), name=st.text(min_size=1, max_size=40), index=st.integers(0, 100))
def test_a_derived_id_is_the_same_every_time_and_canonical(cause: UUID, name: str, index: int) -> None:
    derived = derive_id(str(cause), name, index)

    assert derived == derive_id(str(cause), name, index) == str(UUID(derived))


def test_a_derived_id_depends_on_cause_name_and_index() -> None:
    ids = {
        derive_id(cause, name, index)
        for cause in (REQUEST, REQUEST.replace("01a0", "01a1"))
        for name in ("ImageStored", "ImageRejected")
        for index in (0, 1)
    }

    assert len(ids) == 8


def test_the_first_event_is_caused_by_its_request() -> None:
    event = RequestCancelled.first(REQUEST, "demo", RequestCancelledData(), occurred_at=NOON)

    assert (event.metadata.request_id, event.metadata.cause_id, event.metadata.owner) == (REQUEST, REQUEST, "demo")
    assert event.metadata.occurred_at == event.metadata.caused_at == NOON
    assert event.metadata.event_id == derive_id(REQUEST, "RequestCancelled")
    assert (event.metadata.version, event.metadata.replays) == (1, 0)


def test_a_following_event_has_the_request_owner_and_cause() -> None:
    cause = sample("ImageApproved")
    event = ImageStored.follow(cause, sample("ImageStored").data, occurred_at=NOON)

    assert event.metadata.request_id == cause.metadata.request_id
    assert event.metadata.owner == cause.metadata.owner
    assert event.metadata.cause_id == cause.metadata.event_id
    assert event.metadata.caused_at == cause.metadata.occurred_at
    assert event.metadata.occurred_at == NOON
    assert event == ImageStored.follow(cause.metadata, sample("ImageStored").data, occurred_at=NOON)


def test_a_following_event_keeps_the_opt_out_of_the_request() -> None:
    data = sample("ImageRequested").data
    for opted_out, expected in ((True, True), (False, None)):
        first = ImageRequested.first(REQUEST, "ada", data, occurred_at=NOON, analytics_opt_out=opted_out)
        following = PromptApproved.follow(first, sample("PromptApproved").data)
        assert first.metadata.analytics_opt_out is following.metadata.analytics_opt_out is expected
        assert ("analytics_opt_out" in following.as_delivered()) is opted_out


def test_a_qualifier_distinguishes_events_of_one_cause() -> None:
    cause, data = sample("ImageApproved"), sample("ProcessingStalled").data
    ids = {
        ProcessingStalled.follow(cause, data, qualifier=step, index=replays).metadata.event_id
        for step in ("", "storage.store", "analytics.record")
        for replays in (0, 1)
    }

    assert len(ids) == 6


def test_the_default_time_of_an_event_is_now() -> None:
    before = datetime.now(UTC)
    event = ImageStored.follow(sample("ImageApproved"), sample("ImageStored").data)

    assert before <= event.metadata.occurred_at <= datetime.now(UTC)


def test_the_trace_is_the_request_and_the_span_is_the_event() -> None:
    event = sample("ImageStored")
    found = event.metadata.traceparent

    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", found)
    assert found == traceparent(event.metadata.request_id, event.metadata.event_id)
    assert found.split("-")[1] == event.metadata.request_id.replace("-", "")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("event_id", "1"),
        ("event_id", REQUEST.upper()),
        ("event_id", REQUEST.replace("-", "")),
        ("request_id", f"{REQUEST}\n"),
        ("cause_id", None),
        ("occurred_at", "2026-11-22T12:00:00"),  # no time zone
        ("occurred_at", "yesterday"),
        ("version", "one"),
    ],
)
def test_invalid_metadata_is_refused(field: str, value: Any) -> None:
    good = sample("ImageRequested").metadata.model_dump(mode="json")
    Metadata.model_validate(good)

    with pytest.raises(ValidationError):
        Metadata.model_validate({**good, field: value})


def test_an_event_is_immutable() -> None:
    event = sample("ImageRequested")

    with pytest.raises(ValidationError):
        event.metadata.owner = "somebody else"  # type: ignore[misc]


def test_unknown_fields_are_ignored_at_every_depth() -> None:
    event = sample("ImageRequested")
    content = event.model_dump(mode="json")
    content["later"] = content["metadata"]["later"] = content["data"]["parameters"]["later"] = 1

    assert ImageRequested.model_validate(content) == event
