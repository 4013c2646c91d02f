"""Decisions: made by the first layer that objects, recorded, then told; the same however often the event comes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.catalog.image_approved import ImageApproved
from events.catalog.image_generated import ImageGenerated
from events.catalog.image_rejected import ImageRejected
from events.catalog.image_requested import ImageRequested
from events.catalog.prompt_approved import PromptApproved
from events.catalog.prompt_rejected import PromptRejected
from events.envelope import Event
from kit.consumer import RetryPolicy
from kit.errors import UnprocessableError
from services.moderation.service import (
    FRESH,
    Finding,
    ImageModeration,
    ImageVerdict,
    PromptModeration,
    PromptVerdict,
)
from tests.support.events import sample
from tests.unit.moderation.fakes import InMemoryVerdicts, ScriptedDetector, ScriptedLayer

GORE = Finding(category="violence", field="prompt", reason="category_blocked")
LABELS = {"Exposed": "sexual", "Gore": "violence"}


class Clock:
    """A clock that is moved by hand."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


class Desk:
    """Prompt moderation with a scripted keyword filter and Claude."""

    def __init__(self, keywords: ScriptedLayer | None = None, claude: ScriptedLayer | None = None) -> None:
        self.event = sample("ImageRequested")
        assert isinstance(self.event, ImageRequested)
        self.keywords = keywords or ScriptedLayer("keywords")
        self.claude = claude or ScriptedLayer("claude")
        self.verdicts: InMemoryVerdicts[PromptVerdict] = InMemoryVerdicts()
        self.clock = Clock(self.event.metadata.occurred_at + timedelta(milliseconds=300))

    def decide(self, policy_version: str = "v1") -> Event:
        assert isinstance(self.event, ImageRequested)
        desk = PromptModeration(policy_version, [self.keywords, self.claude], self.verdicts, self.clock)
        (follow_up,) = desk.decide(self.event)
        return follow_up


def test_a_prompt_no_layer_objects_to_is_approved_with_its_drawing() -> None:
    desk = Desk()
    approved = desk.decide()
    assert isinstance(approved, PromptApproved)
    assert approved.data.layers == ["keywords", "claude"]
    assert approved.data.policy_version == "v1"
    assert approved.data.parameters == sample("ImageRequested").data.parameters
    assert approved.metadata.cause_id == desk.event.metadata.event_id


def test_a_keyword_spares_the_call_to_claude() -> None:
    desk = Desk(keywords=ScriptedLayer("keywords", GORE))
    rejected = desk.decide()
    assert isinstance(rejected, PromptRejected)
    assert (rejected.data.layer, rejected.data.category, rejected.data.field) == ("keywords", "violence", "prompt")
    assert desk.claude.asked == []


def test_claude_may_reject_what_the_keywords_let_pass() -> None:
    refused = Finding(category="unclassified", field="prompt", reason="screening_refused")
    rejected = Desk(claude=ScriptedLayer("claude", refused)).decide()
    assert isinstance(rejected, PromptRejected)
    assert (rejected.data.layer, rejected.data.reason) == ("claude", "screening_refused")


def test_both_fields_are_screened_and_an_absent_one_is_left_out() -> None:
    desk = Desk()
    desk.decide()
    assert set(desk.claude.asked[0]) == {"prompt", "negative_prompt"}
    judged = PromptModeration("v1", [desk.claude], desk.verdicts).judge("a lighthouse", None)
    assert desk.claude.asked[-1] == {"prompt": "a lighthouse"}
    assert judged.finding is None


def test_judging_alone_records_nothing() -> None:
    desk = Desk()
    PromptModeration("v1", [desk.keywords], desk.verdicts).judge("a lighthouse", "fog")
    assert desk.verdicts.verdicts == {}


def test_a_new_event_is_not_looked_up_first() -> None:
    desk = Desk()
    desk.decide()
    assert desk.verdicts.reads == 0


def test_a_late_redelivery_repeats_the_record_and_asks_nobody() -> None:
    desk = Desk(claude=ScriptedLayer("claude", None, GORE))
    first = desk.decide("v1")
    desk.clock.now += timedelta(hours=3)
    assert desk.decide("v2") == first
    assert len(desk.claude.asked) == 1


def test_of_two_deliveries_at_once_the_first_recorded_verdict_counts() -> None:
    desk = Desk(claude=ScriptedLayer("claude", GORE, None))
    first = desk.decide()
    assert desk.decide() == first
    assert isinstance(first, PromptRejected)


def test_a_keyword_rejection_survives_a_change_of_the_policy() -> None:
    desk = Desk(keywords=ScriptedLayer("keywords", GORE, None))
    first = desk.decide("v1")
    desk.clock.now += timedelta(seconds=10)
    assert desk.decide("v2") == first


def test_a_failed_call_decides_nothing() -> None:
    desk = Desk(claude=ScriptedLayer("claude", ConnectionError("reset"), None))
    with pytest.raises(ConnectionError):
        desk.decide()
    assert desk.verdicts.verdicts == {}
    assert isinstance(desk.decide(), PromptApproved)


