"""Builds the files of an export: ZIP files of a bounded size, streamed into the exports bucket.

Each message builds one file and is received again for the next one. A file that a crash interrupted is built again from
the start, under another key: it counts once it is stored in the table.
"""

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol
from uuid import uuid4

from events.catalog.data_exported import DataExported
from events.catalog.export_collected import ExportCollected
from events.catalog.export_ready import ExportReady, ExportReadyData
from events.envelope import Event
from events.exporting import ExportedImage, ExportedPart
from kit.clock import Clock
from kit.errors import InProgressError
from services.privacy.exports import RETENTION, ZIP_FOLDER, Export, ExportFile, ExportStore, progress_of

FORMAT: Final = "genai-images-export"
FORMAT_VERSION: Final = 1
FILE_BYTES: Final = 1024**3
"""A ZIP file gets no more images after this many bytes. The next file has the rest."""
FILE_TIME: Final = timedelta(minutes=10)
"""Nor after this time: the function has fifteen minutes, and the upload has to be completed."""
DELETED: Final = "The image was deleted while the export was built."


class Upload(Protocol):
    """A new object that is being written."""

    @property
    def size(self) -> int:
        """The bytes that were written so far."""

    @property
    def sha256(self) -> str:
        """The SHA-256 of what was written so far."""

    def write(self, content: bytes, /) -> int:
        """Append ``content``."""

    def flush(self) -> None:
        """Do nothing: parts are sent when they are large enough."""


class ExportObjects(Protocol):
    """The exports bucket, and the originals of the gallery."""

    def read_part(self, part: ExportedPart) -> bytes:
        """Return the content of a part. Raise ``UnprocessableError`` if it is missing or has another hash."""

    def read_image(self, image: ExportedImage) -> bytes | None:
        """Return the content of an image, or None if it was deleted. Raise as ``read_part`` for another hash."""

    def upload(self, key: str) -> AbstractContextManager[Upload]:
        """Write an object in parts. It exists once the context ends without an error; otherwise nothing is kept."""

    def delete(self, keys: Sequence[str]) -> None:
        """Delete objects."""


@dataclass
class _Archive:
    """A ZIP file that is being written, and its manifest."""

    export: Export
    number: int
    zip: zipfile.ZipFile
    files: list[dict[str, Any]] = field(default_factory=list)
    missing: list[dict[str, str]] = field(default_factory=list)

    def add_records(self, name: str, parts: Sequence[ExportedPart], read: Callable[[ExportedPart], bytes]) -> None:
        """Add one file in JSON Lines, joined from parts that are read one by one."""
        digest, size = hashlib.sha256(), sum(part.bytes for part in parts)
        with self.zip.open(self._info(name, zipfile.ZIP_DEFLATED), "w", force_zip64=size > zipfile.ZIP64_LIMIT) as file:
            for part in parts:
                content = read(part)
                digest.update(content)
                file.write(content)
        records = sum(part.records for part in parts)
        self.files.append({"name": name, "bytes": size, "sha256": digest.hexdigest(), "records": records})

    def add_image(self, image: ExportedImage, content: bytes | None) -> None:
        """Add an image, which is compressed already, or note that it is missing."""
        if content is None:
            self.missing.append({"name": image.name, "reason": DELETED})
        else:
            self.zip.writestr(self._info(image.name, zipfile.ZIP_STORED), content)
            self.files.append({"name": image.name, "bytes": image.bytes, "sha256": image.sha256})

    def finish(self, *, now: datetime, is_last: bool) -> None:
        """Add the manifest, which lists every other file."""
        manifest = {
            "format": FORMAT,
            "version": FORMAT_VERSION,
            "export_id": self.export.export_id,
            "owner_id": self.export.owner,
            "requested_at": self.export.requested_at.isoformat(),
            "created_at": now.isoformat(),
            "file": {"number": self.number, "is_last": is_last},
            "counts": {
                "image_files": sum("records" not in file for file in self.files),
                **{file["name"].removesuffix(".jsonl"): file["records"] for file in self.files if "records" in file},
            },
            "files": self.files,
            "missing": self.missing,
        }
        self.zip.writestr(self._info("manifest.json", zipfile.ZIP_DEFLATED), json.dumps(manifest, indent=2))

    def _info(self, name: str, compression: int) -> zipfile.ZipInfo:
        info = zipfile.ZipInfo(name, self.export.requested_at.astimezone(UTC).timetuple()[:6])
        info.compress_type, info.external_attr = compression, 0o644 << 16
        return info


