"""Fakes for moderation's ports."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Generic

from events.catalog.image_generated import ImageGenerated
from events.images import RawImage
from services.moderation.models import CheckRefusedError, Finding, Hit, TextField, VerdictT
from tests.support.events import sample


class InMemoryVerdicts(Generic[VerdictT]):
    """A verdict repository in memory that counts reads."""

    def __init__(self) -> None:
        self.verdicts: dict[str, VerdictT] = {}
        self.reads = 0

    def find(self, event_id: str) -> VerdictT | None:
        """Return the recorded verdict, or None."""
        self.reads += 1
        return self.verdicts.get(event_id)

    def record(self, event_id: str, verdict: VerdictT) -> VerdictT:
        """Record the first verdict and return it."""
        return self.verdicts.setdefault(event_id, verdict)


class ScriptedKeywords:
    """A keyword filter with scripted hits; the last one is repeated."""

    name = "keywords"

    def __init__(self, *hits: Hit | None) -> None:
        self._hits = hits or (None,)
        self._calls = 0

    def screen(self, texts: Mapping[TextField, str], _hit: Hit | None) -> Hit | None:
        """Return the next hit, as a layer."""
        return self.find(texts)

    def find(self, texts: Mapping[TextField, str]) -> Hit | None:
        """Return the next hit."""
        self._calls += 1
        return self._hits[min(self._calls, len(self._hits)) - 1]


class ScriptedClaude:
    """A layer after the keywords with scripted results that records its calls."""

    def __init__(self, *results: Finding | Exception | None, name: str = "claude") -> None:
        self.name = name
        self._results = results or (None,)
        self.calls: list[dict[TextField, str]] = []
        self.hits: list[Hit | None] = []

    def screen(self, texts: Mapping[TextField, str], hit: Hit | None) -> Finding | None:
        """Return the next result; the last one is repeated."""
        self.calls.append(dict(texts))
        self.hits.append(hit)
        result = self._results[min(len(self.calls), len(self._results)) - 1]
        if isinstance(result, Exception):
            raise result
        return result


class ScriptedDetector:
    """A layer for images with scripted labels, by key of the image. It is sure of each."""

    def __init__(self, by_key: Mapping[str, set[str]] | None = None, name: str = "rekognition") -> None:
        self.name = name
        self.by_key = dict(by_key or {})
        self.screened: list[str] = []
        """Keys of the images."""

    def labels(self, images: Sequence[RawImage]) -> list[dict[str, float]]:
        """Return the scripted labels of each image."""
        self.screened += [image.key for image in images]
        return [dict.fromkeys(self.by_key.get(image.key, ()), 99.0) for image in images]


class RecordingRawImages:
    """Records what is deleted, by key of the image."""

    def __init__(self) -> None:
        self.deleted: list[str] = []

    def delete(self, images: Sequence[RawImage]) -> None:
        """Record the keys."""
        self.deleted += [image.key for image in images]


class InMemoryCheckCounts:
    """Counts of checks in memory."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self.blocked: Counter[tuple[str, str]] = Counter()

    def add(self, key_id: str, window: str, limit: int, max_blocked: int, expires_at: int) -> int:
        """Count a check and return the new count, or raise ``CheckRefusedError``."""
        if self.counts[key_id, window] >= limit:
            raise CheckRefusedError("rate_limited")
        if self.blocked[key_id, window] >= max_blocked:
            raise CheckRefusedError("too_many_blocked")
        self.counts[key_id, window] += 1
        return self.counts[key_id, window]

    def add_blocked(self, key_id: str, window: str) -> None:
        """Count a check as blocked."""
        self.blocked[key_id, window] += 1


def raw_image(key: str = "raw/r/0-abc") -> RawImage:
    """Return an image in the hand-off bucket."""
    example = sample("ImageGenerated")
    assert isinstance(example, ImageGenerated)
    image = example.data.outcomes[0].image
    assert image is not None
    return image.model_copy(update={"key": key})
