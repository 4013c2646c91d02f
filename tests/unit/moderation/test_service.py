"""Decisions: made by the first layer with a finding, recorded, then published; the same for every delivery."""

from datetime import UTC, timedelta
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
from events.model_catalog import model_catalog
from events.parameters import GrantedAppeal
from kit.clock import SystemClock
from kit.errors import UnprocessableError
from services.moderation.images import ImageModeration
from services.moderation.models import NEW_FOR, TEXT_MAX, Finding, Hit, ImageVerdict, PromptVerdict
from services.moderation.policy import ImagePolicy, Policy, load_policy
from services.moderation.service import PromptLayers, PromptModeration
from tests.support.clock import FakeClock
from tests.support.events import sample
from tests.support.sealing import sample_sealer, sealed
from tests.support.templates import root_template
from tests.unit.moderation.fakes import (
    InMemoryVerdicts,
    RecordingRawImages,
    ScriptedClaude,
    ScriptedDetector,
    ScriptedKeywords,
)

GORE = Finding(category="violence", field="prompt", reason="category_blocked")
BLOCK = Hit(category="violence", field="prompt", strength="block")
REVIEW = Hit(category="violence", field="prompt", strength="review")
IMAGES = ImagePolicy(min_confidence=60, labels={"Gore": "violence", "Exposed": "sexual"})


class PromptHarness:
    """Prompt moderation with scripted layers."""

    def __init__(self, keywords: ScriptedKeywords | None = None, claude: ScriptedClaude | None = None) -> None:
        event = sample("ImageRequested")
        assert isinstance(event, ImageRequested)
        self.event = event
        self.keywords = keywords or ScriptedKeywords()
        self.claude = claude or ScriptedClaude()
        self.more_layers: list[ScriptedClaude] = []
        self.verdicts: InMemoryVerdicts[PromptVerdict] = InMemoryVerdicts()
        self.clock = FakeClock(self.event.metadata.occurred_at + timedelta(milliseconds=300))

    def moderate(self, policy_version: str = "v1", *, first: bool = True) -> Event:
        assert isinstance(self.event, ImageRequested)
        (follow_up,) = self.moderation(policy_version).moderate(self.event, first_delivery=first)
        return follow_up

    def moderation(self, policy_version: str = "v1") -> PromptModeration:
        policy = load_policy().model_copy(update={"version": policy_version})
        layers = PromptLayers(policy, [self.keywords, self.claude, *self.more_layers], self.clock)
        return PromptModeration(layers, self.verdicts, sample_sealer().open_texts, self.clock)


def test_a_prompt_without_findings_is_approved_with_its_parameters() -> None:
    harness = PromptHarness()
    approved = harness.moderate()
    assert isinstance(approved, PromptApproved)
    assert approved.data.layers == ["keywords", "claude"]
    assert approved.data.policy_version == "v1"
    assert approved.data.parameters == sample("ImageRequested").data.parameters
    assert approved.metadata.cause_id == harness.event.metadata.event_id


def test_claude_is_not_called_for_a_term_without_an_innocent_use() -> None:
    harness = PromptHarness(keywords=ScriptedKeywords(BLOCK))
    rejected = harness.moderate()
    assert isinstance(rejected, PromptRejected)
    assert (rejected.data.layer, rejected.data.category, rejected.data.field) == ("keywords", "violence", "prompt")
    assert harness.claude.calls == []


@pytest.mark.parametrize(("finding", "expected"), [(None, PromptApproved), (GORE, PromptRejected)])
def test_claude_decides_about_a_term_that_may_be_innocent(finding: Finding | None, expected: type[Event]) -> None:
    harness = PromptHarness(ScriptedKeywords(REVIEW), ScriptedClaude(finding))
    assert isinstance(harness.moderate(), expected)
    assert harness.claude.hits == [REVIEW]
    (verdict,) = harness.verdicts.verdicts.values()
    assert verdict.hit == REVIEW
    assert verdict.layers == ["keywords", "claude"]


def test_a_term_to_review_is_not_approved_if_claude_cannot_be_asked() -> None:
    harness = PromptHarness(ScriptedKeywords(REVIEW), ScriptedClaude(ConnectionError("reset")))
    with pytest.raises(ConnectionError):
        harness.moderate()
    assert harness.verdicts.verdicts == {}


