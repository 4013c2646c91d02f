"""Sending dead letters back safely, as they were or edited.

Each replay is announced, sent and only then deleted, in this order. `MessageReplayed` comes first so that nothing is
sent without a trace, and so that a stall which follows is newer than the replay it follows. A crash between two of the
three leaves the message in its dead-letter queue: running the replay again repeats the announcement under the same id
and sends a duplicate, which consumers are built for. No order of crashes loses it.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from events.catalog.message_replayed import MessageReplayed, MessageReplayedData
from services.operations.dead_letters.classes import Did, Verdict
from services.operations.dead_letters.editing import Edited
from services.operations.dead_letters.letters import DeadLetter, by_fingerprint
from services.operations.dead_letters.listing import READ_SECONDS, by_queue, collect, let_go
from services.operations.dead_letters.ports import Bus, Clock, Quarantine, Quarantined, Queues, RequestStates
from services.operations.timeline import ENDED

PROGRESS: Final = ("accepted", "generating", "checking", "storing")
ADVANCING: Final = {
    "moderation.prompt": "accepted",
    "generation.generate": "generating",
    "moderation.image": "checking",
    "storage.store": "storing",
}
"""The steps that move a request on, and the status it has until they are done. Only they have nothing left to do for a
request that ended: the others record what happened, an ending above all."""
BEGINS: Final = {"PromptApproved": "generating", "ImageGenerated": "checking", "ImageApproved": "storing"}
"""The events with which a request has got that far."""
HOLD_MAX: Final = 43_200 - READ_SECONDS
"""SQS hides a message for twelve hours at most, counted from when it was received."""


VERDICTS: Final[dict[Verdict, str]] = {
    "replay": "can be sent back",
    "ended": "its request has ended; --drop-ended removes it",
    "unknown_request": "intake knows no such request; --force sends it all the same",
    "done": "its step has been done since: an edit would do it a second time",
    "too_often": "it keeps coming back; mend the cause, then --force, or put it aside with --quarantine",
    "unreadable": "its body is not an event; purge is all that is left",
    "no_source_queue": "there is no queue to send it to",
}


@dataclass(frozen=True)
class ReplayOptions:
    """How to replay."""

    operator: str
    rate: float = 10
    """Messages a second."""
    canary: bool = False
    canary_seconds: float = 60
    max_replays: int = 3
    """What was sent back this often stays where it is."""
    force: bool = False
    drop_ended: bool = False
    quarantine: bool = False
    """Put what was sent back too often into quarantine."""


@dataclass(frozen=True)
class Outcome:
    """What was done with one letter."""

    letter: DeadLetter
    action: Did
    why: str = ""

    def facts(self) -> dict[str, Any]:
        """Return what a script may want to know."""
        return {**self.letter.facts(), "action": self.action, "why": self.why}


@dataclass(frozen=True)
class Planned:
    """What would be done with one letter."""

    letter: DeadLetter
    verdict: Verdict
    status: str | None

    def facts(self) -> dict[str, Any]:
        """Return what a script may want to know."""
        return {**self.letter.facts(), "verdict": self.verdict, "status": self.status}


class Replayer:
    """Sends dead letters back to the queues they came from."""

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
        """Carry ``plan`` out, group by group of what failed the same way, telling each outcome as it comes.

        A group whose canary fails is left where it is. Raises ``ValueError`` where it would take longer than SQS can
        keep messages hidden.
        """
        groups = by_fingerprint(planned.letter for planned in plan if planned.verdict == "replay")
        self._hold([letter for group in groups for letter in group], len(groups))
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
        verdict: Verdict = "replay"
        if status in ENDED and letter.queue.step in ADVANCING:
            verdict = "ended"
        elif not self._options.force and status is None:
            verdict = "unknown_request"
        elif not self._options.force and letter.replays >= self._options.max_replays:
            verdict = "too_often"
        return Planned(letter, verdict, status)

    def _refuse(self, planned: Planned) -> Outcome:
        if planned.verdict == "ended" and self._options.drop_ended:
            self._queues.delete(planned.letter.queue, planned.letter.messages)
            return Outcome(planned.letter, "dropped", f"its request has {planned.status}")
        if planned.verdict == "too_often" and self._options.quarantine:
            return put_aside(self._queues, self._quarantine, planned.letter, self._options.operator, self._now())
        return Outcome(planned.letter, "refused", VERDICTS[planned.verdict])

    def _hold(self, letters: Sequence[DeadLetter], groups: int) -> None:
        """Keep everything hidden until its turn has come, so that nobody else replays it meanwhile."""
        seconds = len(letters) / self._options.rate + groups * self._options.canary_seconds + 120
        if seconds > HOLD_MAX:
            raise ValueError(f"{len(letters)} messages at {self._options.rate:g}/s take over twelve hours")
        for queue, messages in by_queue(letters):
            self._queues.hold(queue, messages, int(seconds))

    def _replay_group(self, group: Sequence[DeadLetter]) -> Iterator[Outcome]:
        waiting = list(group)
        proven = not self._options.canary
        while waiting:
            letter = waiting.pop(0)
            again = self._judge(letter)  # minutes may have passed since the plan
            if again.verdict != "replay":
                yield self._refuse(again)
                continue
            self._pace()
            self._send(letter)
            yield Outcome(letter, "replayed", f"replay {letter.replays + 1}")
            if proven:
                continue
            proven, why = self._watch(letter)
            yield Outcome(letter, "canary_passed" if proven else "canary_failed", why)
            if not proven:
                yield from (Outcome(rest, "left", "the canary failed") for rest in waiting)
                return

    def _pace(self) -> None:
        wait = self._next_send - self._clock.monotonic()
        if wait > 0:
            self._clock.sleep(wait)
        self._next_send = self._clock.monotonic() + 1 / self._options.rate

    def edit(self, letter: DeadLetter, edited: Edited) -> Outcome:
        """Send ``edited`` to the step in place of ``letter``.

        It is announced as a replay of the original, which answers the original's stall; should the edited message stall
        in its turn, that is a stall of its own. It is a message of its own for every consumer too, so a step whose
        result has been seen is not given a second one.
        """
        planned = self.judge_edit(letter)
        if planned.verdict != "replay":
            return self._refuse(planned)
        self._bus.publish([self._announcement(letter, edited.event_id)])
        self._queues.send(letter.queue, edited.body)
        self._queues.delete(letter.queue, letter.messages)
        return Outcome(letter, "edited", f"sent as event {edited.event_id}")

    def judge_edit(self, letter: DeadLetter) -> Planned:
        """Return what sending an edited ``letter`` would come to. Changes nothing."""
        planned = self._judge(letter)
        if planned.verdict != "replay" or letter.metadata is None or letter.queue.step not in ADVANCING:
            return planned
        story = self._states.story(letter.metadata.request_id)
        seen = {moment.event for moment in story.moments} if story else set()
        reached = [PROGRESS.index(status) for event, status in BEGINS.items() if event in seen]
        done = max(reached, default=0) > PROGRESS.index(ADVANCING[letter.queue.step])
        return Planned(letter, "done", planned.status) if done else planned

    def _send(self, letter: DeadLetter) -> None:
        self._bus.publish([self._announcement(letter)])
        self._queues.send(letter.queue, letter.replay_body())
        self._queues.delete(letter.queue, letter.messages)

    def _announcement(self, letter: DeadLetter, edited_event_id: str | None = None) -> MessageReplayed:
        cause = letter.metadata
        assert cause is not None  # noqa: S101 - the verdict says so
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
            # Two steps may be replayed for one event, one step again, edited in this way or that: each is a fact.
            qualifier=f"{letter.queue.step}:{edited_event_id}" if edited_event_id else letter.queue.step,
            index=replays,
        )

    def _watch(self, letter: DeadLetter) -> tuple[bool, str]:
        """Tell whether a letter that was sent back got through, and how that shows."""
        deadline = self._clock.monotonic() + self._options.canary_seconds
        while True:
            if self._came_back(letter):
                return False, "it is back in the dead-letter queue"
            if letter.metadata and self._moved_on(letter.queue.step, letter.metadata.request_id):
                return True, "its request moved on"
            if self._clock.monotonic() >= deadline:
                break
            self._clock.sleep(1)
        waited = f"within {self._options.canary_seconds:g} s"
        if letter.queue.step in ADVANCING:
            return False, f"its request did not move on {waited}"
        return True, f"it did not come back {waited}"

    def _moved_on(self, step: str, request_id: str) -> bool:
        if step not in ADVANCING:
            return False
        status = self._states.status(request_id)
        if status in PROGRESS:
            return PROGRESS.index(status) > PROGRESS.index(ADVANCING[step])
        return status in ENDED

    def _came_back(self, letter: DeadLetter) -> bool:
        returned = collect(self._queues, [letter.queue], limit=1000, hidden_seconds=30)
        let_go(self._queues, returned)
        return any(found.key == letter.key and found.replays > letter.replays for found in returned)


def put_aside(
    queues: Queues, quarantine: Quarantine, letter: DeadLetter, operator: str, now: datetime, why: str = ""
) -> Outcome:
    """Move ``letter`` into quarantine: kept first, deleted then, so that a crash in between leaves it twice."""
    quarantine.put(Quarantined(letter, now, operator))
    queues.delete(letter.queue, letter.messages)
    return Outcome(letter, "quarantined", why or f"sent back {letter.replays} times")
