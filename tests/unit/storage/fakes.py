"""Fakes for storage's ports, and images to store."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any

from PIL import Image

from events.catalog.image_approved import ImageApproved, ImageApprovedData
from events.images import ImageOutcome, RawImage, RemovedImage, Variant
from events.parameters import GenerationParameters, ModelPlan
from kit.errors import UnprocessableError
from kit.handoff import handoff_key, sha256
from kit.keyring import SecretVersion
from services.storage.content_credentials import leave_unsigned
from services.storage.listing import Chunk, Listing
from services.storage.models import (
    MAX_SHARES,
    DeletionMarker,
    Entry,
    EntrySummary,
    Share,
    Tombstone,
    derived_folder,
    partition_key,
)
from services.storage.search import search_text
from services.storage.service import ImageStorage
from tests.support.clock import FakeClock
from tests.support.sealing import sample_sealer, sealed

REQUEST = "01a0b9c4-7d2e-7c31-9f60-5b1d2f7a9e04"
PROMPT = "A lighthouse on a cliff at dusk, 灯台"
KEY = SecretVersion(1, b"not a secret")
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def gradient(width: int = 96, height: int = 64, *, tint: int = 0, mode: str = "RGB") -> Image.Image:
    """Return an image with structure in every channel."""
    across = Image.linear_gradient("L").resize((width, height))
    down = Image.linear_gradient("L").rotate(90).resize((width, height))
    flat = Image.new("L", (width, height), 40 + tint)
    return Image.merge("RGB", (across, down, flat)).convert(mode)


def encode(image: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    """Return ``image`` as a file."""
    target = BytesIO()
    image.save(target, format, **options)
    return target.getvalue()


def raw_image(content: bytes, index: int = 0, *, width: int = 96, height: int = 64) -> RawImage:
    """Return the reference to ``content`` in the hand-off bucket."""
    digest = sha256(content)
    return RawImage(
        key=handoff_key(REQUEST, index, digest),
        sha256=digest,
        bytes=len(content),
        media_type="image/png",
        width=width,
        height=height,
        model="stable-image-core",
        seed=4242 + index,
        cost_usd=Decimal("0.04"),
    )


def approved(*images: RawImage, removed: Sequence[RemovedImage] = ()) -> ImageApproved:
    """Return the event that approves ``images``."""
    plan = ModelPlan(model="stable-image-core", width=96, height=64, price_usd=Decimal("0.04"))
    parameters = GenerationParameters(
        prompt=sealed(PROMPT, "ada"),
        negative_prompt=sealed("people", "ada"),
        count=4,
        seed=4242,
        guidance=7.5,
        models=[plan],
    )
    outcomes = [ImageOutcome(index=index, status="generated", image=image) for index, image in enumerate(images)]
    data = ImageApprovedData(
        policy_version="1", layers=[], images=outcomes, removed=list(removed), parameters=parameters
    )
    return ImageApproved.first(REQUEST, "ada", data, occurred_at=NOON - timedelta(seconds=2))


class FakeHandoff:
    """A hand-off bucket in memory that verifies hashes."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def put(self, content: bytes, index: int = 0) -> RawImage:
        """Store ``content`` and return its reference."""
        image = raw_image(content, index)
        self.objects[image.key] = content
        return image

    def read(self, image: RawImage) -> bytes:
        """Return the bytes, or raise ``UnprocessableError``."""
        content = self.objects.get(image.key)
        if content is None:
            raise UnprocessableError(f"image.key: {image.key} is not in the hand-off bucket")
        if sha256(content) != image.sha256:
            raise UnprocessableError(f"image.sha256: {image.key} has another hash than its event says")
        return content


