"""The progress of a drill, in a document outside the tables: interrupted anywhere, the same command continues there.

The document is also the lock. Every write names the version that it replaces, so of two drills only one can go on; and
it says who is at work and when that one last gave a sign of life.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from pydantic import AwareDatetime, BaseModel

from cli.recovery.store import ConflictError, Store

CURRENT: Final = "drill.json"
HISTORY: Final = "drills/"
SILENCE: Final = timedelta(minutes=2)
"""After so long without a sign of life, a drill counts as interrupted."""
BEAT: Final = timedelta(seconds=20)
"""Between two signs of life."""


class BusyError(Exception):
    """Another drill is running."""


class StepRecord(BaseModel):
    """A step that was started."""

    started_at: AwareDatetime
    finished_at: AwareDatetime | None = None
    result: str = ""


class Drill(BaseModel):
    """A drill, as far as it got."""

    drill_id: str
    started_at: AwareDatetime
    operator: str
    worker: str = ""
    """Who is at work; empty: nobody."""
    alive_at: AwareDatetime
    steps: dict[str, StepRecord] = {}
    facts: dict[str, Any] = {}
    """What later steps need to know of earlier ones."""
    finished_at: AwareDatetime | None = None


class Progress:
    """The current drill, held by this process."""

    def __init__(self, store: Store, drill: Drill, version: str, now: Callable[[], datetime]) -> None:
        self._store = store
        self.drill = drill
        self._version = version
        self._now = now

    @classmethod
    def begin(cls, store: Store, operator: str, now: Callable[[], datetime]) -> "Progress":
        """Continue the interrupted drill, or start one. Raise ``BusyError`` if one is running."""
        found, worker, at = store.read(CURRENT), uuid4().hex, now()
        drill = Drill.model_validate_json(found[0]) if found else None
        if drill is None or drill.finished_at:
            drill = Drill(drill_id=f"{at:%Y%m%dT%H%M%SZ}", started_at=at, operator=operator, alive_at=at)
        elif drill.worker and at - drill.alive_at < SILENCE:
            silent = (at - drill.alive_at).total_seconds()
            raise BusyError(
                f"Drill {drill.drill_id} of {drill.operator} is running; its last sign of life was {silent:.0f} s ago. "
                f"If it was killed, run the same command in {SILENCE.total_seconds() - silent:.0f} s: it continues"
            )
        taken = drill.model_copy(update={"worker": worker, "alive_at": at})
        try:
            version = store.write(CURRENT, taken.model_dump_json(), replacing=found[1] if found else None)
        except ConflictError:
            raise BusyError("Another drill was started at the same moment") from None
        return cls(store, taken, version, now)

    def save(self) -> None:
        """Write the progress. Raise ``BusyError`` if another process has taken the drill over."""
        self.drill.alive_at = self._now()
        try:
            self._version = self._store.write(CURRENT, self.drill.model_dump_json(), replacing=self._version)
        except ConflictError:
            raise BusyError(f"Another process has taken over drill {self.drill.drill_id}") from None

    def beat(self) -> None:
        """Give a sign of life, if the last one is old enough."""
        if self._now() - self.drill.alive_at >= BEAT:
            self.save()

    def release(self) -> None:
        """Say that nobody is at work, so that the same command continues at once."""
        self.drill.worker = ""
        self.save()

    def discard(self) -> None:
        """Forget the drill, because it has changed nothing yet."""
        self._store.delete(CURRENT)

    def finish(self) -> None:
        """Keep the finished drill beside earlier ones."""
        self.drill.finished_at = self.drill.finished_at or self._now()
        self.release()
        self._store.write(f"{HISTORY}{self.drill.drill_id}.json", self.drill.model_dump_json())
