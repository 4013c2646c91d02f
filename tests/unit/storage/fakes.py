"""Doubles of storage's ports, and pictures to store."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any

from PIL import Image

from events.catalog.image_approved import ImageApproved, ImageApprovedData
from events.claim_check import handoff_key, sha256
from events.drawing import Drawing, ImageOutcome, ModelPlan, RawImage, RemovedImage, Variant
from events.errors import UnprocessableError
from services.storage.gallery import Entry, Tombstone
from services.storage.logic import Store

REQUEST = "01a0b9c4-7d2e-7c31-9f60-5b1d2f7a9e04"
PROMPT = "A lighthouse on a cliff at dusk, 灯台"
KEY = b"not a secret"
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def painting(width: int = 96, height: int = 64, *, tint: int = 0, mode: str = "RGB") -> Image.Image:
    """Return a picture with structure in every channel."""
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
    """Return the claim check of ``content``."""
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
    drawing = Drawing(prompt=PROMPT, negative_prompt="people", count=4, seed=4242, guidance=7.5, models=[plan])
    outcomes = [ImageOutcome(index=index, status="generated", image=image) for index, image in enumerate(images)]
    data = ImageApprovedData(policy_version="1", layers=[], images=outcomes, removed=list(removed), drawing=drawing)
    return ImageApproved.first(REQUEST, "ada", data, occurred_at=NOON - timedelta(seconds=2))


class FakeHandoff:
    """A hand-off bucket that verifies like the real one."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def put(self, content: bytes, index: int = 0) -> RawImage:
        """Lay ``content`` down and return its claim check."""
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
    """A gallery bucket."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def write(self, files: Sequence[tuple[Variant, bytes]]) -> list[Variant]:
        """Write what is not there yet."""
        stand = []
        for variant, content in files:
            standing = self.objects.setdefault(variant.key, content)
            stand.append(variant.model_copy(update={"sha256": sha256(standing), "bytes": len(standing)}))
        return stand

    def delete(self, keys: Sequence[str]) -> None:
        """Forget ``keys``."""
        for key in keys:
            self.objects.pop(key, None)


class FakeCatalogue:
    """A gallery catalogue."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.tombstones: dict[str, Tombstone] = {}

    def add(self, entries: Sequence[Entry]) -> list[Entry] | Tombstone:
        """Record all or none."""
        recorded = [self.entries[entry.image_id] for entry in entries if entry.image_id in self.entries]
        if len(recorded) == len(entries):
            return recorded
        if recorded:
            raise UnprocessableError(f"images: other pictures of request {entries[0].request_id} are recorded already")
        if buried := self.tombstones.get(entries[0].request_id):
            return buried
        self.entries.update({entry.image_id: entry for entry in entries})
        return list(entries)

    def bury(self, tombstone: Tombstone) -> None:
        """Keep the first tombstone."""
        self.tombstones.setdefault(tombstone.request_id, tombstone)

    def find(self, picture: str) -> Entry | None:
        """Return the picture."""
        return self.entries.get(picture)


class Gallery:
    """The step with all its doubles; the clock ticks a second each time somebody looks."""

    def __init__(self) -> None:
        self.handoff, self.files, self.catalogue = FakeHandoff(), FakeFiles(), FakeCatalogue()
        self._now = NOON
        self.store = Store(
            handoff=self.handoff, files=self.files, catalogue=self.catalogue, hash_key=lambda: KEY, clock=self._tick
        )

    def _tick(self) -> datetime:
        self._now += timedelta(seconds=1)
        return self._now
