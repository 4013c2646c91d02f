"""A replay compares two policies on past prompts, and opens no prompt that it does not need."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from events.catalog.image_requested import ImageRequested
from events.parameters import GenerationParameters
from kit.errors import OwnerErasedError
from kit.sealing import SealedTextError, Texts
from services.moderation.models import Finding, PromptVerdict
from services.moderation.policy import Policy, load_policy
from services.moderation.replay import Replay, Replayed
from services.moderation.shadow import PromptPolicy, PromptShadow
from tests.support.events import sample
from tests.unit.moderation.fakes import ScriptedKeywords
from tests.unit.moderation.test_shadow import BLOCK, CANDIDATE, DRUGS, GORE, LIVE, REFUSED, REVIEW

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


def requested(number: int, *, opted_out: bool = False) -> ImageRequested:
    """Return the event of a request; a higher number is an earlier time."""
    event: Any = sample("ImageRequested")
    changes = {
        "event_id": f"e-{number}",
        "request_id": f"r-{number}",
        "occurred_at": NOW - timedelta(minutes=number),
        "analytics_opt_out": opted_out or None,
    }
    return ImageRequested(metadata=event.metadata.model_copy(update=changes), data=event.data)


def verdict(finding: Finding | None = None, *layers: str, version: str = LIVE.version) -> PromptVerdict:
    return PromptVerdict(
        policy_version=version, decided_at=NOW, layers=list(layers or ("keywords", "claude")), finding=finding
    )


@dataclass
class Harness:
    """A replay with scripted keyword filters."""

    verdicts: dict[str, PromptVerdict] = field(default_factory=dict)
    live_hits: ScriptedKeywords = field(default_factory=ScriptedKeywords)
    candidate_hits: ScriptedKeywords = field(default_factory=ScriptedKeywords)
    candidate: Policy = CANDIDATE
    opened: list[str] = field(default_factory=list)
    error: Exception | None = None
    batches: list[int] = field(default_factory=list)

    def find_all(self, event_ids: Sequence[str]) -> dict[str, PromptVerdict]:
        """Return the verdicts about events."""
        self.batches.append(len(event_ids))
        return {event_id: self.verdicts[event_id] for event_id in event_ids if event_id in self.verdicts}

    def open_texts(self, owner: str, parameters: GenerationParameters) -> Texts:
        """Record that a text was opened, and return it."""
        self.opened.append(owner)
        if self.error:
            raise self.error
        return Texts("a prompt")

    def run(self, *events: ImageRequested, **options: Any) -> Replayed:
        """Replay ``events``."""
        live, candidate = PromptPolicy(LIVE, self.live_hits), PromptShadow(self.candidate, self.candidate_hits)
        return Replay(live, candidate, self, self.open_texts).run(events, **options)


def rows(done: Replayed) -> list[tuple[str | None, str | None, str | None]]:
    return [(each.shadow.change, each.shadow.category, each.shadow.request_id) for each in done.changes]


@pytest.mark.parametrize(
    ("live", "candidate", "recorded", "expected"),
    [
        (None, BLOCK, verdict(), [("newly_blocked", "violence", "r-1")]),
        (None, None, verdict(DRUGS), [("newly_allowed", "illegal", "r-1")]),
        (BLOCK, REVIEW, verdict(GORE, "keywords"), [("newly_asked", "violence", "r-1")]),
        (BLOCK, BLOCK, verdict(GORE, "keywords"), []),
        (None, None, verdict(GORE), []),
        (REVIEW, REVIEW, verdict(), []),
        # An earlier policy did not block this one: both of today do, so the candidate changes nothing.
        (BLOCK, BLOCK, verdict(version="default@old"), []),
        # Both of today allow what an earlier policy let Claude block.
        (BLOCK, None, verdict(version="default@old"), [("newly_allowed", "violence", "r-1")]),
    ],
)
def test_both_policies_use_the_same_texts_and_answer(
    live: Any, candidate: Any, recorded: PromptVerdict, expected: list[Any]
) -> None:
    harness = Harness({"e-1": recorded}, ScriptedKeywords(live), ScriptedKeywords(candidate))
    done = harness.run(requested(1))
    assert rows(done) == expected
    assert done.fates == {"evaluated": 1}
    assert done.other_version == (recorded.policy_version != LIVE.version)
    assert all(each.policy_version == LIVE.version for each in done.changes)


@pytest.mark.parametrize(
    ("fate", "event", "recorded"),
    [
        ("opted_out", requested(1, opted_out=True), verdict()),
        ("without_verdict", requested(1), None),
        ("not_by_policy", requested(1), verdict(None, "appeal")),
        ("not_by_policy", requested(1), verdict(REFUSED)),
    ],
)
def test_a_prompt_that_is_not_evaluated_is_not_opened(
    fate: str, event: ImageRequested, recorded: PromptVerdict | None
) -> None:
    harness = Harness({"e-1": recorded} if recorded else {}, candidate_hits=ScriptedKeywords(BLOCK))
    done = harness.run(event)
    assert (done.fates, done.changes, harness.opened) == ({fate: 1}, [], [])


@pytest.mark.parametrize("error", [OwnerErasedError(), SealedTextError("changed")])
def test_an_unreadable_prompt_is_counted(error: Exception) -> None:
    done = Harness({"e-1": verdict()}, candidate_hits=ScriptedKeywords(BLOCK), error=error).run(requested(1))
    assert (done.fates, done.changes) == ({"unreadable": 1}, [])


def test_an_answer_that_claude_never_gave_is_not_guessed() -> None:
    recorded = verdict(GORE, "keywords", version="default@old")
    done = Harness({"e-1": recorded}, ScriptedKeywords(REVIEW), ScriptedKeywords(BLOCK)).run(requested(1))
    assert (done.fates, done.changes) == ({"unanswered": 1}, [])


def test_a_copy_of_an_event_counts_once_and_changes_are_newest_first() -> None:
    harness = Harness({f"e-{n}": verdict() for n in (1, 2, 3)}, candidate_hits=ScriptedKeywords(BLOCK))
    done = harness.run(*map(requested, (2, 3, 2, 1)))
    assert [request_id for _, _, request_id in rows(done)] == ["r-1", "r-2", "r-3"]
    assert done.fates == {"evaluated": 3}
    assert list(done.changed) == ["r-2", "r-3", "r-1"]


@pytest.mark.parametrize(("number", "complete"), [(250, True), (251, False)])
def test_a_replay_is_bounded_and_says_so(number: int, complete: bool) -> None:
    harness, read = Harness(), list[int]()
    done = harness.run(*map(requested, range(number)), progress=read.append, limit=250)
    assert (done.fates.total(), done.complete) == (250, complete)
    assert (harness.batches, read) == ([100, 100, 50], [100, 200, 250])


def test_a_digest_is_equal_for_equal_content() -> None:
    assert load_policy("default").digest != load_policy("candidate").digest
    assert LIVE.model_copy(update={"version": f"other@{LIVE.digest}"}).digest == LIVE.digest