class FakeFiles:
    """A gallery bucket in memory."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def write(self, files: Sequence[tuple[Variant, bytes]]) -> list[Variant]:
        """Write the files that do not exist."""
        written = []
        for variant, content in files:
            stored = self.objects.setdefault(variant.key, content)
            written.append(variant.model_copy(update={"sha256": sha256(stored), "bytes": len(stored)}))
        return written

    def read(self, key: str) -> bytes | None:
        """Return the content of a file."""
        return self.objects.get(key)

    def write_derived(self, key: str, content: bytes, media_type: str) -> None:
        """Write a derived file."""
        self.objects[key] = content

    def with_derived(self, keys: Sequence[str]) -> list[str]:
        """Return ``keys`` and those of the files that are derived from them."""
        folders = tuple(f"{derived_folder(key.rpartition('/')[0])}/" for key in keys)
        return sorted({*keys, *(key for key in self.objects if key.startswith(folders))})

    def delete(self, keys: Sequence[str]) -> int:
        """Delete ``keys``, which have no former versions here."""
        for key in keys:
            self.objects.pop(key, None)
        return 0


class FakeGallery:
    """The gallery table and its indexes in memory."""

    def __init__(self) -> None:
        self.recorded: dict[str, Entry | DeletionMarker] = {}
        self.tombstones: dict[str, Tombstone] = {}
        """By image id."""
        self.examined = 0
        """Number of entries that reads of the indexes examined."""

    @property
    def entries(self) -> dict[str, Entry]:
        """The images that are not deleted."""
        return {image_id: found for image_id, found in self.recorded.items() if isinstance(found, Entry)}

    def add(self, entries: Sequence[Entry]) -> list[Entry | DeletionMarker] | Tombstone:
        """Record all entries or none."""
        if tombstones := [self.tombstones[entry.image_id] for entry in entries if entry.image_id in self.tombstones]:
            return tombstones[0]
        recorded = [self.recorded[entry.image_id] for entry in entries if entry.image_id in self.recorded]
        if len(recorded) == len(entries):
            return recorded
        if recorded:
            raise UnprocessableError(f"images: other images of request {entries[0].request_id} are recorded already")
        self.recorded.update({entry.image_id: entry for entry in entries})
        return list(entries)

    def add_tombstone(self, tombstone: Tombstone) -> Entry | None:
        """Record the first tombstone of an image that is not recorded."""
        if tombstone.image_id in self.recorded:
            return self.entries.get(tombstone.image_id)
        self.tombstones.setdefault(tombstone.image_id, tombstone)
        return None

    def find(self, image_id: str) -> Entry | DeletionMarker | None:
        """Return an entry or its deletion marker."""
        return self.recorded.get(image_id)

    def find_all(self, image_ids: Sequence[str]) -> list[Entry | DeletionMarker]:
        """Return the recorded ones, in another order, as DynamoDB may."""
        return [self.recorded[image_id] for image_id in reversed(image_ids) if image_id in self.recorded]

    def mark_deleted(self, marker: DeletionMarker) -> bool:
        """Replace an entry with its first marker."""
        if marker.image_id not in self.entries:
            return False
        self.recorded[marker.image_id] = marker
        return True

    def set_favourite(self, image_id: str, owner: str, favourite: bool) -> bool:
        """Change an owner's image."""
        return self._change(image_id, owner, favourite=favourite)

    def add_share(self, entry: Entry, share: Share, expired: Sequence[Share]) -> bool:
        """Add a share if there are fewer than the maximum."""
        stored = self.entries.get(entry.image_id)
        if stored is None:
            raise KeyError(entry.image_id)
        kept = tuple(old for old in stored.shares if old not in expired)
        return len(kept) < MAX_SHARES and self._change(entry.image_id, entry.owner, shares=(*kept, share))

    def revoke_share(self, image_id: str, owner: str, share_id: str) -> bool:
        """Remove a share."""
        shares = self.entries[image_id].shares if image_id in self.entries else ()
        return self._change(image_id, owner, shares=tuple(s for s in shares if s.share_id != share_id))

    def _change(self, image_id: str, owner: str, **changes: Any) -> bool:
        found = self.entries.get(image_id)
        if found is None or found.owner != owner:
            return False
        self.recorded[image_id] = found.model_copy(update=changes)
        return True

    def read(self, listing: Listing, after: str | None, count: int) -> Chunk:
        """Examine ``count`` entries of an index."""
        candidates = [
            (summary, entry)
            for summary, entry in sorted(
                ((summary_of(entry), entry) for entry in self.entries.values()),
                key=lambda p: p[0].position,
                reverse=True,
            )
            if index_key(entry, listing.attribute) == listing.value
            and summary.position.startswith(listing.day or "")
            and (after is None or summary.position < after)
        ]
        examined = candidates[:count]
        self.examined += len(examined)
        summaries = [
            summary
            for summary, entry in examined
            if all(getattr(entry, name) == value for name, value in listing.equals.items())
            and all(any(word in search_text(entry.prompt) for word in spellings) for spellings in listing.words)
        ]
        return Chunk(summaries, examined[-1][0].position if len(examined) == count else None)


