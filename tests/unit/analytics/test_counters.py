"""The counters that each event increments."""

from datetime import timedelta
from decimal import Decimal

import pytest

from events.catalog import CATALOG
from events.images import ImageOutcome
from events.pipeline import TERMINAL, Status
from services.analytics.counters import LATENCY_BOUNDS_MS, amounts, day_of
from tests.support.events import sample
from tests.unit.analytics.stories import (
    START,
    approved,
    failed,
    generated,
    outcome,
    prompt_rejected,
    requested,
    stalled,
    status_changed,
    stored,
)


def test_an_accepted_request_counts_once_by_status_model_and_style() -> None:
    assert amounts(requested(1, model="titan-v2", count=3)) == {
        "status#accepted": 1,
        "images#requested": 3,
        "model#titan-v2#requests": 1,
        "style#watercolor": 1,
    }


def test_a_request_without_a_style_counts_as_none() -> None:
    assert amounts(requested(0))["style#none"] == 1


def test_images_and_costs_count_for_the_model_that_was_used() -> None:
    filtered = ImageOutcome(index=2, status="filtered", reason="content_filtered")
    event = generated(approved(requested()), outcome(0), outcome(1, "sd35-large", "0.08"), filtered)
    counted = amounts(event)
    assert counted["images#generated"] == 2
    assert counted["images#filtered"] == 1
    assert counted["model#nova-canvas#cost_usd"] == Decimal("0.04")
    assert counted["model#sd35-large#images"] == 1
    assert counted["cost_usd"] == Decimal("0.12")


def test_a_rejected_prompt_counts_under_its_category() -> None:
    counted = amounts(prompt_rejected(requested(), "violence"))
    assert counted["rejection#violence"] == 1


def test_the_models_own_content_filter_is_a_rejection() -> None:
    counted = amounts(failed(approved(requested()), "content_filtered"))
    assert counted["rejection#content_filtered"] == 1
    assert not any(name.startswith("failure#") for name in counted)


def test_any_other_reason_without_an_image_is_a_failure() -> None:
    counted = amounts(failed(approved(requested()), "model_ended"))
    assert counted["failure#model_ended"] == 1
    assert not any(name.startswith("rejection#") for name in counted)


def test_a_steps_latency_is_the_time_since_its_cause() -> None:
    counted = amounts(approved(requested(), timedelta(milliseconds=730)))
    assert counted == {
        "latency#moderation.prompt#count": 1,
        "latency#moderation.prompt#sum_ms": 730,
        "latency#moderation.prompt#le_1000": 1,
    }


def test_a_stored_image_gives_the_duration_of_the_whole_request() -> None:
    counted = amounts(stored(generated(approved(requested()))))
    assert counted["latency#storage.store#sum_ms"] == 1000
    assert counted["latency#request#sum_ms"] == 6000


def test_a_clock_that_runs_behind_makes_no_negative_latency() -> None:
    counted = amounts(approved(requested(), timedelta(milliseconds=-20)))
    assert counted["latency#moderation.prompt#sum_ms"] == 0


@pytest.mark.parametrize(
    ("milliseconds", "bucket"), [(LATENCY_BOUNDS_MS[0], "le_50"), (51, "le_100"), (3_600_001, "le_inf")]
)
def test_a_bucket_includes_its_upper_bound(milliseconds: int, bucket: str) -> None:
    counted = amounts(approved(requested(), timedelta(milliseconds=milliseconds)))
    assert counted[f"latency#moderation.prompt#{bucket}"] == 1


def test_a_stall_counts_at_its_step() -> None:
    counted = amounts(stalled(requested(), at=START))
    assert counted == {"status#stalled": 1, "step#storage.store#stalled": 1}


def test_a_label_cannot_break_a_counters_name() -> None:
    names = amounts(requested(0, model="my#model" + "x" * 300))
    name = next(name for name in names if name.startswith("model#"))
    assert name.count("#") == 2
    assert len(name.encode()) <= 255


@pytest.mark.parametrize("status", Status)
def test_only_a_terminal_status_counts_when_it_changes(status: Status) -> None:
    event = status_changed(requested(), status)
    assert amounts(event) == ({f"status#{status}": 1} if status in TERMINAL else {})


def test_every_event_with_new_information_about_a_request_counts() -> None:
    silent = {name for name, version in CATALOG if not amounts(sample(name, version))}
    assert silent == {
        *("RequestCancelled", "RequestExpired", "GenerationWithdrawn"),
        *("ModelLifecycleChanged", "BudgetExhausted", "BudgetChanged", "PromptChecked", "ErasureStarted", "DataErased"),
        *("ExportStarted", "DataExported", "ExportCollected", "ExportReady"),
        *("RequestAppealed", "AppealDecided"),
    }


def test_an_event_belongs_to_the_utc_day_of_its_time() -> None:
    assert day_of(requested(at=START)) == "2026-11-22"
    assert day_of(approved(requested(at=START), timedelta(seconds=11))) == "2026-11-23"