@dataclass(frozen=True)
class Builder:
    """Builds exports whose data is collected."""

    store: ExportStore
    objects: ExportObjects
    clock: Clock
    kept: timedelta = RETENTION
    file_bytes: int = FILE_BYTES

    def build(self, event: ExportCollected) -> list[Event]:
        """Build the next file of an export. After the last one, delete the parts and announce the export.

        Raise ``InProgressError`` if another file follows. An export that was erased or has failed needs no files.
        """
        try:
            export = self.store.find(event.metadata.owner, event.data.export_id)
        except KeyError:
            return []
        answers, files = self.store.contents(export.export_id)
        if export.status == "running" and progress_of(export, answers).is_complete:
            if not files or not files[-1].is_last:
                files = [*files, self._build(export, answers, files)]
            if not files[-1].is_last:
                raise InProgressError(f"{len(files)} files built, more follow", 1)
            now = self.clock.now()
            export = replace(export, status="ready", completed_at=now, expires_at=now + self.kept)
            self.objects.delete([part.key for part in _parts(answers)])
            if not self.store.finish(export):
                return []
        return [_ready(export, files)] if export.status == "ready" else []

    def _build(self, export: Export, answers: Sequence[DataExported], files: Sequence[ExportFile]) -> ExportFile:
        """Build the file after ``files``, and store it."""
        number, start = len(files) + 1, files[-1].end if files else 0
        key = f"{ZIP_FOLDER}/{export.owner}/{export.export_id}/{uuid4()}"
        with self.objects.upload(key) as upload, zipfile.ZipFile(upload, "w") as opened:  # type: ignore[call-overload]
            archive = _Archive(export, number, opened)
            if number == 1:
                self._add_records(archive, answers)
            end, is_last = self._add_images(archive, answers, start, upload)
            archive.finish(now=self.clock.now(), is_last=is_last)
        file = ExportFile(number, key, upload.size, upload.sha256, end, is_last)
        if not self.store.add_file(export, file, self.clock.now()):
            self.objects.delete([key])
            raise InProgressError("the export was erased, or another delivery has built the file", 1)
        return file

    def _add_records(self, archive: _Archive, answers: Sequence[DataExported]) -> None:
        by_name: dict[str, list[ExportedPart]] = {}
        for answer in answers:
            for part in answer.data.parts:
                by_name.setdefault(part.name, []).append(part)
        for name, parts in sorted(by_name.items()):
            archive.add_records(name, parts, self.objects.read_part)

    def _add_images(
        self, archive: _Archive, answers: Sequence[DataExported], start: int, upload: Upload
    ) -> tuple[int, bool]:
        """Add the images from ``start`` on. Return where the next file begins, and whether all images are added."""
        until, end = self.clock.now() + FILE_TIME, start
        for image in self._images(answers, start):
            if end > start and (upload.size >= self.file_bytes or self.clock.now() >= until):
                return end, False
            archive.add_image(image, self.objects.read_image(image))
            end += 1
        return end, True

    def _images(self, answers: Sequence[DataExported], start: int) -> Iterator[ExportedImage]:
        """Yield the images from ``start`` on, in the order in which the answers list them."""
        for answer in answers:
            part = answer.data.images
            if part is None:
                continue
            if start >= part.records:
                start -= part.records
                continue
            lines = self.objects.read_part(part).splitlines()
            for line in lines[start:]:
                yield ExportedImage.model_validate_json(line)
            start = 0


def _parts(answers: Sequence[DataExported]) -> Iterator[ExportedPart]:
    for answer in answers:
        yield from answer.data.parts
        if answer.data.images:
            yield answer.data.images


def _ready(export: Export, files: Sequence[ExportFile]) -> ExportReady:
    """Return the event that announces an export: the same event each time."""
    assert export.completed_at is not None  # noqa: S101 - it is ready
    assert export.expires_at is not None  # noqa: S101
    data = ExportReadyData(
        export_id=export.export_id,
        files=len(files),
        bytes=sum(file.bytes for file in files),
        expires_at=export.expires_at,
    )
    return ExportReady.follow(export.collected(), data, occurred_at=export.completed_at)
