"""Send dead letters to their steps again, unchanged or edited.

Each replay is published, then sent, then deleted. ``MessageReplayed`` is published first, so that nothing is sent
without a record, and so that a later stall is newer than its replay. A crash in between leaves the message in its
dead-letter queue: the next replay publishes the same event again and sends a duplicate, which consumers accept. No
crash loses the message.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from events.catalog.message_replayed import MessageReplayed, MessageReplayedData
from events.pipeline import PROGRESS, RANKS, STEPS_BY_NAME, TERMINAL, Status
from services.operations.dead_letters.failures import ReplayVerdict
from services.operations.dead_letters.letters import DeadLetter, Outcome, by_fingerprint
from services.operations.dead_letters.ports import Bus, Clock, Quarantine, Quarantined, Queues, RequestStates
from services.operations.dead_letters.reservation import READ_SECONDS, by_queue, release, reserve

RESERVATION_SECONDS_MAX: Final = 43_200 - READ_SECONDS
"""SQS hides a message for at most twelve hours after it was received."""

VERDICTS: Final[dict[ReplayVerdict, str]] = {
    "replay": "can be replayed",
    "terminal": "its request has a terminal status; --drop-terminal deletes the message",
    "unknown_request": "its request is unknown; --force replays the message",
    "done": "its step has completed since, so an edit would repeat it",
    "too_often": "it was replayed too often; fix the cause and use --force, or use --quarantine",
    "unreadable": "its body is not an event; it can only be purged",
    "no_source_queue": "it has no source queue",
}


@dataclass(frozen=True)
class ReplayOptions:
    """Options of a replay."""

    operator: str
    rate: float = 10
    """Maximum number of messages per second."""
    canary: bool = False
    canary_seconds: float = 60
    max_replays: int = 3
    """Letters that were replayed this often are refused."""
    force: bool = False
    drop_terminal: bool = False
    quarantine: bool = False
    """Move letters that were replayed too often into quarantine."""


@dataclass(frozen=True)
class Planned:
    """What a replay would do with one letter."""

    letter: DeadLetter
    verdict: ReplayVerdict
    status: str | None

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-serialisable representation."""
        return {**self.letter.to_dict(), "verdict": self.verdict, "status": self.status}


