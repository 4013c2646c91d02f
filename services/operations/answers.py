"""What the operators' API does: the desk's work, in portions that fit into one call."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from kit.http_api import ApiProblem, field_error
from services.operations import views
from services.operations.dead_letters.desk import Desk
from services.operations.dead_letters.letters import (
    DeadLetter,
    QueuePair,
    Selection,
    by_fingerprint,
    group_facts,
)
from services.operations.dead_letters.listing import collect, holding, let_go, summarize
from services.operations.dead_letters.logic import Outcome, ReplayOptions
from services.operations.dead_letters.shelf import quarantine_all

if TYPE_CHECKING:
    from services.operations.actions.trail import Action

READ_MAX: Final = 500
"""Letters of one queue that one call looks at."""
HIDDEN_SECONDS: Final = 20
"""Reading one queue stops after half of it; what a call leaves behind when it is cut off is soon seen again."""
CANARY_SECONDS: Final = 8.0
RATE: Final = 25.0
"""Messages a second."""
GONE: Final = frozenset({"replayed", "dropped", "quarantined"})


class Answers:
    """The API's answers for one operator."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def queues(self) -> views.QueueList:
        """Show every dead-letter queue."""
        rows = [views.QueueRow.model_validate(row.facts()) for row in summarize(self._desk.queues)]
        return views.QueueList(queues=rows)

    def groups(self, query: views.LettersQuery) -> views.GroupList:
        """Show what failed, by fingerprint."""
        with self._in_hand(query.queue) as letters:
            chosen = Selection(request_id=query.request_id).of(letters)
        groups = [views.Group.model_validate(group_facts(group)) for group in by_fingerprint(chosen)]
        return views.GroupList(groups=groups, complete=len(letters) < READ_MAX)

    def group(self, fingerprint: str, limit: int) -> views.GroupView:
        """Show the letters that failed one way, each with its request's timeline. Raises a 404 where there are none."""
        with self._in_hand(None) as letters:
            chosen = Selection(fingerprint=fingerprint).of(letters)
        if not chosen:
            raise ApiProblem(404, "dead_letters_not_found", "No dead letter failed this way")
        group = by_fingerprint(chosen)[0]
        return views.GroupView.model_validate(
            {**group_facts(group), "letters": [self._letter(letter) for letter in group[:limit]]}
        )

    def replay(self, wanted: views.NewReplay) -> views.OutcomeList:
        """Send letters back, or tell what would be sent."""
        options = ReplayOptions(
            operator=self._desk.operator,
            rate=RATE,
            canary=wanted.canary,
            canary_seconds=CANARY_SECONDS,
            max_replays=wanted.max_replays,
            force=wanted.force,
            drop_ended=wanted.drop_ended,
            quarantine=wanted.quarantine,
        )
        replayer = self._desk.replayer(options)
        with self._in_hand(wanted.queue) as letters:
            chosen = self._chosen(wanted, letters)[: 1 if wanted.canary else wanted.limit]
            plan = replayer.plan(chosen)
            if wanted.dry_run or not plan:
                return views.outcomes_of([planned.facts() for planned in plan], None)
            action = self._desk.action("replay", chosen, _about(wanted))
            return self._carried_out(action, replayer.run(plan), letters)

    def quarantine(self, wanted: views.NewQuarantine) -> views.OutcomeList:
        """Put letters into quarantine."""
        with self._in_hand(wanted.queue) as letters:
            chosen = self._chosen(wanted, letters)[: wanted.limit]
            if not chosen:
                return views.outcomes_of([], None)
            action = self._desk.action("quarantine", chosen, _about(wanted))
            moves = quarantine_all(
                self._desk.queues, self._desk.quarantine, chosen, self._desk.operator, datetime.now(UTC)
            )
            return self._carried_out(action, moves, letters)

    def quarantined(self) -> views.QuarantineList:
        """Show what is in quarantine."""
        items = [views.QuarantinedLetter.model_validate(item.facts()) for item in self._desk.quarantine.items()]
        return views.QuarantineList(letters=items)

    def actions(self, limit: int) -> views.ActionList:
        """Show what operators did."""
        found = self._desk.trail.latest(limit)
        return views.ActionList(actions=[views.ActionView.model_validate(action.facts()) for action in found])

    def _letter(self, letter: DeadLetter) -> dict[str, object]:
        story = self._desk.states.story(letter.metadata.request_id) if letter.metadata else None
        return {**letter.facts(), **(story.facts() if story else {})}

    def _carried_out(
        self, action: "Action", outcomes: Iterator[Outcome], letters: list[DeadLetter]
    ) -> views.OutcomeList:
        done = []
        for outcome in self._desk.carry_out(action, outcomes):
            if outcome.action in GONE:
                letters.remove(outcome.letter)
            done.append(outcome.facts())
        return views.outcomes_of(done, action.action_id)

    def _pairs(self, queue: str | None) -> list[QueuePair]:
        if queue is None:
            return holding(self._desk.queues)
        pairs = self._desk.queues.pairs()
        if found := [pair for pair in pairs if pair.answers_to(queue)]:
            return found
        wrong = field_error("queue", "must be a step that has a dead-letter queue", allowed=[p.step for p in pairs])
        raise ApiProblem(422, "validation_failed", "The request is not valid", errors=[wrong])

    @contextmanager
    def _in_hand(self, queue: str | None) -> Iterator[list[DeadLetter]]:
        """Take letters out of everybody's sight; those that the body leaves in the list are let go."""
        letters = collect(self._desk.queues, self._pairs(queue), limit=READ_MAX, hidden_seconds=HIDDEN_SECONDS)
        try:
            yield letters
        finally:
            let_go(self._desk.queues, letters)

    @staticmethod
    def _chosen(wanted: views.Selected, letters: list[DeadLetter]) -> list[DeadLetter]:
        return Selection(wanted.fingerprint, wanted.request_id, wanted.event_id).of(letters)


def _about(wanted: views.Selected) -> dict[str, str | None]:
    return {
        "step": wanted.queue,
        "fingerprint": wanted.fingerprint,
        "request_id": wanted.request_id,
        "event_id": wanted.event_id,
    }
