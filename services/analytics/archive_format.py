"""The format of the archive: gzip JSON lines, partitioned by day. Texts of owners stay sealed.

    events/day=2026-11-22/<32 hex digits>.jsonl.gz
        {"source": …, "detail-type": …, "detail": {"metadata": …, "data": …}}

One object contains the events of one batch and one day. Its key is derived from their ids, so that a batch that is
delivered again writes the same object. Batches may overlap, so an event may be in several objects: readers deduplicate
by ``event_id``.
"""

import gzip
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, Final

from events.catalog import event_type
from events.envelope import Event
from kit.errors import UnprocessableError
from services.analytics.counters import day_of

PREFIX: Final = "events/"
NO_OWNER: Final = "-"


def pack(events: Iterable[Event]) -> Iterator[tuple[str, bytes]]:
    """Yield key and content of the objects with ``events``, one per day."""
    days: defaultdict[str, list[Event]] = defaultdict(list)
    for event in events:
        days[day_of(event)].append(event)
    for day, its_events in days.items():
        ids = ",".join(sorted(event.metadata.event_id for event in its_events))
        name = hashlib.sha256(ids.encode()).hexdigest()[:32]
        lines = "".join(f"{_line(event)}\n" for event in its_events)
        yield f"{PREFIX}day={day}/{name}.jsonl.gz", gzip.compress(lines.encode(), mtime=0)


def unpack(key: str, content: bytes) -> list[Event]:
    """Return the events of one object.

    Raises ``UnprocessableError`` with ``key`` if the catalog no longer has an event of the object.
    """
    return [_event(key, json.loads(line)) for line in gzip.decompress(content).splitlines()]


def _line(event: Event) -> str:
    """Return the line of an event. It names no owner who opted out of analytics."""
    if event.metadata.analytics_opt_out:
        event = event.model_copy(update={"metadata": event.metadata.model_copy(update={"owner": NO_OWNER})})
    detail = event.model_dump_json(exclude_none=True)
    return f'{{"source":"{event.source}","detail-type":"{event.detail_type}","detail":{detail}}}'


def _event(key: str, record: dict[str, Any]) -> Event:
    name, version = record["detail-type"], record["detail"]["metadata"]["version"]
    kind = event_type(name, version)
    if kind is None:
        raise UnprocessableError(f"{key}: the catalog has no {name} version {version}")
    return kind.model_validate(record["detail"])
