"""The stored form of timelines: everything is read as it was written."""

from datetime import UTC, datetime
from typing import Any, cast

import pytest

from events.catalog import CATALOG
from events.catalog.image_stored import ImageStored
from events.pipeline import TimelineEntry
from kit.dynamodb import from_item, to_item
from kit.timeline import read_timeline, stored_entry
from services.intake.timeline import timeline_entry
from tests.support.events import sample

REQUEST = "01a0b9c4-7d2e-7c31-9f60-5b1d2f7a9e04"
STORED = cast("ImageStored", sample("ImageStored"))


def read_again(entry: TimelineEntry, request_id: str = REQUEST) -> TimelineEntry:
    """Return an entry after it was written to DynamoDB and read."""
    item = to_item({"timeline": {entry.event_id: stored_entry(entry, request_id)}})
    return read_timeline(from_item(item)["timeline"], request_id)[entry.event_id]


@pytest.mark.parametrize(("detail_type", "version"), sorted(CATALOG))
def test_an_entry_is_read_as_it_was_written(detail_type: str, version: int) -> None:
    event = sample(detail_type, version)
    entry = timeline_entry(event)

    assert read_again(entry, event.metadata.request_id) == entry
    assert read_again(entry) == entry, "also if no key contains the id of the request"


@pytest.mark.parametrize("decision", ["PromptRejected", "ImageApproved", "ImageRejected"])
def test_a_decision_of_moderation_keeps_the_version_of_the_policy(decision: str) -> None:
    entry = read_again(timeline_entry(sample(decision)))

    assert entry.details["policy_version"].startswith("default@")


def test_a_time_keeps_its_microseconds() -> None:
    at = datetime(2026, 11, 28, 21, 20, 49, 732_997, tzinfo=UTC)

    assert read_again(TimelineEntry("e", "PromptApproved", at)).at == at


@pytest.mark.parametrize(
    "changed",
    [
        {"id": "an-id-of-another-form"},
        {"thumbnail": "images/elsewhere/thumbnail.webp"},
        {name: f"images/a*b/{name}" for name in ("original", "display", "thumbnail")},
        {name: name for name in ("original", "display", "thumbnail")},
    ],
    ids=["id", "folder", "asterisk", "no folder"],
)
def test_an_image_with_unusual_names_is_read_as_it_was_written(changed: dict[str, Any]) -> None:
    entry = timeline_entry(STORED)
    details = {**entry.details, "images": [{**entry.details["images"][0], **changed}]}
    unusual = TimelineEntry(entry.event_id, entry.detail_type, entry.at, details)

    assert read_again(unusual, STORED.metadata.request_id) == unusual