def summary_of(entry: Entry) -> EntrySummary:
    """Return the summary of an entry."""
    return EntrySummary(
        **entry.model_dump(include={"image_id", "created_at", "model", "style", "favourite", "placeholder"}),
        caption=entry.prompt[:140],
        folder=entry.display.key.rpartition("/")[0],
        width=entry.original.width,
        height=entry.original.height,
    )


def index_key(entry: Entry, attribute: str) -> str | None:
    """Return the partition key of an entry in an index."""
    match attribute:
        case "owner":
            return entry.owner
        case "model_of":
            return partition_key(entry.owner, entry.model)
        case "style_of":
            return partition_key(entry.owner, entry.style) if entry.style else None
        case "favourite_of":
            return entry.owner if entry.favourite else None
    raise KeyError(attribute)


class FakeCdn:
    """A CDN that records invalidations."""

    def __init__(self) -> None:
        self.invalidated: dict[str, list[str]] = {}

    def invalidate(self, keys: Sequence[str], reference: str) -> None:
        """Record the first invalidation with ``reference``."""
        self.invalidated.setdefault(reference, sorted(keys))


def variant(name: str, content: bytes = b"content") -> Variant:
    """Return a file of an image."""
    return Variant(
        key=f"images/{REQUEST}/{name}",
        sha256=sha256(content),
        bytes=len(content),
        media_type="image/png" if name.endswith(".png") else "image/webp",
        width=3,
        height=2,
    )


def entry(index: int = 0, **changes: Any) -> Entry:
    """Return an entry of the gallery."""
    values: dict[str, Any] = {
        "image_id": f"{changes.get('request_id', REQUEST)}-{index}",
        "request_id": REQUEST,
        "owner": "ada",
        "index": index,
        "created_at": NOON,
        "prompt": "A lighthouse, 灯台",
        "negative_prompt": None,
        "style": "anime",
        "quality": "premium",
        "steps": 30,
        "guidance": 7.1,
        "model": "stable-image-core",
        "seed": 4294967294,
        "cost_usd": Decimal("0.04"),
        "original": variant("original.png"),
        "display": variant("display.webp"),
        "thumbnail": variant("thumbnail.webp"),
        "placeholder": "LEHV6nWB2yk8pyo0adR*.7kCMdnj",
        **changes,
    }
    return Entry.model_validate(values)


class TickingClock(FakeClock):
    """A clock that advances by a second whenever it is read."""

    def now(self) -> datetime:
        """Advance and return the time."""
        self.advance(1)
        return self.time


class StorageHarness:
    """An image storage with fakes for all its ports."""

    def __init__(self) -> None:
        self.handoff, self.files, self.gallery = FakeHandoff(), FakeFiles(), FakeGallery()
        self.storage = ImageStorage(
            handoff=self.handoff,
            files=self.files,
            gallery=self.gallery,
            open_texts=sample_sealer().open_texts,
            hash_key=lambda: KEY,
            sign=leave_unsigned,
            clock=TickingClock(NOON),
        )
        self.store = self.storage.store