@pytest.mark.parametrize(
    ("hit", "finding", "counts"),
    [
        (BLOCK, None, False),
        (BLOCK.model_copy(update={"category": "child_safety"}), None, True),
        (REVIEW, GORE, True),
        (None, GORE.model_copy(update={"reason": "screening_refused"}), True),
        (REVIEW, GORE.model_copy(update={"reason": "screening_unreadable"}), False),
    ],
)
def test_a_rejection_counts_if_it_is_grave_or_confirmed(hit: Hit | None, finding: Finding | None, counts: bool) -> None:
    rejected = PromptHarness(ScriptedKeywords(hit), ScriptedClaude(finding)).moderate()
    assert isinstance(rejected, PromptRejected)
    assert rejected.data.counts_as_blocked is counts
    assert rejected.data.strength == (hit.strength if hit else None)


def test_claude_may_reject_a_prompt_without_keywords() -> None:
    refused = Finding(category="unclassified", field="prompt", reason="screening_refused")
    rejected = PromptHarness(claude=ScriptedClaude(refused)).moderate()
    assert isinstance(rejected, PromptRejected)
    assert (rejected.data.layer, rejected.data.reason) == ("claude", "screening_refused")


def test_a_prompt_that_is_too_long_is_rejected_without_a_call() -> None:
    harness = PromptHarness()
    parameters = harness.event.data.parameters.model_copy(update={"prompt": sealed("\ufdfa" * 10_000)})
    harness.event = harness.event.model_copy(
        update={"data": harness.event.data.model_copy(update={"parameters": parameters})}
    )
    rejected = harness.moderate()
    assert isinstance(rejected, PromptRejected)
    assert (rejected.data.layer, rejected.data.reason, rejected.data.field) == ("limits", "text_too_long", "prompt")
    assert harness.claude.calls == []


def test_no_model_accepts_longer_texts_than_moderation_reads() -> None:
    assert all(max(model.prompt_max, model.negative_prompt_max) <= TEXT_MAX for model in model_catalog())


def test_both_fields_are_screened_and_an_absent_one_is_omitted() -> None:
    harness = PromptHarness()
    harness.moderate()
    assert set(harness.claude.calls[0]) == {"prompt", "negative_prompt"}
    verdict = harness.moderation().layers.screen("a lighthouse", None)
    assert harness.claude.calls[-1] == {"prompt": "a lighthouse"}
    assert verdict.finding is None


def test_screening_alone_records_nothing() -> None:
    harness = PromptHarness()
    harness.moderation().layers.screen("a lighthouse", "fog")
    assert harness.verdicts.verdicts == {}


HARNESSES = pytest.mark.parametrize("kind", ["prompt", "image"])


def harness_of(kind: str) -> "PromptHarness | ImageHarness":
    return PromptHarness() if kind == "prompt" else ImageHarness()


@HARNESSES
@pytest.mark.parametrize("waited", [0, 30])
def test_no_verdict_is_read_for_a_new_event(kind: str, waited: float) -> None:
    harness = harness_of(kind)
    harness.clock.advance(waited)
    harness.moderate()
    assert harness.verdicts.reads == 0


@HARNESSES
def test_a_retry_reads_the_verdict_however_new_the_event_is(kind: str) -> None:
    harness = harness_of(kind)
    first = harness.moderate()
    assert harness.moderate("v2", first=False) == first
    assert harness.verdicts.reads == 1


@HARNESSES
def test_an_event_that_is_published_again_reads_the_verdict(kind: str) -> None:
    harness = harness_of(kind)
    first = harness.moderate()
    harness.clock.advance(NEW_FOR.total_seconds())
    assert harness.moderate("v2") == first
    assert harness.verdicts.reads == 1


def test_a_late_redelivery_publishes_the_recorded_verdict() -> None:
    harness = PromptHarness(claude=ScriptedClaude(None, GORE))
    first = harness.moderate("v1")
    harness.clock.advance(3 * 3600)
    assert harness.moderate("v2") == first
    assert len(harness.claude.calls) == 1


def test_concurrent_deliveries_publish_the_first_recorded_verdict() -> None:
    harness = PromptHarness(claude=ScriptedClaude(GORE, None))
    first = harness.moderate()
    assert harness.moderate() == first
    assert isinstance(first, PromptRejected)


def test_a_recorded_rejection_outlives_a_change_of_the_policy() -> None:
    harness = PromptHarness(keywords=ScriptedKeywords(BLOCK, None))
    first = harness.moderate("v1")
    harness.clock.advance(10)
    assert harness.moderate("v2") == first


def test_a_failed_call_decides_nothing() -> None:
    harness = PromptHarness(claude=ScriptedClaude(ConnectionError("reset"), None))
    with pytest.raises(ConnectionError):
        harness.moderate()
    assert harness.verdicts.verdicts == {}
    assert isinstance(harness.moderate(), PromptApproved)


def test_the_sweeper_publishes_an_event_again_after_it_stops_being_new() -> None:
    earliest = root_template()["Parameters"]["NudgeAfterMinutes"]["MinValue"]
    assert timedelta(minutes=earliest) >= NEW_FOR


