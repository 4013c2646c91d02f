"""Evaluate a candidate on past prompts: it needs no deployment, and no call of Claude.

The texts come from archived requests, the answer of Claude from the verdict about each. Both policies are applied to
the same texts and the same answer, so a change is never an effect of an earlier policy. Two things are not known:

    Claude     its answer to the candidate's descriptions of categories, and any answer if the keyword filter decided
    images     their labels, because a verdict has only the categories that decided
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Final, Literal, Protocol

from events.catalog.image_requested import ImageRequested
from kit.errors import OwnerErasedError
from kit.sealing import OpenTexts, SealedTextError, Texts
from services.moderation.models import UNCLASSIFIED, PromptVerdict
from services.moderation.repository import FIND_MAX
from services.moderation.service import readable_texts
from services.moderation.shadow import PromptPolicy, PromptShadow, ShadowChange

Fate = Literal["evaluated", "unanswered", "not_by_policy", "without_verdict", "opted_out", "unreadable"]
"""What became of a request. ``evaluated``: both policies were compared.

``unanswered``: the policy that decides now would ask Claude, who was not asked then. ``not_by_policy``: an appeal was
granted, a text was too long, or an answer was not usable. ``without_verdict``: not decided yet, expired or erased.
``opted_out``: archived without the owner. ``unreadable``: the owner was erased, or a text was changed."""
REQUESTS_MAX: Final = 100_000
"""Requests per replay: so many are evaluated within minutes."""


class Verdicts(Protocol):
    """The recorded verdicts about prompts."""

    def find_all(self, event_ids: Sequence[str], /) -> dict[str, PromptVerdict]:
        """Return the verdicts about at most ``FIND_MAX`` events, by their ids."""


@dataclass
class Replayed:
    """The result of a replay."""

    fates: Counter[Fate] = field(default_factory=Counter)
    """Number of requests by what became of them."""
    other_version: int = 0
    """How many evaluated requests were decided under another version than that of the policy that decides now."""
    complete: bool = True
    """False: there are more than ``REQUESTS_MAX`` requests; the earliest days were not read."""
    changed: dict[str, ImageRequested] = field(default_factory=dict)
    """The requests with a change, by id."""
    _changes: list[tuple[datetime, ShadowChange]] = field(default_factory=list)

    @property
    def changes(self) -> list[ShadowChange]:
        """What would change, newest first."""
        return [change for _, change in sorted(self._changes, key=lambda each: each[0], reverse=True)]

    def add(self, event: ImageRequested, change: ShadowChange) -> None:
        """Add a change of the decision about ``event``."""
        self.changed[event.metadata.request_id] = event
        self._changes.append((event.metadata.occurred_at, change))


@dataclass(frozen=True)
class Replay:
    """Compares a candidate with the policy that decides."""

    live: PromptPolicy
    candidate: PromptShadow
    verdicts: Verdicts
    open_texts: OpenTexts

    def run(
        self,
        requests: Iterable[ImageRequested],
        progress: Callable[[int], None] = lambda _: None,
        limit: int = REQUESTS_MAX,
    ) -> Replayed:
        """Evaluate ``requests``, latest days first, of which some may occur more than once.

        ``progress`` receives the number of requests so far. Texts are opened only if there is a verdict about them, and
        only in memory.
        """
        done = Replayed()
        left = _distinct(requests)
        while events := list(islice(left, FIND_MAX)):
            read = done.fates.total()
            if read + len(events) > limit:
                done.complete, events = False, events[: limit - read]
            self._evaluate(events, done)
            progress(done.fates.total())
            if not done.complete:
                break
        return done

    def _evaluate(self, events: Sequence[ImageRequested], done: Replayed) -> None:
        verdicts = self.verdicts.find_all([event.metadata.event_id for event in events])
        for event in events:
            done.fates[self._fate(event, verdicts.get(event.metadata.event_id), done)] += 1

    def _fate(self, event: ImageRequested, verdict: PromptVerdict | None, done: Replayed) -> Fate:
        if event.metadata.analytics_opt_out:
            return "opted_out"
        if verdict is None:
            return "without_verdict"
        if "appeal" in verdict.layers or (verdict.finding and verdict.finding.category == UNCLASSIFIED):
            return "not_by_policy"
        texts = self.texts(event)
        if texts is None:
            return "unreadable"
        readable = readable_texts(texts.prompt, texts.negative_prompt)
        decided = self.live.outcome(readable, verdict)
        if decided.decision == "asked":
            return "unanswered"
        version = self.live.policy.version
        done.other_version += verdict.policy_version != version
        shadow = self.candidate.compare(readable, verdict, event.metadata.request_id, decided)
        if shadow.change:
            done.add(event, ShadowChange("prompt", version, shadow))
        return "evaluated"

    def texts(self, event: ImageRequested) -> Texts | None:
        """Return the texts of a request, or None if nobody can read them any more."""
        try:
            return self.open_texts(event.metadata.owner, event.data.parameters)
        except (OwnerErasedError, SealedTextError):
            return None


def _distinct(requests: Iterable[ImageRequested]) -> Iterator[ImageRequested]:
    seen: set[str] = set()
    for event in requests:
        if event.metadata.event_id not in seen:
            seen.add(event.metadata.event_id)
            yield event
