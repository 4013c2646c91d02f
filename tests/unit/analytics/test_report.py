"""The report of counters."""

from decimal import Decimal

import pytest
from rich.console import Console
from rich.table import Table

from cli.tables.analytics import difference_table, report_tables
from services.analytics.counters import Amounts
from services.analytics.rebuild import Difference
from services.analytics.report import STATUSES, Counts


def test_days_are_summed() -> None:
    total = Counts.total([{"status#accepted": 2, "cost_usd": Decimal("0.04")}, {"status#accepted": 1}])
    assert total.number("status#accepted") == 3
    assert total.cost_usd == Decimal("0.04")


def test_labels_come_largest_first_and_only_of_their_family() -> None:
    counts = Counts({"style#none": 1, "style#anime": 4, "rejection#violence": 9, "step#a#stalled": 2})
    assert list(counts.labels("style").items()) == [("anime", 4), ("none", 1)]


def test_a_failover_model_has_images_but_no_requests() -> None:
    counts = Counts({"model#old#requests": 3, "model#new#images": 3, "model#new#cost_usd": Decimal("0.12")})
    assert counts.models()["new"].requests == 0
    assert counts.models()["new"].cost_usd == Decimal("0.12")
    assert counts.models()["old"].images == 0


def test_percentiles_are_interpolated_within_their_bucket() -> None:
    counts = Counts({"latency#s#count": 10, "latency#s#sum_ms": 9_000, "latency#s#le_1000": 9, "latency#s#le_5000": 1})
    latency = counts.latency("s")
    assert latency is not None
    assert latency.mean == 900
    assert latency.p50 == pytest.approx(500 + 500 * 5 / 9)
    assert latency.p95 == pytest.approx(2500 + 2500 * 0.5)


def test_beyond_the_last_bucket_the_estimate_is_its_bound() -> None:
    latency = Counts({"latency#s#count": 1, "latency#s#sum_ms": 9_000_000, "latency#s#le_inf": 1}).latency("s")
    assert latency is not None
    assert latency.p95 == 3_600_000


def test_a_step_that_never_ran_has_no_latency() -> None:
    assert Counts({}).latency("storage.store") is None


def test_steps_come_in_the_order_of_a_request_and_others_after_them() -> None:
    counts = Counts(
        {"step#intake.track#stalled": 1, "latency#storage.store#count": 1, "latency#moderation.prompt#count": 1}
    )
    assert counts.steps() == ["moderation.prompt", "storage.store", "intake.track"]


def test_the_tables_fit_a_hundred_columns_even_with_large_numbers() -> None:
    day: Amounts = {f"status#{status}": 1_234_567 for status in STATUSES}
    day |= {
        "images#stored": 4_938_268,
        "cost_usd": Decimal("98765.36"),
        "model#" + "m" * 48 + "#images": 4_938_268,
        "latency#generation.generate#count": 1_234_567,
        "latency#generation.generate#sum_ms": 9_876_543_210,
        "latency#generation.generate#le_10000": 1_234_567,
        "step#generation.generate#stalled": 12,
    }
    text = shown(*report_tables({"2026-11-22": day, "2026-11-23": day}))
    assert max(map(len, text.splitlines())) <= 100
    assert "…" not in text
    for expected in ("2026-11-23", "197530.72", "2469134", "8.00 s", "m" * 48):
        assert expected in text


def test_a_long_list_of_differences_is_cut() -> None:
    differences = [Difference("2026-11-22", f"style#{n}", Decimal(1), Decimal(2)) for n in range(500)]
    text = shown(difference_table(differences))
    assert "style#0" in text
    assert len(text.splitlines()) <= 50


def shown(*tables: Table) -> str:
    console = Console(width=100)
    with console.capture() as captured:
        console.print(*tables)
    return captured.get()
