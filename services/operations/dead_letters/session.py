"""An operator session: the ports an operator works with, and the audit trail around every action."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kit.trail import Action, Operator, Trail, recorded
from services.operations.dead_letters.letters import DeadLetter, Outcome
from services.operations.dead_letters.ports import Bus, Quarantine, Queues, RequestStates
from services.operations.dead_letters.replaying import Replayer, ReplayOptions


@dataclass(frozen=True)
class OperatorSession:
    """One operator and one installation."""

    operator: Operator
    queues: Queues
    states: RequestStates
    bus: Bus
    quarantine: Quarantine
    trail: Trail

    def replayer(self, options: ReplayOptions, queues: Queues | None = None) -> Replayer:
        """Return a replayer. ``queues`` replaces the session's, for letters that are not in their queues."""
        return Replayer(
            queues=queues or self.queues,
            states=self.states,
            bus=self.bus,
            quarantine=self.quarantine,
            options=options,
        )

    def action(self, verb: str, letters: Sequence[DeadLetter], about: Mapping[str, str | None]) -> Action:
        """Return the entry of the audit trail for applying ``verb`` to ``letters``."""
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
        """Run the lazy ``outcomes`` within the audit trail and yield each."""
        with recorded(self.trail, action) as counts:
            for outcome in outcomes:
                counts[outcome.action] += 1
                yield outcome
