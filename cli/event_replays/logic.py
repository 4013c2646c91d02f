"""Replay the bus's archive to one rule, so that one subscriber receives events again and no other does."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, Protocol

OWN_SERVICES: Final = (
    *("intake", "moderation", "generation", "storage", "analytics", "operations", "notifications", "accounts"),
    "privacy",
)
"""Services whose rules feed the pipeline: events that are replayed to them are processed again."""
FINISHED: Final = frozenset({"COMPLETED", "CANCELLED", "FAILED"})
POLL_SECONDS: Final = 1.0
NAME_MAX: Final = 64


class RefusedError(Exception):
    """The replay is refused. The text is the reason."""


@dataclass(frozen=True)
class Archive:
    """An archive of the bus."""

    name: str
    arn: str
    state: str
    retention_days: int
    """0 for no limit."""
    events: int
    """As AWS last counted, up to a day ago."""
    created_at: datetime


@dataclass(frozen=True)
class Rule:
    """A rule on the bus."""

    name: str
    arn: str
    enabled: bool
    targets: int


@dataclass(frozen=True)
class Window:
    """The period of a replay, both ends included."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class Replay:
    """A replay."""

    name: str
    state: str
    started_at: datetime | None = None
    window: Window | None = None
    reached: datetime | None = None
    """Time of the last replayed event."""
    reason: str = ""

    @property
    def share(self) -> float:
        """Progress from 0 to 1."""
        if self.state == "COMPLETED":
            return 1.0
        if self.window is None or self.reached is None or self.window.end <= self.window.start:
            return 0.0
        return min(1.0, (self.reached - self.window.start) / (self.window.end - self.window.start))


class Replays(Protocol):
    """The archive and the replays of one bus."""

    def archives(self) -> list[Archive]:
        """Return the bus's archives."""

    def rule(self, name: str) -> Rule | None:
        """Return a rule of the bus, or None if it does not exist."""

    def start(self, name: str, archive: Archive, rule: Rule, window: Window) -> None:
        """Start a replay of ``window`` to ``rule`` only."""

    def show(self, name: str) -> Replay:
        """Return the state of a replay."""

    def list(self) -> list[Replay]:
        """Return the bus's replays, newest first."""

    def cancel(self, name: str) -> None:
        """Cancel a replay. Delivered events stay delivered."""


@dataclass(frozen=True)
class Plan:
    """The plan of a replay."""

    name: str
    archive: Archive
    rule: Rule
    window: Window


def plan(replays: Replays, prefix: str, rule_name: str, window: Window, *, force: bool, now: datetime) -> Plan:
    """Return the plan of a replay. Raises ``RefusedError`` if it must not be started."""
    rule = replays.rule(rule_name)
    if rule is None:
        raise RefusedError(f"the bus has no rule {rule_name}")
    if window.end <= window.start:
        raise RefusedError("--to must be later than --from")
    if window.start >= now:
        raise RefusedError("--from lies in the future")
    if not rule.enabled:
        raise RefusedError(f"{rule.name} is disabled")
    if not rule.targets:
        raise RefusedError(f"{rule.name} has no target")
    if not force and is_own(prefix, rule.name):
        raise RefusedError(
            f"{rule.name} feeds a step of the pipeline, which would process the events again. Steps remember completed "
            "work (images for 60 days), so usually nothing happens. Use --force to replay anyway"
        )
    archive = next((found for found in replays.archives() if found.state == "ENABLED"), None)
    if archive is None:
        raise RefusedError("the bus has no archive: set the parameter ArchiveDays")
    # Times of events are rounded down to seconds, so a window must start at a full second.
    from_the_second = replace(window, start=window.start.replace(microsecond=0))
    return Plan(f"{rule.name}-{now:%Y%m%dT%H%M%S}"[-NAME_MAX:].lstrip("-"), archive, rule, from_the_second)


def is_own(prefix: str, rule_name: str) -> bool:
    """Return whether a rule belongs to a service of the installation."""
    return rule_name.startswith(tuple(f"{prefix}-{service}-" for service in OWN_SERVICES))


def follow(
    replays: Replays,
    name: str,
    deadline: float,
    progress: Callable[[Replay], None],
    *,
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Replay:
    """Follow a replay until it ends, or for ``deadline`` seconds; return its state."""
    until = monotonic() + deadline
    while True:
        found = replays.show(name)
        progress(found)
        if found.state in FINISHED or monotonic() >= until:
            return found
        sleep(POLL_SECONDS)


def parse_time(text: str) -> datetime:
    """Parse a time, for example ``2026-11-22T09:30``, as UTC unless it has an offset. Raises ``ValueError``."""
    found = datetime.fromisoformat(text)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