def test_every_decision_is_logged_without_the_prompt(capsys: pytest.CaptureFixture[str]) -> None:
    harness = PromptHarness(keywords=ScriptedKeywords(BLOCK))
    harness.moderate()
    ImageHarness().moderate()
    prompt_line, image_line = capsys.readouterr().out.splitlines()
    for field in ('"policy_version":"v1"', '"layer":"keywords"', '"category":"violence"'):
        assert field in prompt_line
    assert '"layer":"rekognition"' in image_line
    assert "lighthouse" not in prompt_line + image_line


class ImageHarness:
    """Image moderation with a scripted detector. The model generated images 0 and 2 and filtered 1."""

    def __init__(self, *, check: bool = True, labels: dict[int, set[str]] | None = None) -> None:
        golden = sample("ImageGenerated")
        assert isinstance(golden, ImageGenerated)
        generated, filtered = golden.data.outcomes
        assert generated.image is not None
        third = generated.model_copy(
            update={"index": 2, "image": generated.image.model_copy(update={"key": generated.image.key + "-2"})}
        )
        data = golden.data.model_copy(update={"outcomes": [generated, filtered, third]})
        self.event = golden.model_copy(update={"data": data})
        keys = {0: generated.image.key, 2: generated.image.key + "-2"}
        self.detector = ScriptedDetector({keys[index]: found for index, found in (labels or {}).items()})
        self.keys = keys
        self.more_layers: list[ScriptedDetector] = []
        self.raw_images = RecordingRawImages()
        self.check = check
        self.shadow: Policy | None = None
        self.verdicts: InMemoryVerdicts[ImageVerdict] = InMemoryVerdicts()
        self.clock = FakeClock(self.event.metadata.occurred_at + timedelta(milliseconds=300))

    def moderate(self, policy_version: str = "v1", *, first: bool = True) -> Any:
        policy = load_policy().model_copy(update={"version": policy_version, "image": IMAGES})
        layers = [self.detector, *self.more_layers] if self.check else self.more_layers
        moderation = ImageModeration(policy, layers, self.verdicts, self.raw_images, self.clock, self.shadow)
        (follow_up,) = moderation.moderate(self.event, first_delivery=first)
        return follow_up


def test_harmless_images_are_kept_and_filtered_ones_reported() -> None:
    approved = ImageHarness().moderate()
    assert isinstance(approved, ImageApproved)
    assert [image.index for image in approved.data.images] == [0, 2]
    assert [(r.index, r.reason) for r in approved.data.removed] == [(1, "content_filtered")]
    assert approved.data.layers == ["rekognition"]


def test_an_image_that_violates_the_policy_is_removed() -> None:
    approved = ImageHarness(labels={0: {"Gore", "Weather"}}).moderate()
    assert isinstance(approved, ImageApproved)
    assert [image.index for image in approved.data.images] == [2]
    assert [(r.index, r.reason) for r in approved.data.removed] == [(0, "violence"), (1, "content_filtered")]


def test_only_blocked_images_are_deleted() -> None:
    harness = ImageHarness(labels={2: {"Gore"}})
    harness.moderate()
    assert harness.raw_images.deleted == [harness.keys[2]]
    kept = ImageHarness()
    kept.moderate()
    assert kept.raw_images.deleted == []


def test_a_duplicate_that_finds_a_deleted_image_gets_the_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    harness = ImageHarness(labels={0: {"Gore"}, 2: {"Gore"}})
    first = harness.moderate()

    def missing(_images: object) -> list[dict[str, float]]:
        raise UnprocessableError("image.key: it is not in the bucket")

    monkeypatch.setattr(harness.detector, "labels", missing)
    assert harness.moderate() == first
    harness.verdicts.verdicts.clear()
    with pytest.raises(UnprocessableError, match="not in the bucket"):
        harness.moderate()


def test_an_image_is_removed_for_its_most_severe_category() -> None:
    approved = ImageHarness(labels={0: {"Gore", "Exposed"}}).moderate()
    assert approved.data.removed[0].reason == "sexual"


def test_a_request_is_rejected_only_if_no_image_is_kept() -> None:
    rejected = ImageHarness(labels={0: {"Gore"}, 2: {"Exposed"}}).moderate()
    assert isinstance(rejected, ImageRejected)
    assert (rejected.data.layer, rejected.data.category) == ("rekognition", "violence")
    assert [r.reason for r in rejected.data.removed] == ["violence", "content_filtered", "sexual"]


