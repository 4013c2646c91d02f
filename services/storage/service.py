"""Storing approved images: files first, then one decision for the whole request, then the event."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from events.catalog.image_approved import ImageApproved
from events.catalog.image_deleted import ImageDeleted, ImageDeletedData
from events.catalog.image_stored import ImageStored, ImageStoredData
from events.catalog.request_cancelled import RequestCancelled
from events.catalog.request_expired import RequestExpired
from events.envelope import Event
from events.images import RawImage, Variant
from kit.errors import UnprocessableError
from services.storage.gallery import Entry, Marker, Tombstone, file_key, image_id
from services.storage.images import Encoded, Picture, content_hash, process
from services.storage.provenance import Provenance, prompt_hash


class Handoff(Protocol):
    """Where raw images wait."""

    def read(self, image: RawImage) -> bytes:
        """Return the verified bytes, or raise ``UnprocessableError``."""


class Files(Protocol):
    """The gallery's files. Each key is written once."""

    def write(self, files: Sequence[tuple[Variant, bytes]]) -> list[Variant]:
        """Write all of ``files`` and return them as they stand: one that an earlier attempt wrote stays as it is."""

    def delete(self, keys: Sequence[str]) -> None:
        """Delete ``keys``; deleting what is not there is no error."""


class ModelCatalog(Protocol):
    """The gallery catalog."""

    def add(self, entries: Sequence[Entry]) -> list[Entry | Marker] | Tombstone:
        """Record all images of one request, or none of them.

        Returns what stands recorded: ``entries``, or those of an earlier delivery, in the order of ``entries``; a
        marker for one that was deleted since.
        Returns the tombstone where the request was taken back before any of its images was recorded.
        """

    def bury(self, tombstone: Tombstone) -> None:
        """Keep ``tombstone``; the first one of a request stays."""


class Store:
    """The step ``storage.store``."""

    def __init__(
        self,
        *,
        handoff: Handoff,
        files: Files,
        catalog: ModelCatalog,
        hash_key: Callable[[], bytes],
        clock: Callable[[], datetime],
    ) -> None:
        self._handoff = handoff
        self._files = files
        self._catalog = catalog
        self._hash_key = hash_key
        self._clock = clock

    def __call__(self, event: ImageApproved) -> list[Event]:
        """Store every approved image and return ``ImageStored``, or one ``ImageDeleted`` a image taken back.

        Nothing is written before every image of the event has proved sound.
        """
        prepared = [(index, image, self._prepare(event, index, image)) for index, image in _approved(event)]
        now = self._clock()
        entries = self._write(event, prepared, now)
        found = self._catalog.add(entries)
        if isinstance(found, Tombstone):
            self._files.delete(_keys(entries))
            return _taken_back(event, entries, found)
        live = [entry for entry in found if isinstance(entry, Entry)]
        if strays := set(_keys(entries)) - set(_keys(live)):
            self._files.delete(sorted(strays))  # another drawing's, or of a image that was deleted since
        return [
            ImageStored.follow(
                event,
                ImageStoredData(images=[entry.stored() for entry in found], removed=event.data.removed),
                occurred_at=found[0].created_at,
            )
        ]

    def _prepare(self, event: ImageApproved, index: int, image: RawImage) -> Picture:
        request_id = event.metadata.request_id
        provenance = Provenance(
            image_id=image_id(request_id, index),
            request_id=request_id,
            model=image.model,
            seed=image.seed,
            prompt_hash=prompt_hash(self._hash_key(), event.data.parameters.prompt),
        )
        return process(self._handoff.read(image), image, provenance.xmp())

    def _write(
        self, event: ImageApproved, prepared: Sequence[tuple[int, RawImage, Picture]], now: datetime
    ) -> list[Entry]:
        request_id = event.metadata.request_id
        stand = iter(
            self._files.write(
                [
                    (_variant(file_key(request_id, index, image.sha256, file.name), file), file.content)
                    for index, image, picture in prepared
                    for file in (picture.original, picture.display, picture.thumbnail)
                ]
            )
        )
        return [
            _entry(event, index, image, (next(stand), next(stand), next(stand)), picture.placeholder, now)
            for index, image, picture in prepared
        ]


def tombstone(event: RequestCancelled | RequestExpired) -> Tombstone:
    """Return what keeps the request's images out of the gallery.

    Images that are in it already stay: of a request's endings, ``succeeded`` has precedence.
    """
    return Tombstone(request_id=event.metadata.request_id, written_at=event.metadata.occurred_at)


def _approved(event: ImageApproved) -> list[tuple[int, RawImage]]:
    found: dict[int, RawImage] = {}
    for outcome in event.data.images:
        if outcome.image is None:
            raise UnprocessableError(f"images.{outcome.index}: an approved image without an image")
        if outcome.index in found:
            raise UnprocessableError(f"images.{outcome.index}: the index is there twice")
        found[outcome.index] = outcome.image
    return sorted(found.items())


def _variant(key: str, file: Encoded) -> Variant:
    return Variant(
        key=key,
        sha256=content_hash(file),
        bytes=len(file.content),
        media_type=file.media_type,
        width=file.width,
        height=file.height,
    )


def _entry(
    event: ImageApproved,
    index: int,
    image: RawImage,
    variants: tuple[Variant, Variant, Variant],
    placeholder: str,
    now: datetime,
) -> Entry:
    parameters = event.data.parameters
    original, display, thumbnail = variants
    return Entry(
        image_id=image_id(event.metadata.request_id, index),
        request_id=event.metadata.request_id,
        owner=event.metadata.owner,
        index=index,
        created_at=now,
        prompt=parameters.prompt,
        negative_prompt=parameters.negative_prompt,
        style=parameters.style,
        quality=parameters.quality,
        steps=parameters.steps,
        guidance=parameters.guidance,
        model=image.model,
        seed=image.seed,
        cost_usd=image.cost_usd,
        original=original,
        display=display,
        thumbnail=thumbnail,
        placeholder=placeholder,
    )


def _taken_back(event: ImageApproved, entries: Sequence[Entry], found: Tombstone) -> list[Event]:
    # A paid image that nobody will see is a fact somebody counts; a redelivery repeats it to the letter.
    when = max(found.written_at, event.metadata.occurred_at)
    return [
        ImageDeleted.follow(
            event,
            ImageDeletedData(image_id=entry.image_id, reason="taken_back"),
            occurred_at=when,
            index=entry.index,
        )
        for entry in entries
    ]


def _keys(entries: Sequence[Entry]) -> list[str]:
    return [key for entry in entries for key in entry.keys]
