"""How the request table stores the timeline of a request. Intake writes it, operations reads it (ADR 5).

Every change of a request writes its whole state again, and DynamoDB bills each kilobyte. The stored form is short, so
that the state of a request for one image stays below one kilobyte: short names, a number for the time, and nothing that
follows from another value.

    <event id>: t  detail type
                a  microseconds since 1970
                d  details, if there are any. An image has no `id` if the request and the index imply it, and the keys
                   of its files are relative to `folder`, in which `*` stands for the id of the request. `p` is
                   `policy_version`
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from events.pipeline import TimelineEntry

TYPE: Final = "t"
AT: Final = "a"
DETAILS: Final = "d"
POLICY: Final = "p"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_FILES: Final = ("original", "display", "thumbnail")


def stored_time(moment: datetime) -> int:
    """Return the stored form of a time."""
    return (moment - _EPOCH) // _MICROSECOND


def stored_entry(entry: TimelineEntry, request_id: str) -> dict[str, Any]:
    """Return the stored form of an entry. Its key in the timeline is the event id."""
    values: dict[str, Any] = {TYPE: entry.detail_type, AT: stored_time(entry.at)}
    details = dict(entry.details)
    if "policy_version" in details:
        details[POLICY] = details.pop("policy_version")
    if "images" in details:
        details["images"] = [_stored_image(image, request_id) for image in details["images"]]
    return {**values, DETAILS: details} if details else values


def read_timeline(timeline: Mapping[str, Any], request_id: str) -> dict[str, TimelineEntry]:
    """Return the entries of a timeline, given as plain values, by event id."""
    return {event_id: _read_entry(event_id, values, request_id) for event_id, values in timeline.items()}


def _read_entry(event_id: str, values: Mapping[str, Any], request_id: str) -> TimelineEntry:
    details = dict(values.get(DETAILS, {}))
    if POLICY in details:
        details["policy_version"] = details.pop(POLICY)
    if "images" in details:
        details["images"] = [_read_image(image, request_id) for image in details["images"]]
    return TimelineEntry(event_id, values[TYPE], _EPOCH + int(values[AT]) * _MICROSECOND, details)


def _stored_image(image: Mapping[str, Any], request_id: str) -> dict[str, Any]:
    values = dict(image)
    if values["id"] == _image_id(values, request_id):
        del values["id"]
    folder = values["original"].rpartition("/")[0]
    if folder and "*" not in folder and all(values[name].rpartition("/")[0] == folder for name in _FILES):
        values |= {name: values[name].rpartition("/")[2] for name in _FILES}
        values["folder"] = folder.replace(request_id, "*", 1)
    return values


def _read_image(values: Mapping[str, Any], request_id: str) -> dict[str, Any]:
    image = {"id": _image_id(values, request_id), **values}
    if "folder" in image:
        folder = image.pop("folder").replace("*", request_id, 1)
        image |= {name: f"{folder}/{image[name]}" for name in _FILES}
    return image


def _image_id(image: Mapping[str, Any], request_id: str) -> str:
    return f"{request_id}-{image['index']}"
