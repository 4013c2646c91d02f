"""A guardrail as a layer: what its answers mean, where it stands in the pipelines, and what it costs."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from events.catalog.image_approved import ImageApproved
from events.catalog.image_rejected import ImageRejected
from events.catalog.prompt_approved import PromptApproved
from events.catalog.prompt_rejected import PromptRejected
from events.model_catalog import Model, model_catalog
from kit.errors import RetriableError, UnprocessableError, classify_error
from services.moderation.guardrail import Guardrail, GuardrailTextLayer
from services.moderation.guardrail_images import IMAGE_BYTES_MAX, GuardrailImageLayer
from services.moderation.models import Finding, PromptVerdict
from services.moderation.policy import GUARDRAIL_LABEL, load_policy, policy_names
from services.moderation.prices import guardrail_text_usd, image_check_usd, text_layers_usd
from services.moderation.shadow import PromptShadow
from tests.unit.moderation.fakes import ScriptedClaude, ScriptedDetector, ScriptedKeywords, raw_image
from tests.unit.moderation.test_service import GORE, ImageHarness, PromptHarness

POLICY = load_policy()
INTERVENED = "GUARDRAIL_INTERVENED"
UNITS = {"topicPolicyUnits": 1, "contentPolicyUnits": 1, "wordPolicyUnits": 1}


class ScriptedRuntime:
    """A client of Bedrock's runtime with one answer."""

    def __init__(self, action: str = "NONE", *assessments: Mapping[str, Any], **coverage: Mapping[str, int]) -> None:
        self.answer = {
            "action": action,
            "assessments": list(assessments),
            "outputs": [],
            "usage": UNITS,
            "guardrailCoverage": coverage,
        }
        self.sent: list[dict[str, Any]] = []

    def apply_guardrail(self, **arguments: Any) -> Any:
        """Return the answer."""
        self.sent.append(arguments)
        return self.answer


def content_filter(name: str, action: str = "BLOCKED", confidence: str = "HIGH") -> dict[str, Any]:
    entry = {"type": name, "confidence": confidence, "filterStrength": "MEDIUM", "action": action, "detected": True}
    return {"contentPolicy": {"filters": [entry]}}


def screen(runtime: Any, prompt: str = "a lighthouse", **more: str) -> Finding | None:
    return GuardrailTextLayer(Guardrail(runtime, "abc:3"), POLICY).screen({"prompt": prompt, **more})  # type: ignore[dict-item,unused-ignore]


def image_labels(runtime: Any, **changes: Any) -> dict[str, float]:
    image = raw_image().model_copy(update=changes)
    (labels,) = GuardrailImageLayer(Guardrail(runtime, "abc:3"), lambda _: b"png").labels([image])
    return labels


def test_the_prompt_is_sent_to_the_version_and_the_negative_prompt_is_not() -> None:
    runtime = ScriptedRuntime()
    assert screen(runtime, negative_prompt="blood, nudity") is None
    assert runtime.sent == [
        {
            "guardrailIdentifier": "abc",
            "guardrailVersion": "3",
            "source": "INPUT",
            "content": [{"text": {"text": "a lighthouse"}}],
        }
    ]


@pytest.mark.parametrize(
    ("assessments", "category"),
    [
        ([content_filter("SEXUAL")], "sexual"),
        ([content_filter("INSULTS")], "hate"),
        ([content_filter("VIOLENCE"), content_filter("SEXUAL")], "sexual"),
        ([content_filter("VIOLENCE", "NONE"), content_filter("MISCONDUCT")], "illegal"),
        ([content_filter("A_NEW_FILTER")], "unclassified"),
        ([{"topicPolicy": {"topics": [{"name": "stocks", "type": "DENY", "action": "BLOCKED"}]}}], "unclassified"),
        (
            [{"wordPolicy": {"customWords": [{"match": "x", "action": "BLOCKED"}], "managedWordLists": []}}],
            "unclassified",
        ),
        (
            [
                {
                    "sensitiveInformationPolicy": {
                        "piiEntities": [{"type": "EMAIL", "match": "x", "action": "ANONYMIZED"}]
                    }
                }
            ],
            "unclassified",
        ),
        ([], "unclassified"),
    ],
)
def test_an_intervention_blocks_with_the_most_severe_category(assessments: list[Any], category: str) -> None:
    reason: Any = "guardrail_intervened" if category == "unclassified" else "category_blocked"
    expected = Finding(category=category, field="prompt", reason=reason)
    assert screen(ScriptedRuntime(INTERVENED, *assessments)) == expected


