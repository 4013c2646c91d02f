"""Listing dead letters, and sending them back safely.

Each replay is announced, sent and only then deleted, in this order. `MessageReplayed` comes first so that nothing is
sent without a trace, and so that a stall which follows is newer than the replay it follows. A crash between two of the
three leaves the message in its dead-letter queue: running the replay again repeats the announcement under the same id
and sends a duplicate, which consumers are built for. No order of crashes loses it.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from events.catalog.message_replayed import MessageReplayed, MessageReplayedData
from services.operations.dead_letters.letters import (
    DeadLetter,
    Message,
    QueuePair,
    by_fingerprint,
    collapse,
    read_letter,
)
from services.operations.dead_letters.ports import Bus, Clock, Counts, Queues, RequestStates

ENDED: Final = frozenset({"succeeded", "rejected", "failed", "cancelled", "expired"})
PROGRESS: Final = ("accepted", "generating", "checking", "storing")
ADVANCING: Final = {
    "moderation.prompt": "accepted",
    "generation.draw": "generating",
    "moderation.picture": "checking",
    "storage.store": "storing",
}
"""The steps that move a request on, and the status it has until they are done. Only they have nothing left to do for a
request that ended: the others record what happened, an ending above all."""
READ_SECONDS: Final = 600
"""How long messages stay hidden while the operator makes up their mind."""
HOLD_MAX: Final = 43_200 - READ_SECONDS
"""SQS hides a message for twelve hours at most, counted from when it was received."""
LIST_SAMPLE: Final = 100
"""Messages of one queue that a listing looks at to tell age and commonest error."""


@dataclass(frozen=True)
class QueueSummary:
    """One line of the listing."""

    queue: QueuePair
    dead: Counts
    source: Counts | None
    oldest: datetime | None
    commonest: str | None
    """Error of most of the letters that were looked at."""
    sampled: bool
    """There are more letters than were looked at, so ``oldest`` and ``commonest`` are estimates."""


def summarize(queues: Queues) -> list[QueueSummary]:
    """Return every dead-letter queue with its counts and the age of what is in it."""
    return [_summary(queues, pair) for pair in queues.pairs()]


def _summary(queues: Queues, pair: QueuePair) -> QueueSummary:
    dead = queues.counts(pair.url)
    letters = collect(queues, [pair], limit=LIST_SAMPLE, hidden_seconds=60) if dead.waiting else []
    release(queues, letters)
    errors = Counter(letter.error for letter in letters)
    return QueueSummary(
        queue=pair,
        dead=dead,
        source=queues.counts(pair.source_url) if pair.source_url else None,
        oldest=min((letter.first_seen for letter in letters), default=None),
        commonest=errors.most_common(1)[0][0] if errors else None,
        sampled=dead.total > sum(len(letter.messages) for letter in letters),
    )


def collect(
    queues: Queues, pairs: Iterable[QueuePair], *, limit: int, hidden_seconds: int = READ_SECONDS
) -> list[DeadLetter]:
    """Return the dead letters of ``pairs``, copies collapsed. They stay hidden until they are released or deleted."""
    return collapse(
        read_letter(pair, message)
        for pair in pairs
        for message in queues.read(pair, limit=limit, hidden_seconds=hidden_seconds)
    )


def release(queues: Queues, letters: Iterable[DeadLetter]) -> None:
    """Let everybody see ``letters`` again."""
    for queue, messages in _by_queue(letters):
        queues.hold(queue, messages, 0)


def purge(queues: Queues, letters: Iterable[DeadLetter]) -> int:
    """Remove ``letters`` for good and return how many messages that were. What arrived since is kept."""
    removed = 0
    for queue, messages in _by_queue(letters):
        queues.delete(queue, messages)
        removed += len(messages)
    return removed


def _by_queue(letters: Iterable[DeadLetter]) -> Iterable[tuple[QueuePair, list[Message]]]:
    found: dict[QueuePair, list[Message]] = defaultdict(list)
    for letter in letters:
        found[letter.queue] += letter.messages
    return found.items()


Verdict = Literal["replay", "ended", "unknown_request", "quarantined", "unreadable", "no_source_queue"]
VERDICTS: Final[dict[Verdict, str]] = {
    "replay": "can be sent back",
    "ended": "its request has ended; --drop-ended removes it",
    "unknown_request": "intake knows no such request; --force sends it all the same",
    "quarantined": "it keeps coming back; mend the cause, then --force",
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


Action = Literal["replayed", "refused", "dropped", "canary_passed", "canary_failed", "left"]


@dataclass(frozen=True)
class Outcome:
    """What was done with one letter."""

    letter: DeadLetter
    action: Action
    why: str = ""


@dataclass(frozen=True)
class Planned:
    """What would be done with one letter."""

    letter: DeadLetter
    verdict: Verdict
    status: str | None


class Replayer:
    """Sends dead letters back to the queues they came from."""

    def __init__(
        self,
        *,
        queues: Queues,
        states: RequestStates,
        bus: Bus,
        options: ReplayOptions,
        clock: Clock = time,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._queues = queues
        self._states = states
        self._bus = bus
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
            verdict = "quarantined"
        return Planned(letter, verdict, status)

    def _refuse(self, planned: Planned) -> Outcome:
        if planned.verdict == "ended" and self._options.drop_ended:
            self._queues.delete(planned.letter.queue, planned.letter.messages)
            return Outcome(planned.letter, "dropped", f"its request has {planned.status}")
        return Outcome(planned.letter, "refused", VERDICTS[planned.verdict])

    def _hold(self, letters: Sequence[DeadLetter], groups: int) -> None:
        """Keep everything hidden until its turn has come, so that nobody else replays it meanwhile."""
        seconds = len(letters) / self._options.rate + groups * self._options.canary_seconds + 120
        if seconds > HOLD_MAX:
            raise ValueError(f"{len(letters)} messages at {self._options.rate:g}/s take over twelve hours")
        for queue, messages in _by_queue(letters):
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

    def _send(self, letter: DeadLetter) -> None:
        self._bus.publish([self._announcement(letter)])
        self._queues.send(letter.queue, letter.replay_body())
        self._queues.delete(letter.queue, letter.messages)

    def _announcement(self, letter: DeadLetter) -> MessageReplayed:
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
            ),
            occurred_at=self._now(),
            # Two steps may be replayed for one event, and one step again: each replay is a fact of its own.
            qualifier=letter.queue.step,
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
        release(self._queues, returned)
        return any(found.key == letter.key and found.replays > letter.replays for found in returned)
