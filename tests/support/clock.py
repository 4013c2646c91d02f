"""The fake clock: it advances if a test moves it or if code sleeps."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta


@dataclass
class FakeClock:
    """A clock that starts at ``time``; sleeping advances it and is recorded."""

    time: datetime = datetime(2026, 1, 1, 12, tzinfo=UTC)
    slept: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        """Return the current time in UTC."""
        return self.time

    def monotonic(self) -> float:
        """Return seconds from an arbitrary start."""
        return self.time.timestamp()

    def sleep(self, seconds: float) -> None:
        """Advance without waiting."""
        self.slept.append(seconds)
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Move the clock on."""
        self.time += timedelta(seconds=seconds)
