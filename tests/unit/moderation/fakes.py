"""In-memory stand-ins for what moderation reaches outside its process."""

from collections.abc import Mapping, Sequence
from typing import Generic

from events.images import RawImage
from services.moderation.service import Field, Finding, VerdictT


class InMemoryVerdicts(Generic[VerdictT]):
    """The verdict table as a dictionary; counts how often it is asked."""

    def __init__(self) -> None:
        self.verdicts: dict[str, VerdictT] = {}
        self.reads = 0

    def find(self, event_id: str) -> VerdictT | None:
        """Return the recorded verdict, if there is one."""
        self.reads += 1
        return self.verdicts.get(event_id)

    def record(self, event_id: str, verdict: VerdictT) -> VerdictT:
        """Keep the first verdict; return the one that counts."""
        return self.verdicts.setdefault(event_id, verdict)


class ScriptedLayer:
    """A layer that says what it was told to, and remembers what it was asked."""

    def __init__(self, name: str, *answers: Finding | Exception | None) -> None:
        self.name = name
        self._answers = answers or (None,)
        self.asked: list[dict[Field, str]] = []

    def find(self, texts: Mapping[Field, str]) -> Finding | None:
        """Give the next answer; the last one is repeated."""
        self.asked.append(dict(texts))
        answer = self._answers[min(len(self.asked), len(self._answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer


class ScriptedDetector:
    """A detector that sees what it was told to, by key, and counts the images it looked at."""

    name = "rekognition"

    def __init__(self, seen: Mapping[str, set[str]] | None = None) -> None:
        self.seen = dict(seen or {})
        self.looked = 0

    def labels(self, images: Sequence[RawImage]) -> list[set[str]]:
        """Return the labels of each image; none where nothing was scripted."""
        self.looked += len(images)
        return [self.seen.get(image.key, set()) for image in images]


class InMemoryChecks:
    """Counts of checks as a dictionary."""

    def __init__(self) -> None:
        self.counts: dict[tuple[str, str], int] = {}

    def add(self, key_id: str, window: str, limit: int, expires_at: int) -> int | None:
        """Count one more and return how many it makes; None, and nothing counted, where there were ``limit``."""
        count = self.counts.get((key_id, window), 0)
        if count >= limit:
            return None
        self.counts[key_id, window] = count + 1
        return count + 1

    def take_back(self, key_id: str, window: str) -> None:
        """Uncount one."""
        self.counts[key_id, window] -= 1
