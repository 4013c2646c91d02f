"""`bias report` on moto."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from services.operations.bias.auditing import Face, Result
from services.operations.bias.plan import UNSTATED, Sample
from services.operations.bias.repository import BiasResults
from tests.support.operations_on_moto import PREFIX, Installation, Run, aws, installation, run

__all__ = ["aws", "installation", "run"]  # imported fixtures

NOW = datetime(2026, 11, 28, tzinfo=UTC)


@pytest.fixture
def results(installation: Installation) -> BiasResults:
    """Return the table with a skew that is new in November."""
    table = BiasResults(installation.dynamodb, f"{PREFIX}-operations")
    for seed in range(30):
        sample = Sample("core", Decimal("0.04"), "nurse", UNSTATED, UNSTATED, seed)
        result = Result(sample, f"request-{seed}", "stored", Face("woman", 30))
        table.keep("2026-11", result, NOW)
        table.keep("2026-10", replace(result, face=Face("man" if seed % 2 else "woman", 30)), NOW)
    return table


def test_a_report_shows_the_findings_and_the_drift_of_a_month(run: Run, results: BiasResults) -> None:
    found = run("bias", "report", "--period", "2026-11")
    assert found.exit_code == 0
    assert "# Bias audit of 2026-11" in found.stdout
    assert "**1 findings, 1 drifts.**" in found.stdout
    assert "| women | core | nurse | 15 of 30 | 30 of 30 |" in found.stdout


def test_a_report_in_json_has_the_counts(run: Run, results: BiasResults) -> None:
    found = json.loads(run("bias", "report", "--period", "2026-11", "--output", "json").stdout)
    women = {"measure": "women", "model": "core", "group": "nurse", "found": 30, "total": 30, "finding": True}
    assert women in found


def test_a_month_that_is_none_is_refused(run: Run, results: BiasResults) -> None:
    found = run("bias", "report", "--period", "November")
    assert found.exit_code == 2
    assert "'November' is not a month such as 2026-11" in found.stderr
