"""Stores approved images: first the files, then one decision about the whole request, then the event."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from events.catalog.image_approved import ImageApproved
from events.catalog.image_deleted import ImageDeleted, ImageDeletedData
from events.catalog.image_stored import ImageStored, ImageStoredData
from events.envelope import Event
from events.images import RawImage, Variant
from kit.clock import Clock
from kit.errors import UnprocessableError
from kit.keyring import SecretVersion
from kit.sealing import OpenTexts, Texts
from services.storage.content_credentials import Origin, Sign
from services.storage.models import DeletionMarker, Entry, Tombstone, file_key, make_image_id
from services.storage.provenance import Provenance, prompt_hash
from services.storage.variants import BEST_QUALITY, EncodedFile, ImageVariants, content_hash, create_variants


class Handoff(Protocol):
    """The hand-off bucket with the raw images."""

    def read(self, image: RawImage) -> bytes:
        """Return the verified bytes, or raise ``UnprocessableError``."""


class Files(Protocol):
    """The files of the gallery. Each key is written once."""

    def write(self, files: Sequence[tuple[Variant, bytes]]) -> list[Variant]:
        """Write all ``files`` that do not exist. Return all of them as they are stored."""

    def delete(self, keys: Sequence[str]) -> int:
        """Delete ``keys`` with all their versions. Return how many versions were former ones."""


class GalleryRepository(Protocol):
    """The records of the gallery."""

    def add(self, entries: Sequence[Entry]) -> list[Entry | DeletionMarker] | Tombstone:
        """Record all images of a request, or none of them.

        Return the recorded images in the order of ``entries``: ``entries`` themselves, or those of an earlier
        delivery, with a deletion marker for an image that was deleted since. Return the tombstone if the request was
        withdrawn before its images were recorded.
        """

    def find_all(self, image_ids: Sequence[str]) -> Iterable[Entry | DeletionMarker]:
        """Return the records of images that have one, in any order."""


@dataclass(frozen=True)
class ImageStorage:
    """Stores the approved images of a request."""

    handoff: Handoff
    files: Files
    gallery: GalleryRepository
    open_texts: OpenTexts
    hash_key: Callable[[], SecretVersion]
    """Returns the key for prompt hashes."""
    sign: Sign
    clock: Clock

    def store(self, event: ImageApproved) -> list[Event]:
        """Return ``ImageStored``, or one ``ImageDeleted`` per image if the request was withdrawn.

        The gallery keeps the texts readable, because search needs their words. All images are processed before any
        file is written, so that one invalid image stores nothing.

        Raw images that are gone are not needed if the gallery has the images: a second region has the same gallery,
        receives events again that were published in the other one, and has none of its raw images (ADR 40).
        """
        texts, approved = self.open_texts(event.metadata.owner, event.data.parameters), _approved_images(event)
        try:
            processed = [(index, image, self._process(event, texts, index, image)) for index, image in approved]
        except UnprocessableError:
            ids = [make_image_id(event.metadata.request_id, index) for index, _ in approved]
            stored = sorted(self.gallery.find_all(ids), key=lambda record: ids.index(record.image_id))
            if len(stored) < len(ids):
                raise
            return [_stored_event(event, stored)]
        now = self.clock.now()
        entries = self._write_files(event, texts, processed, now)
        recorded = self.gallery.add(entries)
        if isinstance(recorded, Tombstone):
            self.files.delete(_keys(entries))
            return _withdrawn_events(event, entries, recorded)
        live = [record for record in recorded if isinstance(record, Entry)]
        # A repeated generation has other keys than the recorded one, and a deleted image keeps no files.
        if unreferenced := set(_keys(entries)) - set(_keys(live)):
            self.files.delete(sorted(unreferenced))
        return [_stored_event(event, recorded)]

    def _process(self, event: ImageApproved, texts: Texts, index: int, image: RawImage) -> ImageVariants:
        request_id, parameters = event.metadata.request_id, event.data.parameters
        provenance = Provenance(
            image_id=make_image_id(request_id, index),
            request_id=request_id,
            model=image.model,
            seed=image.seed,
            prompt_hash=prompt_hash(self.hash_key(), texts.prompt),
        )
        quality = BEST_QUALITY if parameters.output_compression is None else parameters.output_compression
        variants = create_variants(
            self.handoff.read(image), image, provenance.xmp(), parameters.output_format or "png", quality
        )
        # The cause of an approval is that the last image was generated.
        return self.sign(variants, Origin(image.model, event.metadata.caused_at))

    def _write_files(
        self,
        event: ImageApproved,
        texts: Texts,
        processed: Sequence[tuple[int, RawImage, ImageVariants]],
        now: datetime,
    ) -> list[Entry]:
        request_id = event.metadata.request_id
        written = iter(
            self.files.write(
                [
                    (_variant(file_key(request_id, index, image.sha256, file.name), file), file.content)
                    for index, image, variants in processed
                    for file in (variants.original, variants.display, variants.thumbnail)
                ]
            )
        )
        return [
            _entry(event, texts, index, image, (next(written), next(written), next(written)), variants.placeholder, now)
            for index, image, variants in processed
        ]


def _approved_images(event: ImageApproved) -> list[tuple[int, RawImage]]:
    images: dict[int, RawImage] = {}
    for outcome in event.data.images:
        if outcome.image is None:
            raise UnprocessableError(f"images.{outcome.index}: an approved image without an image")
        if outcome.index in images:
            raise UnprocessableError(f"images.{outcome.index}: the index occurs twice")
        images[outcome.index] = outcome.image
    return sorted(images.items())


def _variant(key: str, file: EncodedFile) -> Variant:
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
    texts: Texts,
    index: int,
    image: RawImage,
    variants: tuple[Variant, Variant, Variant],
    placeholder: str,
    now: datetime,
) -> Entry:
    parameters = event.data.parameters
    original, display, thumbnail = variants
    return Entry(
        image_id=make_image_id(event.metadata.request_id, index),
        request_id=event.metadata.request_id,
        owner=event.metadata.owner,
        analytics_opt_out=event.metadata.analytics_opt_out,
        index=index,
        created_at=now,
        prompt=texts.prompt,
        negative_prompt=texts.negative_prompt,
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


def _stored_event(event: ImageApproved, recorded: Sequence[Entry | DeletionMarker]) -> ImageStored:
    return ImageStored.follow(
        event,
        ImageStoredData(images=[record.stored_image() for record in recorded], removed=event.data.removed),
        occurred_at=recorded[0].created_at,
    )


def _withdrawn_events(event: ImageApproved, entries: Sequence[Entry], tombstone: Tombstone) -> list[Event]:
    # Analytics counts images that were paid for and discarded. A redelivery publishes the same events.
    occurred_at = max(tombstone.withdrawn_at, event.metadata.occurred_at)
    return [
        ImageDeleted.follow(
            event,
            ImageDeletedData(image_id=entry.image_id, reason="withdrawn"),
            occurred_at=occurred_at,
            index=entry.index,
        )
        for entry in entries
    ]


def _keys(entries: Sequence[Entry]) -> list[str]:
    return [key for entry in entries for key in entry.keys]
