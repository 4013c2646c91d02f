"""How events lie in the archive: gzip JSON lines, partitioned by day, prompts only as keyed hashes.

    events/day=2026-11-22/<32 hex digits>.jsonl.gz
        {"source": …, "detail-type": …, "detail": {"metadata": …, "data": …}}

One object holds what one batch brought of one day, under a key made of its event ids: a batch that is delivered again
writes the same object. Batches may overlap, so an event may lie in several objects: readers go by ``event_id``.
"""

import gzip
import hashlib
import hmac
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, Final

from events.catalog import event_type
from events.envelope import Event
from events.errors import UnprocessableError
from services.analytics.counters import day_of

PREFIX: Final = "events/"
PROMPT_FIELDS: Final = frozenset({"prompt", "negative_prompt"})


def pack(events: Iterable[Event], hash_key: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the objects that hold ``events``: key and content, one a day."""
    days: defaultdict[str, list[Event]] = defaultdict(list)
    for event in events:
        days[day_of(event)].append(event)
    for day, its_events in days.items():
        ids = ",".join(sorted(event.metadata.event_id for event in its_events))
        name = hashlib.sha256(ids.encode()).hexdigest()[:32]
        lines = "".join(f"{_line(event, hash_key)}\n" for event in its_events)
        yield f"{PREFIX}day={day}/{name}.jsonl.gz", gzip.compress(lines.encode(), mtime=0)


def unpack(key: str, content: bytes) -> list[Event]:
    """Return the events of one object, their prompts still hashed.

    Raises ``UnprocessableError`` naming ``key`` where a line holds an event the catalogue no longer knows.
    """
    return [_event(key, json.loads(line)) for line in gzip.decompress(content).splitlines()]


def prompt_hash(prompt: str, hash_key: bytes) -> str:
    """Return what stands for a prompt: equal prompts have equal hashes, and only the key's holder can try guesses."""
    return f"hmac-sha256:{hmac.new(hash_key, prompt.encode(), hashlib.sha256).hexdigest()}"


def _line(event: Event, hash_key: bytes) -> str:
    detail = _without_prompts(event.model_dump(mode="json", exclude_none=True), hash_key)
    record = {"source": event.source, "detail-type": event.detail_type, "detail": detail}
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"))


def _without_prompts(value: Any, hash_key: bytes) -> Any:
    """Hash prompts wherever an event carries them: also one that joins the catalogue later."""
    match value:
        case dict():
            return {
                name: prompt_hash(inner, hash_key)
                if name in PROMPT_FIELDS and isinstance(inner, str)
                else _without_prompts(inner, hash_key)
                for name, inner in value.items()
            }
        case list():
            return [_without_prompts(inner, hash_key) for inner in value]
        case _:
            return value


def _event(key: str, record: dict[str, Any]) -> Event:
    name, version = record["detail-type"], record["detail"]["metadata"]["version"]
    kind = event_type(name, version)
    if kind is None:
        raise UnprocessableError(f"{key}: the catalogue has no {name} version {version}")
    return kind.model_validate(record["detail"])