class Replayer:
    """Sends dead letters to their source queues."""

    def __init__(
        self,
        *,
        queues: Queues,
        states: RequestStates,
        bus: Bus,
        quarantine: Quarantine,
        options: ReplayOptions,
        clock: Clock = time,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._queues = queues
        self._states = states
        self._bus = bus
        self._quarantine = quarantine
        self._options = options
        self._clock = clock
        self._now = now
        self._next_send = 0.0

    def plan(self, letters: Sequence[DeadLetter]) -> list[Planned]:
        """Return what a replay would do with each of ``letters``. Changes nothing."""
        return [self._judge(letter) for letter in letters]

    def run(self, plan: Sequence[Planned]) -> Iterator[Outcome]:
        """Carry out ``plan``, one fingerprint after the other, and yield each outcome.

        If its canary fails, the rest of a group stays where it is. Raises ``ValueError`` if it would take longer than
        SQS can hide messages.
        """
        groups = by_fingerprint(planned.letter for planned in plan if planned.verdict == "replay")
        self._extend_reservation([letter for group in groups for letter in group], len(groups))
        for planned in plan:
            if planned.verdict != "replay":
                yield self._refuse(planned)
        for group in groups:
            yield from self._replay_group(group)

    def _judge(self, letter: DeadLetter) -> Planned:
        if letter.metadata is None:
            return Planned(letter, "unreadable", None)
        if letter.queue.source_url is None:
            return Planned(letter, "no_source_queue", None)
        status = self._states.status(letter.metadata.request_id)
        verdict: ReplayVerdict = "replay"
        # Only steps of the pipeline have nothing to do for a terminal request: other consumers record what happened.
        if status in TERMINAL and letter.queue.step in STEPS_BY_NAME:
            verdict = "terminal"
        elif not self._options.force and status is None:
            verdict = "unknown_request"
        elif not self._options.force and letter.replays >= self._options.max_replays:
            verdict = "too_often"
        return Planned(letter, verdict, status)

    def _refuse(self, planned: Planned) -> Outcome:
        if planned.verdict == "terminal" and self._options.drop_terminal:
            self._queues.delete(planned.letter.queue, planned.letter.messages)
            return Outcome(planned.letter, "dropped", f"the status of its request is {planned.status}")
        if planned.verdict == "too_often" and self._options.quarantine:
            operator, now = self._options.operator, self._now()
            return move_to_quarantine(self._queues, self._quarantine, planned.letter, operator, now)
        return Outcome(planned.letter, "refused", VERDICTS[planned.verdict])

    def _extend_reservation(self, letters: Sequence[DeadLetter], groups: int) -> None:
        """Keep all letters hidden until their turn, so that no other operator replays them in the meantime."""
        seconds = len(letters) / self._options.rate + groups * self._options.canary_seconds + 120
        if seconds > RESERVATION_SECONDS_MAX:
            raise ValueError(f"{len(letters)} messages at {self._options.rate:g}/s take longer than twelve hours")
        for queue, messages in by_queue(letters):
            self._queues.change_visibility(queue, messages, int(seconds))

    def _replay_group(self, group: Sequence[DeadLetter]) -> Iterator[Outcome]:
        waiting = list(group)
        proven = not self._options.canary
        while waiting:
            letter = waiting.pop(0)
            again = self._judge(letter)  # minutes may have passed since the plan
            if again.verdict != "replay":
                yield self._refuse(again)
                continue
            self._wait_for_turn()
            self._send(letter)
            yield Outcome(letter, "replayed", f"replay {letter.replays + 1}")
            if proven:
                continue
            proven, why = self._watch(letter)
            yield Outcome(letter, "canary_passed" if proven else "canary_failed", why)
            if not proven:
                yield from (Outcome(rest, "left", "the canary failed") for rest in waiting)
                return

    def _wait_for_turn(self) -> None:
        wait = self._next_send - self._clock.monotonic()
        if wait > 0:
            self._clock.sleep(wait)
        self._next_send = self._clock.monotonic() + 1 / self._options.rate

    def _send(self, letter: DeadLetter) -> None:
        self._bus.publish([self._replayed_event(letter)])
        self._queues.send(letter.queue, letter.replay_body(), letter.trace_header)
        self._queues.delete(letter.queue, letter.messages)

    def _replayed_event(self, letter: DeadLetter, edited_event_id: str | None = None) -> MessageReplayed:
        cause = letter.metadata
        assert cause is not None  # noqa: S101 - the verdict implies it
        replays = letter.replays + 1
        return MessageReplayed.follow(
            cause,
            MessageReplayedData(
                step=letter.queue.step,
                replayed_event_id=cause.event_id,
                replayed_detail_type=letter.detail_type,
                replays=replays,
                operator=self._options.operator,
                edited_event_id=edited_event_id,
            ),
            occurred_at=self._now(),
            # Several steps may be replayed for one event, a step several times, and with different edits.
            qualifier=f"{letter.queue.step}:{edited_event_id}" if edited_event_id else letter.queue.step,
            index=replays,
        )

    def _watch(self, letter: DeadLetter) -> tuple[bool, str]:
        """Return whether a replayed letter was processed, and the evidence."""
        deadline = self._clock.monotonic() + self._options.canary_seconds
        while True:
            if self._came_back(letter):
                return False, "it is in the dead-letter queue again"
            if letter.metadata and self._advanced(letter.queue.step, letter.metadata.request_id):
                return True, "its request advanced"
            if self._clock.monotonic() >= deadline:
                break
            self._clock.sleep(1)
        waited = f"within {self._options.canary_seconds:g} s"
        if letter.queue.step in STEPS_BY_NAME:
            return False, f"its request did not advance {waited}"
        return True, f"it was not dead-lettered again {waited}"

    def _advanced(self, step: str, request_id: str) -> bool:
        if step not in STEPS_BY_NAME:
            return False
        status = self._states.status(request_id)
        if status in PROGRESS:
            return RANKS[Status(status)] > RANKS[STEPS_BY_NAME[step].status]
        return status in TERMINAL

    def _came_back(self, letter: DeadLetter) -> bool:
        returned = reserve(self._queues, [letter.queue], limit=1000, hidden_seconds=30)
        release(self._queues, returned)
        return any(found.key == letter.key and found.replays > letter.replays for found in returned)


def move_to_quarantine(
    queues: Queues, quarantine: Quarantine, letter: DeadLetter, operator: str, now: datetime, why: str = ""
) -> Outcome:
    """Move ``letter`` into quarantine. It is stored before it is deleted, so a crash in between leaves two copies."""
    quarantine.put(Quarantined(letter, now, operator))
    queues.delete(letter.queue, letter.messages)
    return Outcome(letter, "quarantined", why or f"replayed {letter.replays} times")


def quarantine_all(
    queues: Queues, quarantine: Quarantine, letters: Iterable[DeadLetter], operator: str, now: datetime
) -> Iterator[Outcome]:
    """Move ``letters`` from their dead-letter queues into quarantine."""
    for letter in letters:
        yield move_to_quarantine(queues, quarantine, letter, operator, now)
