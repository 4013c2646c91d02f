"""Replaying the bus's archive to one rule: a subscriber catches up, and nobody else hears anything again."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, Protocol

OWN_SERVICES: Final = ("intake", "moderation", "generation", "storage", "analytics", "operations", "notifications")
"""Their rules feed the pipeline itself: what is replayed to one of them is done once more, if only to be found done."""
ENDED: Final = frozenset({"COMPLETED", "CANCELLED", "FAILED"})
POLL_SECONDS: Final = 1.0
NAME_MAX: Final = 64


class RefusedError(Exception):
    """The replay would do harm, or nothing at all; the text says why."""


@dataclass(frozen=True)
class Archive:
    """Where the bus keeps what it carried."""

    name: str
    arn: str
    state: str
    retention_days: int
    """0: for ever."""
    events: int
    """As AWS last counted, a day ago at most."""
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
    """The lines between which events are replayed, both included."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class Replay:
    """One replay, as AWS tells of it."""

    name: str
    state: str
    started_at: datetime | None = None
    window: Window | None = None
    reached: datetime | None = None
    """Time of the last event that was replayed."""
    reason: str = ""

    @property
    def share(self) -> float:
        """How much of the window is done, from 0 to 1."""
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
        """Return a rule of the bus, or None where there is none of that name."""

    def start(self, name: str, archive: Archive, rule: Rule, window: Window) -> None:
        """Replay ``window`` to ``rule`` alone."""

    def show(self, name: str) -> Replay:
        """Return a replay as it stands."""

    def list(self) -> list[Replay]:
        """Return the bus's replays, newest first."""

    def cancel(self, name: str) -> None:
        """Stop a replay. What was delivered stays delivered."""


@dataclass(frozen=True)
class Plan:
    """A replay that may be started."""

    name: str
    archive: Archive
    rule: Rule
    window: Window


def plan(replays: Replays, prefix: str, rule_name: str, window: Window, *, force: bool, now: datetime) -> Plan:
    """Return what a replay would do. Raises ``RefusedError`` with the reason where it should not be done."""
    rule = replays.rule(rule_name)
    if rule is None:
        raise RefusedError(f"there is no rule {rule_name} on the bus")
    if window.end <= window.start:
        raise RefusedError("--to must be later than --from")
    if window.start >= now:
        raise RefusedError("--from lies in the future")
    if not rule.enabled:
        raise RefusedError(f"{rule.name} is disabled: nothing would arrive")
    if not rule.targets:
        raise RefusedError(f"{rule.name} has no target: nothing would arrive")
    if not force and is_own(prefix, rule.name):
        raise RefusedError(
            f"{rule.name} feeds a step of the pipeline, which would be chosen to do it all again. Steps remember what "
            "they did (images for 60 days), so mostly nothing would follow; --force if that is what you want"
        )
    archive = next((found for found in replays.archives() if found.state == "ENABLED"), None)
    if archive is None:
        raise RefusedError("the bus has no archive: set the parameter ArchiveDays")
    # An event's time is in whole seconds, rounded down: a window that began later in the second would miss it.
    from_the_second = replace(window, start=window.start.replace(microsecond=0))
    return Plan(f"{rule.name}-{now:%Y%m%dT%H%M%S}"[-NAME_MAX:].lstrip("-"), archive, rule, from_the_second)


def is_own(prefix: str, rule_name: str) -> bool:
    """Tell whether a rule belongs to a service of ours."""
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
    """Watch a replay until it ends, or for ``deadline`` seconds; return how it stands then."""
    until = monotonic() + deadline
    while True:
        found = replays.show(name)
        progress(found)
        if found.state in ENDED or monotonic() >= until:
            return found
        sleep(POLL_SECONDS)


def line(text: str) -> datetime:
    """Read a time such as ``2026-11-22T09:30``; without an offset it is UTC. Raises ``ValueError``."""
    found = datetime.fromisoformat(text)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
