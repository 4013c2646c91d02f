"""The format of the archive: gzip JSON lines, partitioned by day, with prompts as keyed hashes and without owners.

    events/day=2026-11-22/<32 hex digits>.jsonl.gz
        {"source": …, "detail-type": …, "detail": {"metadata": …, "data": …}}

One object contains the events of one batch and one day. Its key is derived from their ids, so that a batch that is
delivered again writes the same object. Batches may overlap, so an event may be in several objects: readers deduplicate
by ``event_id``.
"""

import gzip
import hashlib
import hmac
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, Final

from events.catalog import event_type
from events.envelope import Event
from kit.errors import UnprocessableError
from kit.keyring import SecretVersion
from services.analytics.counters import day_of

PREFIX: Final = "events/"
PROMPT: Final = re.compile(r'"(?P<field>prompt|negative_prompt)":(?P<text>"[^"\\]*(?:\\.[^"\\]*)*")')
"""Finds prompts in pydantic's compact JSON. Quotes inside a string are escaped, so text cannot look like a field, and
events need not be parsed and serialised again."""

OWNER: Final = re.compile(r'"owner":"[^"\\]*(?:\\.[^"\\]*)*"')
"""Finds the owner of an event in the same way."""
NO_OWNER: Final = '"owner":"-"'
"""No counter needs the owner. So the erasure of an owner need not search the whole archive."""


def pack(events: Iterable[Event], hash_key: SecretVersion) -> Iterator[tuple[str, bytes]]:
    """Yield key and content of the objects with ``events``, one per day."""
    days: defaultdict[str, list[Event]] = defaultdict(list)
    for event in events:
        days[day_of(event)].append(event)
    for day, its_events in days.items():
        ids = ",".join(sorted(event.metadata.event_id for event in its_events))
        name = hashlib.sha256(ids.encode()).hexdigest()[:32]
        lines = "".join(f"{_line(event, hash_key)}\n" for event in its_events)
        yield f"{PREFIX}day={day}/{name}.jsonl.gz", gzip.compress(lines.encode(), mtime=0)


def unpack(key: str, content: bytes) -> list[Event]:
    """Return the events of one object, with hashed prompts.

    Raises ``UnprocessableError`` with ``key`` if the catalog no longer has an event of the object.
    """
    return [_event(key, json.loads(line)) for line in gzip.decompress(content).splitlines()]


def prompt_hash(prompt: str, hash_key: SecretVersion) -> str:
    """Return the hash of a prompt, with the number of its key: ``hmac-sha256:1:9f86d0…``.

    Equal prompts have equal hashes under one key, and guesses can be tested only with the key.
    """
    return f"hmac-sha256:{hash_key.number}:{hmac.digest(hash_key.key, prompt.encode(), 'sha256').hex()}"


def _line(event: Event, hash_key: SecretVersion) -> str:
    """Hash prompts at any depth, also in events that are added to the catalog later."""

    def hashed(found: re.Match[str]) -> str:
        return f'"{found["field"]}":"{prompt_hash(json.loads(found["text"]), hash_key)}"'

    detail = OWNER.sub(NO_OWNER, PROMPT.sub(hashed, event.model_dump_json(exclude_none=True)))
    return f'{{"source":"{event.source}","detail-type":"{event.detail_type}","detail":{detail}}}'


def _event(key: str, record: dict[str, Any]) -> Event:
    name, version = record["detail-type"], record["detail"]["metadata"]["version"]
    kind = event_type(name, version)
    if kind is None:
        raise UnprocessableError(f"{key}: the catalog has no {name} version {version}")
    return kind.model_validate(record["detail"])
