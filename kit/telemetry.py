"""The logger and the metrics of all services: JSON lines on standard output.

The service's name comes from ``POWERTOOLS_SERVICE_NAME``, which every function's template sets.
Prompts are personal data: no code in this project logs one.
"""

import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from decimal import Decimal
from typing import Any, Final

from aws_lambda_powertools.logging import Logger

from kit.metrics import CATALOG, MetricName

__all__ = ["begin_call", "current_call_id", "logger", "measure", "one_line", "percent"]

logger: Final = Logger()

_call: dict[str, str] = {}
"""``call_id`` of the API call that this function handles. A function handles one call at a time."""


def begin_call(event: Mapping[str, Any]) -> str:
    """Add the id of an API call to every log line until the next call, and return it.

    ``event`` is API Gateway's, for a route, an authorizer or a WebSocket: the id is the one in the access log.
    """
    _call["call_id"] = str(event.get("requestContext", {}).get("requestId", ""))
    logger.append_keys(**_call)
    return _call["call_id"]


def current_call_id() -> str:
    """Return the id of the API call that this function handles. Empty outside of a call."""
    return _call.get("call_id", "")


def _namespace() -> str:
    """Return the installation's prefix, with which every function name starts. A worker has no such name."""
    if given := os.environ.get("METRICS_NAMESPACE"):
        return given
    function, service = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", ""), os.environ.get("POWERTOOLS_SERVICE_NAME", "")
    return function.partition(f"-{service}-")[0] or "genai-images"


NAMESPACE: Final = _namespace()


class _Line:
    """A log entry and its metrics."""

    def __init__(
        self,
        message: str,
        metrics: Mapping[MetricName, float],
        dimensions: Mapping[str, str],
        fields: Mapping[str, Any],
    ) -> None:
        """Raise if a metric is unknown or not a number."""
        self.message = message
        self.values: dict[str, Any] = {**dimensions, **fields}
        """Without ``message``."""
        self.metrics: dict[str, float] = {name: _rounded(number) for name, number in metrics.items()}
        self.definitions = {
            tuple(dimensions): [{"Name": name, "Unit": CATALOG[name].unit} for name in metrics],
        }
        """Dimensions → the metrics that have them."""

    def add(self, other: "_Line") -> bool:
        """Add the values and metrics of another line, unless a name would have two values. Return whether it did."""
        ours: dict[str, Any] = {**self.values, **self.metrics}
        theirs: dict[str, Any] = {**other.values, **other.metrics}
        shared = ours.keys() & theirs.keys()
        if self.metrics.keys() & other.metrics.keys() or any(ours[name] != theirs[name] for name in shared):
            return False
        self.values |= other.values
        self.metrics |= other.metrics
        for dimensions, metrics in other.definitions.items():
            self.definitions.setdefault(dimensions, []).extend(metrics)
        return True

    def document(self) -> dict[str, Any]:
        """Return the line in Embedded Metric Format.

        https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
        """
        directives = [
            {"Namespace": NAMESPACE, "Dimensions": [dimensions], "Metrics": metrics}
            for dimensions, metrics in self.definitions.items()
            if metrics
        ]
        about = {"level": "INFO", "message": self.message, **_call, **self.values}
        return {
            "_aws": {"Timestamp": time.time_ns() // 1_000_000, "CloudWatchMetrics": directives},
            **{name: value for name, value in about.items() if value is not None},
            **self.metrics,
        }


_collected: Final[ContextVar[list[_Line] | None]] = ContextVar("collected", default=None)
"""The lines that ``one_line`` collects now; None outside of it. A worker handles several batches at a time."""


@contextmanager
def one_line() -> Iterator[None]:
    """Collect what is measured inside, and write it as one line at the end. Other threads need a ``ContextPool``.

    The line has the message of the last measurement. A measurement that would give a name a second value gets a line of
    its own. What is logged is written at once. If the function is killed inside, its metrics are lost.
    """
    lines: list[_Line] = []
    before = _collected.set(lines)
    try:
        yield
    finally:
        _collected.reset(before)
        for line in _merged(lines):
            _write(line)


def _merged(lines: Sequence[_Line]) -> list[_Line]:
    merged: list[_Line] = []
    for line in reversed(lines):
        if not any(found.add(line) for found in merged):
            merged.append(line)
    return merged


def measure(
    message: str, metrics: Mapping[MetricName, float], dimensions: Mapping[str, str] | None = None, **fields: Any
) -> None:
    """Emit one line that is a log entry and, in Embedded Metric Format, its metrics. Thread-safe. Never raises.

    Fields without a value are left out. Inside of ``one_line``, the line is shared with other measurements.
    """
    try:
        line = _Line(message, metrics, dimensions or {}, fields)
    except Exception as error:  # a metric never decides about a request
        logger.error("metric lost", metric=message, error=type(error).__name__)
        return
    lines = _collected.get()
    if lines is None:
        _write(line)
    else:
        lines.append(line)


def percent(part: Decimal, whole: Decimal) -> float:
    """Return ``part`` as a percentage of ``whole``; 100 if ``whole`` is 0: nothing of it is left."""
    return float(100 * part / whole) if whole else 100.0


def _rounded(number: float) -> float:
    """Return a metric's value with the digits that matter. Raise if it is not a number."""
    rounded = round(float(number), 6)
    return int(rounded) if rounded.is_integer() else rounded


def _write(line: _Line) -> None:
    try:
        text = json.dumps(line.document(), separators=(",", ":"), default=str, allow_nan=False)
        sys.stdout.write(f"{text}\n")  # at once, so that threads do not mix their lines
    except Exception as error:
        logger.error("metric lost", metric=line.message, error=type(error).__name__)
