"""A metric or a log line never raises into the code that emits it, and no ratio divides by zero."""

from decimal import Decimal
from typing import Any

import pytest
from aws_lambda_powertools.metrics import EphemeralMetrics
from hypothesis import given
from hypothesis import strategies as st

from kit.metrics import METRICS
from kit.telemetry import logger, measure, percent

ANYTHING: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.decimals(), st.binary(), st.builds(object)
)
NAMES: st.SearchStrategy[Any] = st.one_of(st.sampled_from([metric.name for metric in METRICS]), st.text(), st.none())


@pytest.mark.filterwarnings("ignore")
@given(
    message=st.text(),
    metrics=st.dictionaries(NAMES, ANYTHING, max_size=5),
    dimensions=st.dictionaries(st.text(), ANYTHING, max_size=40),
    fields=st.dictionaries(st.text().map(lambda name: f"field_{name}"), ANYTHING, max_size=5),
)
def test_a_metric_never_raises(message: str, metrics: Any, dimensions: Any, fields: Any) -> None:
    measure(message, metrics, dimensions, **fields)


def test_a_lost_metric_is_logged(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(_self: EphemeralMetrics) -> None:
        raise OSError("broken pipe")

    monkeypatch.setattr(EphemeralMetrics, "flush_metrics", fail)
    logged: list[dict[str, Any]] = []
    monkeypatch.setattr(logger, "error", lambda text, **fields: logged.append({"text": text, **fields}))
    measure("budget", {"budget_used_percent": 12.5})
    assert logged == [{"text": "metric lost", "metric": "budget", "error": "OSError"}]


@given(value=ANYTHING)
def test_a_log_line_never_raises(value: Any) -> None:
    logger.info("line", value=value)


@given(
    part=st.decimals(0, 10**6, allow_nan=False, places=4),
    whole=st.decimals(0, 10**6, allow_nan=False, places=4),
)
def test_a_percentage_of_nothing_is_all_of_it(part: Decimal, whole: Decimal) -> None:
    share = percent(part, whole)
    assert share == (float(100 * part / whole) if whole else 100)
