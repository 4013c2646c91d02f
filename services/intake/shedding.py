"""Load shedding: while requests wait too long, new ones of keys of the lowest priorities are refused. ADR 44.

The sweeper decides once per minute by what waits, and saves its decision as a signal. The API only reads that signal,
with all others, so that an accepted request costs no further call.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple, Protocol

from events.pipeline import STEPS
from kit.callers import PRIORITIES, Priority
from kit.clock import Clock
from services.intake.models import RequestState
from services.intake.signals import ShedSignal

CROWD: Final = 10
"""Requests that must wait for a step. A few that are retried or were lost are a fault of their own, not load."""
VALID: Final = timedelta(minutes=5)
"""How long a signal is valid. If the sweeper stops renewing it, requests are accepted again."""
RELEASE: Final = 0.5
"""Share of a bound below which a priority is accepted again, so that the decision does not change with every run."""
STEP_OF: Final = {step.status: step.name for step in STEPS}

Bounds = Mapping[Priority, timedelta]
"""How long requests may wait until new ones of keys with a priority are refused. They do not decrease."""


def bounds_of(text: str) -> Bounds:
    """Return the bounds that the parameter ``ShedAfterSeconds`` stands for, such as ``300,900,1800`` or ``off``."""
    if text == "off":
        return {}
    return {
        priority: timedelta(seconds=int(seconds)) for priority, seconds in zip(PRIORITIES, text.split(","), strict=True)
    }


class Wait(NamedTuple):
    """How long requests have waited for a step."""

    step: str
    time: timedelta
    """Half of them have waited at least that long."""


class Backlog(Protocol):
    """The open requests."""

    def oldest(self) -> Iterable[RequestState]:
        """Return the oldest open requests, and some that are stalled or were nudged."""


class ShedStore(Protocol):
    """The signal that new requests are refused."""

    def read_shed(self) -> ShedSignal | None:
        """Return the signal, or None."""

    def save_shed(self, signal: ShedSignal | None) -> None:
        """Save the signal, or that there is none."""


@dataclass(frozen=True)
class LoadShedding:
    """Decides whose requests are refused."""

    backlog: Backlog
    signals: ShedStore
    bounds: Bounds
    """Empty if no request is ever refused."""
    clock: Clock

    def update(self) -> ShedSignal | None:
        """Save whose requests are refused from now on, and return that."""
        if not self.bounds:
            return None
        now, before = self.clock.now(), self.signals.read_shed()
        refused = before.up_to if before and now < before.until else None
        wait = longest_wait(self.backlog.oldest(), now)
        up_to = refused_up_to(wait.time, self.bounds, refused) if wait else None
        if wait is None or up_to is None:
            if before:
                self.signals.save_shed(None)
            return None
        signal = ShedSignal(up_to, wait.step, int(wait.time.total_seconds()), now + VALID)
        self.signals.save_shed(signal)
        return signal


def longest_wait(states: Iterable[RequestState], now: datetime) -> Wait | None:
    """Return the step for which requests have waited the longest, or None if nowhere wait as many as ``CROWD``.

    Half of them decide, not the oldest one: a request that was lost has waited for hours in a step that works well, and
    would have everybody refused. A stalled request waits for an operator, and refusing others would not help it.
    """
    waits: defaultdict[str, list[timedelta]] = defaultdict(list)
    for state in states:
        if state.status in STEP_OF:
            waits[STEP_OF[state.status]].append(now - max(entry.at for entry in state.timeline.values()))
    crowds = [Wait(step, sorted(times)[len(times) // 2]) for step, times in waits.items() if len(times) >= CROWD]
    return max(crowds, key=lambda wait: wait.time, default=None)


def refused_up_to(wait: timedelta, bounds: Bounds, before: Priority | None) -> Priority | None:
    """Return the highest priority whose requests are refused, or None. ``before`` is what was decided last.

    A priority is refused if requests wait for longer than its bound, and until they wait for less than half of it.
    """
    refused: Priority | None = None
    for priority in PRIORITIES:
        was_refused = before is not None and PRIORITIES.index(priority) <= PRIORITIES.index(before)
        if wait <= bounds[priority] * (RELEASE if was_refused else 1):
            break
        refused = priority
    return refused