def test_no_retry_comes_while_an_event_counts_as_new() -> None:
    assert FRESH.total_seconds() < RetryPolicy().base / 2


def test_every_decision_is_told_without_the_prompt(capsys: pytest.CaptureFixture[str]) -> None:
    desk = Desk(keywords=ScriptedLayer("keywords", GORE))
    desk.decide()
    Gallery().decide()
    prompt_line, image_line = capsys.readouterr().out.splitlines()
    for fact in ('"policy_version":"v1"', '"layer":"keywords"', '"category":"violence"'):
        assert fact in prompt_line
    assert '"layer":"rekognition"' in image_line
    assert "lighthouse" not in prompt_line + image_line


class Gallery:
    """Image moderation with a scripted detector; images 0 and 2 were drawn, 1 was filtered by its model."""

    def __init__(self, *, check: bool = True, seen: dict[int, set[str]] | None = None) -> None:
        golden = sample("ImageGenerated")
        assert isinstance(golden, ImageGenerated)
        drawn, filtered = golden.data.outcomes
        assert drawn.image is not None
        third = drawn.model_copy(
            update={"index": 2, "image": drawn.image.model_copy(update={"key": drawn.image.key + "-2"})}
        )
        data = golden.data.model_copy(update={"outcomes": [drawn, filtered, third]})
        self.event = golden.model_copy(update={"data": data})
        keys = {0: drawn.image.key, 2: drawn.image.key + "-2"}
        self.detector = ScriptedDetector({keys[index]: labels for index, labels in (seen or {}).items()})
        self.check = check
        self.verdicts: InMemoryVerdicts[ImageVerdict] = InMemoryVerdicts()
        self.clock = Clock(self.event.metadata.occurred_at + timedelta(milliseconds=300))

    def decide(self, policy_version: str = "v1") -> Any:
        gallery = ImageModeration(
            policy_version, LABELS, self.detector if self.check else None, self.verdicts, self.clock
        )
        (follow_up,) = gallery.decide(self.event)
        return follow_up


def test_harmless_images_are_kept_and_filtered_ones_are_told() -> None:
    approved = Gallery().decide()
    assert isinstance(approved, ImageApproved)
    assert [image.index for image in approved.data.images] == [0, 2]
    assert [(r.index, r.reason) for r in approved.data.removed] == [(1, "content_filtered")]
    assert approved.data.layers == ["rekognition"]


def test_a_image_that_shows_what_the_policy_blocks_is_removed() -> None:
    approved = Gallery(seen={0: {"Gore", "Weather"}}).decide()
    assert isinstance(approved, ImageApproved)
    assert [image.index for image in approved.data.images] == [2]
    assert [(r.index, r.reason) for r in approved.data.removed] == [(0, "violence"), (1, "content_filtered")]


def test_the_gravest_category_names_the_image() -> None:
    approved = Gallery(seen={0: {"Gore", "Exposed"}}).decide()
    assert approved.data.removed[0].reason == "sexual"


def test_a_request_is_rejected_only_when_no_image_survives() -> None:
    rejected = Gallery(seen={0: {"Gore"}, 2: {"Exposed"}}).decide()
    assert isinstance(rejected, ImageRejected)
    assert (rejected.data.layer, rejected.data.category) == ("rekognition", "violence")
    assert [r.reason for r in rejected.data.removed] == ["violence", "content_filtered", "sexual"]


def test_with_the_image_check_off_the_event_says_no_layer_looked() -> None:
    gallery = Gallery(check=False, seen={0: {"Gore"}, 2: {"Gore"}})
    approved = gallery.decide()
    assert isinstance(approved, ImageApproved)
    assert approved.data.layers == []
    assert [image.index for image in approved.data.images] == [0, 2]
    assert gallery.verdicts.verdicts == {}


@given(delays=st.lists(st.integers(0, 100_000), min_size=1, max_size=5), flagged=st.sets(st.sampled_from([0, 2])))
def test_however_often_and_late_images_are_delivered_the_answer_is_one(delays: list[int], flagged: set[int]) -> None:
    gallery = Gallery(seen={index: {"Gore"} for index in flagged})
    first = gallery.decide()
    for delay in delays:
        gallery.clock.now = gallery.event.metadata.occurred_at + timedelta(seconds=delay)
        gallery.detector.seen = {}
        assert gallery.decide(f"v{delay}") == first


def test_an_event_without_a_image_is_not_guessed_at() -> None:
    gallery = Gallery()
    data = gallery.event.data.model_copy(update={"outcomes": [gallery.event.data.outcomes[1]]})
    gallery.event = gallery.event.model_copy(update={"data": data})
    with pytest.raises(UnprocessableError, match="none of them has an image"):
        gallery.decide()


def test_times_carry_their_zone() -> None:
    desk = Desk()
    verdict = PromptModeration("v1", [], desk.verdicts).judge("a lighthouse", None)
    assert verdict.decided_at.tzinfo is UTC