def test_with_the_image_check_off_no_layer_is_listed() -> None:
    harness = ImageHarness(check=False, labels={0: {"Gore"}, 2: {"Gore"}})
    approved = harness.moderate()
    assert isinstance(approved, ImageApproved)
    assert approved.data.layers == []
    assert [image.index for image in approved.data.images] == [0, 2]
    assert harness.verdicts.verdicts == {}


@given(delays=st.lists(st.integers(0, 100_000), min_size=1, max_size=5), flagged=st.sets(st.sampled_from([0, 2])))
def test_every_delivery_of_images_gets_the_same_verdict(delays: list[int], flagged: set[int]) -> None:
    harness = ImageHarness(labels={index: {"Gore"} for index in flagged})
    first = harness.moderate()
    for delay in delays:
        harness.clock.time = harness.event.metadata.occurred_at + timedelta(seconds=delay)
        harness.detector.by_key = {}
        assert harness.moderate(f"v{delay}") == first


def test_an_event_without_an_image_is_unprocessable() -> None:
    harness = ImageHarness()
    data = harness.event.data.model_copy(update={"outcomes": [harness.event.data.outcomes[1]]})
    harness.event = harness.event.model_copy(update={"data": data})
    with pytest.raises(UnprocessableError, match="none of them has an image"):
        harness.moderate()


def appealed(event: Any, about: Any, category: str, **changes: Any) -> Any:
    """Return ``event`` with the decision about an appeal in its parameters."""
    parameters = event.data.parameters
    decision = GrantedAppeal(
        request_id=event.metadata.request_id,
        subject=about,
        category=category,
        policy_version="v1",
        texts_digest=parameters.texts_digest,
    )
    parameters = parameters.model_copy(update={"appeals": [decision.model_copy(update=changes)]})
    return event.model_copy(update={"data": event.data.model_copy(update={"parameters": parameters})})


def test_a_granted_appeal_replaces_the_layers_that_judge_the_text() -> None:
    harness = PromptHarness(ScriptedKeywords(BLOCK), ScriptedClaude(GORE))
    harness.event = appealed(harness.event, "prompt", "violence")
    approved = harness.moderate()
    assert isinstance(approved, PromptApproved)
    assert approved.data.layers == ["appeal"]
    assert approved.data.parameters == harness.event.data.parameters, "the decision travels with the request"
    assert harness.claude.calls == []


@pytest.mark.parametrize(
    "changes", [{"policy_version": "v0"}, {"texts_digest": "0" * 64}, {"subject": "images"}], ids=str
)
def test_an_appeal_about_something_else_changes_nothing(changes: dict[str, Any]) -> None:
    harness = PromptHarness(claude=ScriptedClaude(GORE))
    harness.event = appealed(harness.event, "prompt", "violence", **changes)
    assert isinstance(harness.moderate(), PromptRejected)
    assert len(harness.claude.calls) == 1


def test_a_granted_appeal_does_not_lift_the_limit_of_a_text() -> None:
    harness = PromptHarness()
    long = harness.event.data.parameters.model_copy(update={"prompt": sealed("a" * (TEXT_MAX + 1))})
    harness.event = harness.event.model_copy(
        update={"data": harness.event.data.model_copy(update={"parameters": long})}
    )
    harness.event = appealed(harness.event, "prompt", "violence")
    rejected = harness.moderate()
    assert isinstance(rejected, PromptRejected)
    assert rejected.data.reason == "text_too_long"


def test_a_granted_appeal_about_a_prompt_does_not_skip_the_image_check() -> None:
    harness = ImageHarness(labels={0: {"Gore"}, 2: {"Gore"}})
    harness.event = appealed(harness.event, "prompt", "violence")
    assert isinstance(harness.moderate(), ImageRejected)


def test_a_granted_appeal_about_images_allows_its_category_only() -> None:
    harness = ImageHarness(labels={0: {"Gore"}, 2: {"Gore", "Exposed"}})
    harness.event = appealed(harness.event, "images", "violence")
    approved = harness.moderate()
    assert isinstance(approved, ImageApproved)
    assert approved.data.layers == ["appeal", "rekognition"]
    assert [image.index for image in approved.data.images] == [0]
    assert {each.index: each.reason for each in approved.data.removed}[2] == "sexual"
    harness.event = appealed(harness.event, "images", "violence", policy_version="v0")
    harness.verdicts.verdicts.clear()
    assert isinstance(harness.moderate(), ImageRejected), "under another policy, it does not hold"


def test_the_time_of_a_verdict_has_a_time_zone() -> None:
    harness = PromptHarness()
    layers = PromptLayers(load_policy(), [harness.keywords, harness.claude], SystemClock())
    verdict = layers.screen("a lighthouse", None)
    assert verdict.decided_at.tzinfo is UTC
