"""Answers of the services to ``ExportStarted``: parts in the exports bucket, and an event that names them."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from events.catalog.data_exported import DataExported, DataExportedData
from events.catalog.export_started import ExportStarted
from events.envelope import Event
from events.exporting import ExportedImage, ExportedPart
from kit.handoff import sha256

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

Record = Mapping[str, Any]
"""One line of a file, in JSON types."""


@dataclass(frozen=True)
class Page:
    """A page of what a service has of an owner. A service reads it within the timeout of its function."""

    files: Mapping[str, Sequence[Record]]
    """The records by the name of their file in the export."""
    images: Sequence[ExportedImage] = ()
    next_position: str | None = None
    """Where the next page begins. None on the last page."""


class ExportParts(Protocol):
    """The parts of exports."""

    def write(self, key: str, content: bytes) -> None:
        """Store a part."""


class ExportBucket:
    """The exports bucket on S3. Implements ``ExportParts``."""

    def __init__(self, client: "S3Client", name: str) -> None:
        self._client = client
        self._name = name

    def write(self, key: str, content: bytes) -> None:
        """Store a part."""
        self._client.put_object(Bucket=self._name, Key=key, Body=content, ContentType="application/jsonl")


@dataclass(frozen=True)
class Exporter:
    """Answers ``ExportStarted`` for a service."""

    service: str
    read: Callable[[str, str | None], Page]
    """Returns the page of an owner that begins at a position; None for the first page."""
    parts: ExportParts

    def export(self, event: ExportStarted) -> list[Event]:
        """Write a page, and name its parts in the answer. A repetition may write another version of the same page.

        Privacy keeps the first answer, and the keys contain the hash of their content, so both are complete.
        """
        about = event.data
        if about.service not in {None, self.service}:
            return []
        page = self.read(event.metadata.owner, about.position)
        parts = [self._write(event, name, records) for name, records in page.files.items()]
        images = [image.model_dump() for image in page.images]
        data = DataExportedData(
            export_id=about.export_id,
            service=self.service,
            page=about.page,
            parts=tuple(part for part in parts if part.records or about.page == 1),
            images=self._write(event, "images", images) if images else None,
            next_position=page.next_position,
        )
        return [DataExported.follow(event, data, qualifier=self.service)]

    def _write(self, event: ExportStarted, name: str, records: Sequence[Record]) -> ExportedPart:
        lines = [json.dumps(record, ensure_ascii=False, separators=(",", ":")) for record in records]
        content = "".join(f"{line}\n" for line in lines).encode()
        digest = sha256(content)
        folder = f"{self.service}/{event.metadata.owner}/{event.data.export_id}"
        key = f"{folder}/{event.data.page:04}-{name}-{digest}"
        self.parts.write(key, content)
        return ExportedPart(name=name, key=key, sha256=digest, bytes=len(content), records=len(records))


def answers(
    *, erase: Callable[[Any], Sequence[Event]], export: Callable[[ExportStarted], Sequence[Event]]
) -> Callable[[Event], Sequence[Event]]:
    """Return the handler of a function that answers both events of privacy."""

    def handle(event: Event) -> Sequence[Event]:
        return export(event) if isinstance(event, ExportStarted) else erase(event)

    return handle
