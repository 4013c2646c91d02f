"""Everything an operator works with, and the audit trail around all that they do."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from services.operations.actions.trail import Action, Trail, recorded
from services.operations.dead_letters.letters import DeadLetter
from services.operations.dead_letters.logic import Outcome, Replayer, ReplayOptions
from services.operations.dead_letters.ports import Bus, Quarantine, Queues, RequestStates


@dataclass(frozen=True)
class Desk:
    """One operator at one installation."""

    operator: str
    queues: Queues
    states: RequestStates
    bus: Bus
    quarantine: Quarantine
    trail: Trail

    def replayer(self, options: ReplayOptions, queues: Queues | None = None) -> Replayer:
        """Return who sends dead letters back; ``queues`` where they do not lie in their queues."""
        return Replayer(
            queues=queues or self.queues,
            states=self.states,
            bus=self.bus,
            quarantine=self.quarantine,
            options=options,
        )

    def action(self, verb: str, letters: Sequence[DeadLetter], about: Mapping[str, str | None]) -> Action:
        """Return the entry of the audit trail for doing ``verb`` to ``letters``."""
        known = [letter.metadata for letter in letters if letter.metadata]
        return Action.begin(
            self.operator,
            verb,
            about=about,
            count=len(letters),
            event_ids=[metadata.event_id for metadata in known],
            request_ids=[metadata.request_id for metadata in known],
        )

    def carry_out(self, action: Action, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
        """Do what ``outcomes`` does when it is asked for the next one, and pass each on, within the audit trail."""
        with recorded(self.trail, action) as counts:
            for outcome in outcomes:
                counts[outcome.action] += 1
                yield outcome
