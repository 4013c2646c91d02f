"""A shadow policy says what it would change, and changes nothing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from events.catalog.image_approved import ImageApproved
from events.catalog.prompt_approved import PromptApproved
from services.moderation.models import UNCLASSIFIED, Finding, Hit, PromptVerdict, ShadowVerdict
from services.moderation.policy import ImagePolicy, Policy, load_policy
from services.moderation.shadow import SAMPLES, PromptShadow, ShadowChange, ShadowRow, compare_images, summarise
from tests.unit.moderation.fakes import ScriptedClaude, ScriptedKeywords
from tests.unit.moderation.test_service import ImageHarness, PromptHarness

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
LIVE = load_policy()
CANDIDATE = LIVE.model_copy(
    update={"version": "candidate@1", "categories": {k: v for k, v in LIVE.categories.items() if k != "illegal"}}
)
BLOCK = Hit(category="violence", field="prompt", strength="block")
REVIEW = Hit(category="violence", field="prompt", strength="review")
GORE = Finding(category="violence", field="prompt", reason="category_blocked")
DRUGS = Finding(category="illegal", field="prompt", reason="category_blocked")
REFUSED = Finding(category=UNCLASSIFIED, field="prompt", reason="screening_refused")
UNCHANGED = ShadowVerdict(policy_version="candidate@1")


def live(finding: Finding | None, *layers: str) -> PromptVerdict:
    return PromptVerdict(policy_version=LIVE.version, decided_at=NOW, layers=list(layers), finding=finding)


def changed(change: Any, category: str, request_id: str = "r-1") -> ShadowVerdict:
    return ShadowVerdict(policy_version="candidate@1", change=change, category=category, request_id=request_id)


@pytest.mark.parametrize(
    ("hit", "verdict", "expected"),
    [
        (None, live(None, "keywords", "claude"), UNCHANGED),
        (REVIEW, live(None, "keywords", "claude"), UNCHANGED),
        (BLOCK, live(None, "keywords", "claude"), changed("newly_blocked", "violence")),
        (BLOCK, live(DRUGS, "keywords", "claude"), UNCHANGED),
        (None, live(GORE, "keywords", "claude"), UNCHANGED),
        (None, live(DRUGS, "keywords", "claude"), changed("newly_allowed", "illegal")),
        (BLOCK, live(GORE, "keywords"), UNCHANGED),
        (None, live(GORE, "keywords"), changed("newly_asked", "violence")),
        (REVIEW, live(DRUGS, "keywords"), changed("newly_asked", "illegal")),
        (BLOCK, live(REFUSED, "keywords", "claude"), UNCHANGED),
        (None, live(REFUSED, "limits"), UNCHANGED),
    ],
)
def test_a_change_follows_from_the_keywords_and_the_verdict(
    hit: Hit | None, verdict: PromptVerdict, expected: ShadowVerdict
) -> None:
    assert PromptShadow(CANDIDATE, ScriptedKeywords(hit)).compare({"prompt": "…"}, verdict, "r-1") == expected


@pytest.mark.parametrize("hit", [None, REVIEW, BLOCK])
def test_a_shadow_policy_blocks_nothing_and_calls_nothing(hit: Hit | None) -> None:
    harness = PromptHarness()
    without = harness.moderate()
    shadowed = PromptHarness()
    moderation = replace(shadowed.moderation(), shadow=PromptShadow(CANDIDATE, ScriptedKeywords(hit)))
    (event,) = moderation.moderate(shadowed.event, first_delivery=True)
    (verdict,) = shadowed.verdicts.verdicts.values()

    assert isinstance(event, PromptApproved)
    assert event == without
    assert len(shadowed.claude.calls) == 1
    assert verdict.shadow == (
        changed("newly_blocked", "violence", shadowed.event.metadata.request_id) if hit == BLOCK else UNCHANGED
    )


def test_a_redelivery_keeps_the_recorded_comparison() -> None:
    harness = PromptHarness(claude=ScriptedClaude(GORE))
    first = harness.moderate()
    harness.clock.time += timedelta(hours=1)
    moderation = replace(harness.moderation(), shadow=PromptShadow(CANDIDATE, harness.keywords))
    assert moderation.moderate(harness.event) == [first]
    assert [verdict.shadow for verdict in harness.verdicts.verdicts.values()] == [None]


def images(confidence: int, **labels: str) -> Policy:
    return CANDIDATE.model_copy(update={"image": ImagePolicy(min_confidence=confidence, labels=labels)})


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (images(60, Gore="violence"), UNCHANGED),
        (images(95, Gore="violence"), changed("newly_allowed", "violence")),
        (images(60, Gore="violence", Beach="sexual"), changed("newly_blocked", "sexual")),
        (images(99, Beach="sexual"), changed("newly_allowed", "violence")),
    ],
)
def test_labels_and_confidence_of_images_are_compared(policy: Policy, expected: ShadowVerdict) -> None:
    labels = {0: {"Beach": 80.0}, 2: {"Gore": 90.0}}
    assert compare_images(policy, labels, {2: "violence"}, "r-1") == expected


def test_a_shadow_policy_removes_no_image() -> None:
    harness = ImageHarness(labels={0: {"Beach"}})
    harness.shadow = images(60, Beach="sexual")
    approved = harness.moderate()
    (verdict,) = harness.verdicts.verdicts.values()

    assert isinstance(approved, ImageApproved)
    assert [image.index for image in approved.data.images] == [0, 2]
    assert harness.raw_images.deleted == []
    assert verdict.shadow == changed("newly_blocked", "sexual", harness.event.metadata.request_id)


def test_the_report_counts_changes_and_keeps_the_latest_samples() -> None:
    blocked = [ShadowChange("prompt", "default@1", changed("newly_blocked", "violence", f"r-{n}")) for n in range(9)]
    asked = ShadowChange("prompt", "default@1", changed("newly_asked", "hate", "r-10"))
    image = ShadowChange("images", "default@1", changed("newly_blocked", "violence", "r-11"))

    assert summarise([*blocked, asked, image]) == [
        ShadowRow("images", "default@1", "candidate@1", "newly_blocked", "violence", 1, ("r-11",)),
        ShadowRow("prompt", "default@1", "candidate@1", "newly_asked", "hate", 1, ("r-10",)),
        ShadowRow(
            "prompt",
            "default@1",
            "candidate@1",
            "newly_blocked",
            "violence",
            9,
            tuple(f"r-{n}" for n in range(SAMPLES)),
        ),
    ]


def test_changes_of_different_policies_are_separate_rows() -> None:
    change = changed("newly_blocked", "violence")
    rows = summarise([ShadowChange("prompt", version, change) for version in ("default@1", "default@2", "default@1")])

    assert [(row.policy_version, row.count, row.samples) for row in rows] == [
        ("default@1", 2, ("r-1",)),
        ("default@2", 1, ("r-1",)),
    ]
