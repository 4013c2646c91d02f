"""A metric or a log line never raises into the code that emits it, and no ratio divides by zero."""

import json
import sys
import threading
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.consumer import ContextPool
from kit.metrics import METRICS
from kit.telemetry import logger, measure, one_line, percent

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


def test_a_lost_metric_is_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed:
        def write(self, _text: str) -> None:
            raise OSError("broken pipe")

    monkeypatch.setattr(sys, "stdout", Closed())
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


def written(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Return the lines that were written."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_measurements_of_one_invocation_share_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with one_line():
        measure("budget", {"budget_used_percent": 12.5}, limit_usd="1")
        measure("model called", {"images": 1, "model_seconds": 0.25}, {"model": "m", "outcome": "generated"}, index=0)
        measure("batch", {"messages_handled": 1}, {"step": "generation.generate"}, reason=None)

    (line,) = written(capsys)
    line.pop("call_id", None)  # of another test
    directives = {tuple(each["Dimensions"][0]): each["Metrics"] for each in line.pop("_aws")["CloudWatchMetrics"]}
    assert {names: [metric["Name"] for metric in metrics] for names, metrics in directives.items()} == {
        (): ["budget_used_percent"],
        ("model", "outcome"): ["images", "model_seconds"],
        ("step",): ["messages_handled"],
    }
    assert line == {
        "level": "INFO",
        "message": "batch",
        "step": "generation.generate",
        "model": "m",
        "outcome": "generated",
        "limit_usd": "1",
        "index": 0,
        "budget_used_percent": 12.5,
        "images": 1,
        "model_seconds": 0.25,
        "messages_handled": 1,
    }


def test_batches_at_the_same_time_have_lines_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    both = threading.Barrier(2)

    def batch(name: str, pool: ContextPool) -> None:
        with one_line():
            both.wait(10)
            pool.submit(measure, "model called", {"images": 1}, {"model": name, "outcome": "generated"}).result(10)
            both.wait(10)
            measure("batch", {"messages_handled": 1}, {"step": name})

    with ContextPool(2) as pool:
        threads = [threading.Thread(target=batch, args=(name, pool)) for name in ("one", "two")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)

    lines = written(capsys)
    assert sorted((line["message"], line["step"], line["model"]) for line in lines) == [
        ("batch", "one", "one"),
        ("batch", "two", "two"),
    ]


def test_a_measurement_with_another_value_gets_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    with one_line():
        for index in range(3):
            measure("model called", {"model_seconds": 0.25}, {"model": "m", "outcome": "generated"}, index=index)
        measure("batch", {"messages_handled": 1}, {"step": "generation.generate"})

    lines = written(capsys)
    assert [line["message"] for line in lines] == ["batch", "model called", "model called"]
    assert sorted(line["index"] for line in lines) == [0, 1, 2]
    assert all(line["model_seconds"] == 0.25 for line in lines)


def test_measurements_are_written_if_the_invocation_fails(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        with one_line():
            measure("budget", {"budget_used_percent": 12.5})
            raise KeyError("queue")

    with pytest.raises(KeyError):
        fail()
    measure("budget", {"budget_used_percent": 13})

    assert [line["budget_used_percent"] for line in written(capsys)] == [12.5, 13]


def test_a_line_that_cannot_be_written_is_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[dict[str, Any]] = []
    monkeypatch.setattr(logger, "error", lambda text, **fields: logged.append({"text": text, **fields}))
    with one_line():
        measure("budget", {"budget_used_percent": 12.5}, spent_usd=float("nan"))
    assert logged == [{"text": "metric lost", "metric": "budget", "error": "ValueError"}]
