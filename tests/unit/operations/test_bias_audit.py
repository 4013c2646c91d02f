"""The audit of generation: what it asks for, what it may cost, what it counts, and what it finds."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice

import pytest

from events.pipeline import TimelineEntry
from services.operations.bias.auditing import BiasAudit, Face, Result, month_before, outcome_of, spent_usd
from services.operations.bias.figures import Figure, drifts, figures, findings
from services.operations.bias.intervals import Count
from services.operations.bias.plan import UNSTATED, AuditedModel, Sample, samples
from services.operations.bias.report import markdown
from services.operations.timeline import Request

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
CORE, ULTRA = AuditedModel("core", Decimal("0.04")), AuditedModel("ultra", Decimal("0.14"))


class FakeIntake:
    """Accepts up to ``room`` requests. The same idempotency key returns the same request."""

    def __init__(self, *models: AuditedModel, room: int = 10_000) -> None:
        self.accepted: dict[tuple[str, str], str] = {}
        self.room = room
        self._models = list(models)

    def models(self) -> list[AuditedModel]:
        return self._models

    def create(self, sample: Sample, period: str) -> str | None:
        if (period, sample.id) not in self.accepted:
            if len(self.accepted) == self.room:
                return None
            self.accepted[period, sample.id] = f"request-{len(self.accepted)}"
        return self.accepted[period, sample.id]


class FakeRequests:
    """Every request has the same status and timeline."""

    def __init__(self, status: str = "succeeded", *entries: TimelineEntry) -> None:
        self.status = status
        self.entries = entries or (entry("ImageStored", images=[{"original": "images/x/original.png"}]),)

    def requests(self, ids: Iterable[str]) -> dict[str, Request]:
        return {each: Request(each, self.status, NOW, 1, self.entries) for each in ids}


class FakeFaces:
    def __init__(self) -> None:
        self.keys: list[str] = []

    def largest(self, key: str) -> Face:
        self.keys.append(key)
        return Face("woman", 50)


class FakeResults:
    def __init__(self) -> None:
        self.stored: dict[tuple[str, str], Result] = {}

    def all(self, period: str) -> list[Result]:
        return [result for (stored, _), result in self.stored.items() if stored == period]

    def keep(self, period: str, result: Result, now: datetime) -> None:
        self.stored[period, result.sample.id] = result


def entry(detail_type: str, **details: object) -> TimelineEntry:
    return TimelineEntry("id", detail_type, NOW, details)


def request(status: str, *entries: TimelineEntry) -> Request:
    return Request("r", status, NOW, 1, entries)


def results_of(women: dict[str, float], rounds: int = 30, model: str = "core") -> list[Result]:
    """Return results whose share of women is exactly that of each profession, and half of the others'."""
    made: list[Result] = []
    for sample in samples([AuditedModel(model, Decimal("0.04"))]):
        if sample.seed == rounds:
            return made
        share = women.get(sample.profession, 0.5)
        gender = {"woman": "woman", "man": "man"}.get(sample.value)
        is_woman = gender == "woman" if gender else (sample.seed * 7 + 3) % rounds < share * rounds
        face = Face("woman" if is_woman else "man", 30 + sample.seed % 20)
        made.append(Result(sample, "r", "stored", face))
    raise AssertionError


def names(found: Iterable[Figure]) -> set[tuple[str, str]]:
    return {(each.measure, each.group) for each in found}


# The plan ----------------------------------------------------------------------------------------------------


def test_counterfactual_prompts_differ_in_one_attribute_only() -> None:
    first_round = [each for each in islice(samples([CORE]), 200) if (each.seed, each.profession) == (0, "doctor")]
    assert [each.value for each in first_round] == [UNSTATED, "woman", "man"]
    assert len({each.prompt.replace("a woman", "X").replace("a man", "X") for each in first_round[1:]}) == 1
    assert {each.seed for each in first_round} == {0}


def test_three_rounds_have_every_attribute_and_every_model() -> None:
    found = [each for each in islice(samples([CORE, ULTRA]), 2000) if each.seed < 3]
    assert {each.attribute for each in found} == {UNSTATED, "gender", "ethnicity", "age"}
    assert {each.model for each in found} == {"core", "ultra"}
    assert len(found) == len({each.id for each in found}) == 2 * 6 * (3 + 2 + 5 + 3)


def test_every_prompt_names_its_profession() -> None:
    for sample in islice(samples([CORE]), 200):
        assert sample.profession in sample.prompt
        assert "{" not in sample.prompt


# Running ----------------------------------------------------------------------------------------------------


def test_an_audit_stays_within_its_budget() -> None:
    results, intake = FakeResults(), FakeIntake(CORE, ULTRA)
    audit = BiasAudit(intake, FakeRequests(), FakeFaces(), results)
    runs = [audit.run(NOW, Decimal("5"), 15) for _ in range(10)]
    cost = spent_usd(results.all("2026-11"), Decimal("0.001"))
    assert Decimal("4.8") < cost <= Decimal("5")
    assert runs[0].asked == 15
    assert runs[-1].asked == 0
    assert len(intake.accepted) == len(results.stored)


def test_a_budget_of_nothing_asks_for_nothing() -> None:
    intake = FakeIntake(CORE)
    assert BiasAudit(intake, FakeRequests(), FakeFaces(), FakeResults()).run(NOW, Decimal(0), 15).asked == 0
    assert intake.accepted == {}


def test_the_budget_is_per_month() -> None:
    audit = BiasAudit(FakeIntake(CORE), FakeRequests(), FakeFaces(), FakeResults())
    assert [audit.run(NOW, Decimal("0.5"), 50).asked for _ in range(2)] == [12, 0]
    assert audit.run(NOW + timedelta(days=4), Decimal("0.5"), 50).asked == 12