def test_the_policy_may_name_topics_words_and_personal_data() -> None:
    policy = POLICY.model_copy(update={"guardrail": {"stocks": "illegal", "PERSONAL_DATA": "public_figure"}})
    assert policy.guardrail_category(["PERSONAL_DATA", "stocks"]) == "illegal"
    assert policy.guardrail_category(["PERSONAL_DATA", "WORDS"]) == "public_figure"
    assert policy.guardrail_category([]) is None


def test_what_the_guardrail_only_detects_is_allowed() -> None:
    assert screen(ScriptedRuntime("NONE", content_filter("VIOLENCE", "NONE", "LOW"))) is None


def test_every_policy_has_a_category_for_each_content_filter(guardrail_filters: set[str]) -> None:
    assert all(guardrail_filters <= load_policy(name).guardrail.keys() for name in policy_names())


@pytest.fixture
def guardrail_filters() -> set[str]:
    """Return the content filters that AWS has, as botocore knows them."""
    import botocore.session

    model = botocore.session.get_session().get_service_model("bedrock-runtime")
    return set(model.shape_for("GuardrailContentFilterType").enum)  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", ["textCharacters", "images"])
def test_content_that_the_guardrail_did_not_screen_does_not_pass(kind: str) -> None:
    unscreened = ScriptedRuntime("NONE", **{kind: {"guarded": 0, "total": 1}})
    with pytest.raises(RetriableError, match=f"abc:3: 0 of 1 {kind} were screened") as raised:
        image_labels(unscreened)
    assert classify_error(raised.value) == "retriable"
    assert image_labels(ScriptedRuntime("NONE", **{kind: {"guarded": 1, "total": 1}})) == {}


def test_what_is_blocked_in_an_image_are_its_labels() -> None:
    runtime = ScriptedRuntime(INTERVENED, content_filter("SEXUAL"))
    labels = image_labels(runtime)
    assert labels == {GUARDRAIL_LABEL + "SEXUAL": 100.0}
    assert POLICY.image_category(labels) == "sexual"
    assert POLICY.image_category(image_labels(ScriptedRuntime(INTERVENED))) == "unclassified"
    assert runtime.sent[0]["content"] == [{"image": {"format": "png", "source": {"bytes": b"png"}}}]


def test_a_label_of_rekognition_is_none_of_the_guardrail() -> None:
    assert POLICY.image_category({"SEXUAL": 100.0}) is None


@pytest.mark.parametrize("model", [model for model in model_catalog() if not model.ended(date(2026, 11, 29))])
def test_the_images_of_every_model_that_is_offered_fit(model: Model) -> None:
    assert model.size_rule is None, "its largest image has size_rule.pixels_max pixels"
    sizes = [*model.sizes, *model.aspect_ratios.values()]
    pixels = max(int(width) * int(height) for width, height in (size.split("x") for size in sizes))
    assert pixels * 3 * 1.01 <= IMAGE_BYTES_MAX, "PNG stores what it cannot compress, and a little more"


@pytest.mark.parametrize("changes", [{"media_type": "image/webp"}, {"bytes": IMAGE_BYTES_MAX + 1}])
def test_an_image_that_no_guardrail_accepts_does_not_pass(changes: dict[str, Any]) -> None:
    runtime = ScriptedRuntime()
    with pytest.raises(UnprocessableError, match=f"image.{next(iter(changes))}"):
        image_labels(runtime, **changes)
    assert runtime.sent == []


def guarded(*results: Finding | Exception | None, claude: Finding | None = None) -> PromptHarness:
    harness = PromptHarness(claude=ScriptedClaude(claude))
    harness.more_layers = [ScriptedClaude(*results, name="guardrail")]
    return harness


def test_the_guardrail_decides_after_claude() -> None:
    rejected = guarded(GORE).moderate()
    assert isinstance(rejected, PromptRejected)
    assert (rejected.data.layer, rejected.data.category) == ("guardrail", "violence")
    approved = guarded(None).moderate()
    assert isinstance(approved, PromptApproved)
    assert approved.data.layers == ["keywords", "claude", "guardrail"]


def test_what_claude_blocks_is_not_sent_to_the_guardrail() -> None:
    harness = guarded(None, claude=GORE)
    assert isinstance(harness.moderate(), PromptRejected)
    assert harness.more_layers[0].calls == []


