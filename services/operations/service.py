"""The operators' API for dead letters: the work of an operator session, in portions that fit into one call."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from kit.problems import ApiProblem, field_error, invalid
from services.operations import schemas
from services.operations.dead_letters.letters import (
    DeadLetter,
    Outcome,
    QueuePair,
    Selection,
    by_fingerprint,
    group_to_dict,
)
from services.operations.dead_letters.replaying import ReplayOptions, quarantine_all
from services.operations.dead_letters.reservation import Reservation, non_empty, reserved, summarize
from services.operations.dead_letters.session import OperatorSession

if TYPE_CHECKING:
    from kit.trail import Action

READ_MAX: Final = 500
"""Letters of one queue that one call reads."""
HIDDEN_SECONDS: Final = 20
"""Reading a queue stops after half of it. Letters of a call that is cut off become visible again soon."""
CANARY_SECONDS: Final = 8.0
RATE: Final = 25.0
"""Maximum number of messages per second."""


class DeadLetterService:
    """The use cases of the API for one operator."""

    def __init__(self, session: OperatorSession) -> None:
        self._session = session

    def queues(self) -> schemas.QueueList:
        """Return every dead-letter queue."""
        rows = [schemas.QueueRow.model_validate(row.to_dict()) for row in summarize(self._session.queues)]
        return schemas.QueueList(queues=rows)

    def groups(self, query: schemas.DeadLetterQuery) -> schemas.DeadLetterGroupList:
        """Return the dead letters by fingerprint."""
        with self._reserved(query.queue) as reservation:
            letters = Selection(request_id=query.request_id).of(reservation.letters)
        groups = [schemas.DeadLetterGroup.model_validate(group_to_dict(group)) for group in by_fingerprint(letters)]
        return schemas.DeadLetterGroupList(groups=groups, complete=len(reservation.letters) < READ_MAX)

    def group(self, fingerprint: str, limit: int) -> schemas.DeadLetterGroupView:
        """Return the letters with a fingerprint, each with its request's timeline. Raises a 404 if there are none."""
        with self._reserved(None) as reservation:
            letters = Selection(fingerprint=fingerprint).of(reservation.letters)
        if not letters:
            raise ApiProblem("dead_letters_not_found", "No dead letter has this fingerprint.")
        group = by_fingerprint(letters)[0]
        return schemas.DeadLetterGroupView.model_validate(
            {**group_to_dict(group), "letters": [self._letter(letter) for letter in group[:limit]]}
        )

    def replay(self, wanted: schemas.NewReplay) -> schemas.DeadLetterOutcomeList:
        """Replay letters, or with ``dry_run`` return what would be replayed."""
        options = ReplayOptions(
            operator=self._session.operator.name,
            rate=RATE,
            canary=wanted.canary,
            canary_seconds=CANARY_SECONDS,
            max_replays=wanted.max_replays,
            force=wanted.force,
            drop_terminal=wanted.drop_terminal,
            quarantine=wanted.quarantine,
        )
        replayer = self._session.replayer(options)
        with self._reserved(wanted.queue) as reservation:
            letters = reservation.choose(_selection(wanted), 1 if wanted.canary else wanted.limit)
            plan = replayer.plan(letters)
            if wanted.dry_run or not plan:
                return schemas.outcomes_of([planned.to_dict() for planned in plan], None)
            action = self._session.action("replay", letters, _about(wanted))
            return self._carry_out(action, replayer.run(plan), reservation)

    def quarantine(self, wanted: schemas.NewQuarantine) -> schemas.DeadLetterOutcomeList:
        """Move letters into quarantine."""
        session = self._session
        with self._reserved(wanted.queue) as reservation:
            letters = reservation.choose(_selection(wanted), wanted.limit)
            if not letters:
                return schemas.outcomes_of([], None)
            action = session.action("quarantine", letters, _about(wanted))
            moves = quarantine_all(
                session.queues, session.quarantine, letters, session.operator.name, datetime.now(UTC)
            )
            return self._carry_out(action, moves, reservation)

    def quarantined(self) -> schemas.QuarantineList:
        """Return the letters in quarantine."""
        items = [
            schemas.QuarantinedDeadLetter.model_validate(item.to_dict()) for item in self._session.quarantine.items()
        ]
        return schemas.QuarantineList(letters=items)

    def actions(self, limit: int) -> schemas.ActionList:
        """Return the audit trail, newest first."""
        found = self._session.trail.latest(limit)
        return schemas.ActionList(actions=[schemas.ActionView.model_validate(action.to_dict()) for action in found])

    def _letter(self, letter: DeadLetter) -> dict[str, object]:
        timeline = self._session.states.timeline(letter.metadata.request_id) if letter.metadata else None
        return {**letter.to_dict(), **(timeline.to_dict() if timeline else {})}

    def _carry_out(
        self, action: "Action", outcomes: Iterator[Outcome], reservation: Reservation
    ) -> schemas.DeadLetterOutcomeList:
        done = [outcome.to_dict() for outcome in reservation.watch(self._session.carry_out(action, outcomes))]
        return schemas.outcomes_of(done, action.action_id)

    def _reserved(self, queue: str | None) -> AbstractContextManager[Reservation]:
        return reserved(self._session.queues, self._pairs(queue), limit=READ_MAX, hidden_seconds=HIDDEN_SECONDS)

    def _pairs(self, queue: str | None) -> list[QueuePair]:
        if queue is None:
            return non_empty(self._session.queues)
        pairs = self._session.queues.pairs()
        if found := [pair for pair in pairs if pair.answers_to(queue)]:
            return found
        wrong = field_error("queue", "must be a step that has a dead-letter queue", allowed=[p.step for p in pairs])
        raise invalid(wrong)


def _selection(wanted: schemas.DeadLetterSelection) -> Selection:
    return Selection(wanted.fingerprint, wanted.request_id, wanted.event_id)


def _about(wanted: schemas.DeadLetterSelection) -> dict[str, str | None]:
    return {
        "step": wanted.queue,
        "fingerprint": wanted.fingerprint,
        "request_id": wanted.request_id,
        "event_id": wanted.event_id,
    }