def test_a_run_that_crashed_asks_for_the_same_request_again() -> None:
    intake, results = FakeIntake(CORE), FakeResults()
    audit = BiasAudit(intake, FakeRequests(), FakeFaces(), results)
    audit.run(NOW, Decimal(5), 10)
    lost = list(results.stored)[-1]
    del results.stored[lost]
    audit.run(NOW, Decimal(5), 1)
    assert results.stored[lost].request_id == "request-9"
    assert len(intake.accepted) == 10


def test_a_refusal_of_intake_ends_the_run_and_not_the_audit() -> None:
    intake = FakeIntake(CORE, room=4)
    audit = BiasAudit(intake, FakeRequests(), FakeFaces(), FakeResults())
    assert audit.run(NOW, Decimal(5), 10).asked == 4
    intake.room = 6
    assert audit.run(NOW, Decimal(5), 10).asked == 2


def test_requests_in_progress_are_collected_later() -> None:
    requests, faces, results = FakeRequests("generating"), FakeFaces(), FakeResults()
    audit = BiasAudit(FakeIntake(CORE), requests, faces, results)
    audit.run(NOW, Decimal(5), 4)
    assert audit.run(NOW, Decimal("0.01"), 4).open == 4
    requests.status = "succeeded"
    assert audit.run(NOW, Decimal("0.01"), 4).open == 0
    audit.run(NOW, Decimal("0.01"), 4)
    assert len(faces.keys) == 4, "an image is classified once"
    assert {result.face for result in results.all("2026-11")} == {Face("woman", 50)}


def test_the_month_before_is_collected() -> None:
    requests, results = FakeRequests("generating"), FakeResults()
    audit = BiasAudit(FakeIntake(CORE), requests, None, results)
    audit.run(NOW, Decimal(5), 4)
    requests.status = "succeeded"
    assert {each.outcome for each in audit.collect(month_before("2026-12"), NOW)} == {"stored"}
    assert month_before("2026-01") == "2025-12"


def test_without_a_classifier_only_outcomes_are_counted() -> None:
    results = FakeResults()
    audit = BiasAudit(FakeIntake(CORE), FakeRequests(), None, results)
    audit.run(NOW, Decimal(5), 40)
    audit.run(NOW, Decimal(5), 0)
    found = figures(results.all("2026-11"))
    assert {each.measure for each in found if each.count.total} == {"refused"}


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        (request("rejected", entry("PromptRejected")), "prompt_rejected"),
        (request("rejected", entry("PromptApproved"), entry("ImageRejected")), "image_rejected"),
        (request("rejected", entry("GenerationFailed", reason="content_filtered")), "filtered"),
        (request("failed", entry("GenerationFailed", reason="model_error")), "failed"),
        (request("expired"), "failed"),
    ],
)
def test_a_refusal_is_told_apart_from_a_failure(state: Request, outcome: str) -> None:
    assert outcome_of(state) == (outcome, None)


# Figures ----------------------------------------------------------------------------------------------------


def test_a_planted_skew_is_found_and_a_fair_profession_is_not() -> None:
    found = findings(figures(results_of({"nurse": 1.0, "engineer": 0.0})))
    assert names(found) == {("women", "nurse"), ("women", "engineer")}


def test_a_few_images_prove_nothing() -> None:
    assert findings(figures(results_of({"nurse": 1.0}, rounds=3))) == []


def test_a_group_that_is_refused_more_often_is_found() -> None:
    made = [
        replace(each, outcome="filtered", face=None) if each.sample.value == "Black" else each
        for each in results_of({}, rounds=15)
    ]
    assert ("refused", "ethnicity: Black") in names(findings(figures(made)))
    assert ("refused", "ethnicity: white") not in names(findings(figures(made)))


def test_an_attribute_that_changes_the_gender_is_found() -> None:
    men = Face("man", 30)
    made = [replace(each, face=men if each.sample.value == "elderly" else Face("woman", 30)) for each in results_of({})]
    assert ("women_if_stated", "age: elderly") in names(findings(figures(made)))
    assert ("women_if_stated", "age: young") not in names(findings(figures(made)))


def test_technical_failures_count_for_nothing() -> None:
    made = [replace(each, outcome="failed", face=None) for each in results_of({})]
    assert figures(made) == []


def test_unclear_faces_are_not_counted_as_men() -> None:
    made = [replace(each, face=Face("unclear", 30)) for each in results_of({"nurse": 1.0})]
    assert [each.count for each in figures(made) if each.measure == "women"] == [Count(0, 0)] * 6
    assert findings(figures(made)) == []


def test_a_change_since_last_month_is_a_drift_and_noise_is_not() -> None:
    before = figures(results_of({"teacher": 0.5}))
    assert drifts(figures(results_of({"teacher": 0.53})), before) == []
    drifted = drifts(figures(results_of({"teacher": 0.0})), before)
    assert ("women", "teacher") in names(figure for figure, _ in drifted)
    assert ("women", "doctor") not in names(figure for figure, _ in drifted)


# The report ----------------------------------------------------------------------------------------------------


def test_the_report_has_figures_findings_and_limits() -> None:
    now, before = results_of({"nurse": 1.0}), results_of({"nurse": 0.5})
    text = markdown("2026-11", now, before)
    assert "| core | **nurse** | 30 of 30 |" in text
    assert "| core | doctor | 15 of 30 |" in text
    assert "| women | core | nurse | 15 of 30 | 30 of 30 |" in text
    assert "The classifier is itself biased" in text
    assert f"${spent_usd(now, Decimal('0.001')):.2f}" in text


def test_the_report_of_an_empty_month_says_so() -> None:
    assert "0 images were asked for" in markdown("2026-11", [], [])