def test_a_guardrail_that_fails_decides_nothing() -> None:
    harness = guarded(ConnectionError("reset"), None)
    with pytest.raises(ConnectionError):
        harness.moderate()
    assert harness.verdicts.verdicts == {}
    assert isinstance(harness.moderate(), PromptApproved)


@pytest.mark.parametrize(("category", "counts"), [("violence", True), ("unclassified", False)])
def test_a_block_counts_if_it_is_in_a_category(category: str, counts: bool) -> None:
    rejected = guarded(GORE.model_copy(update={"category": category})).moderate()
    assert isinstance(rejected, PromptRejected)
    assert rejected.data.counts_as_blocked is counts


def test_a_shadow_policy_cannot_change_what_the_guardrail_blocks() -> None:
    harness = guarded(Finding(category="sexual", field="prompt", reason="category_blocked"))
    harness.moderate()
    (verdict,) = harness.verdicts.verdicts.values()
    other = POLICY.model_copy(update={"version": "candidate@1", "categories": {}})
    compared = PromptShadow(other, ScriptedKeywords()).compare({"prompt": "…"}, verdict, "r-1")
    assert compared.change is None


def image_harness(guardrail: dict[int, set[str]], rekognition: dict[int, set[str]] | None = None) -> ImageHarness:
    harness = ImageHarness(labels=rekognition)
    found = {harness.keys[index]: labels for index, labels in guardrail.items()}
    harness.more_layers = [ScriptedDetector(found, "guardrail")]
    return harness


def test_the_guardrail_screens_the_images_that_rekognition_keeps() -> None:
    harness = image_harness({2: {GUARDRAIL_LABEL + "HATE"}}, {0: {"Gore"}})
    rejected = harness.moderate()
    assert isinstance(rejected, ImageRejected)
    assert rejected.data.layer == "guardrail"
    assert [each.reason for each in rejected.data.removed] == ["violence", "content_filtered", "hate"]
    assert harness.more_layers[0].screened == [harness.keys[2]]
    assert sorted(harness.raw_images.deleted) == sorted(harness.keys.values())


def test_the_guardrail_is_not_called_if_no_image_is_left() -> None:
    harness = image_harness({}, {0: {"Gore"}, 2: {"Gore"}})
    rejected = harness.moderate()
    assert isinstance(rejected, ImageRejected)
    assert rejected.data.layer == "rekognition"
    assert harness.more_layers[0].screened == []


def test_images_are_screened_by_the_guardrail_alone() -> None:
    harness = image_harness({0: {GUARDRAIL_LABEL}})
    harness.check = False
    approved = harness.moderate()
    assert isinstance(approved, ImageApproved)
    assert approved.data.layers == ["guardrail"]
    assert approved.data.removed[0].reason == "unclassified"


def test_the_version_of_the_policy_names_the_guardrail() -> None:
    assert POLICY.with_guardrail("abc:3").version == f"{POLICY.version}+abc:3"
    assert POLICY.with_guardrail("") is POLICY


@pytest.mark.parametrize(("length", "usd"), [(1, "0.0004"), (1000, "0.0004"), (1001, "0.0008"), (10_000, "0.004")])
def test_a_text_costs_each_thousand_characters_that_it_begins(length: int, usd: str) -> None:
    assert guardrail_text_usd("a" * length) == Decimal(usd)


def test_only_the_layers_that_screened_cost() -> None:
    claude, both = ["keywords", "claude"], ["keywords", "claude", "guardrail"]
    assert text_layers_usd(["keywords"], "a", None) == 0
    assert text_layers_usd(both, "a", "b") - text_layers_usd(claude, "a", "b") == Decimal("0.0004")
    assert image_check_usd(guardrail=True) - image_check_usd(guardrail=False) == Decimal("0.00075")


def test_the_price_of_the_guardrail_is_in_the_event() -> None:
    with_guardrail, without = guarded(None).moderate(), PromptHarness().moderate()
    assert isinstance(with_guardrail, PromptApproved)
    assert isinstance(without, PromptApproved)
    assert with_guardrail.data.moderation_usd - without.data.moderation_usd == Decimal("0.0004")


def test_a_verdict_with_the_guardrail_asked_claude() -> None:
    harness = guarded(None)
    harness.moderate()
    (verdict,) = harness.verdicts.verdicts.values()
    assert isinstance(verdict, PromptVerdict)
    assert verdict.asked_claude
