"""The logger and the metrics of all services: JSON lines on standard output.

The service's name comes from ``POWERTOOLS_SERVICE_NAME``, which every function's template sets.
Prompts are personal data: no code in this project logs one.
"""

import os
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics

from kit.metrics import CATALOG, MetricName

__all__ = ["begin_call", "current_call_id", "logger", "measure", "percent"]

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
    """Return the installation's prefix, with which every function name starts."""
    function, service = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", ""), os.environ.get("POWERTOOLS_SERVICE_NAME", "")
    return function.partition(f"-{service}-")[0] or "genai-images"


NAMESPACE: Final = _namespace()


def measure(
    message: str, metrics: Mapping[MetricName, float], dimensions: Mapping[str, str] | None = None, **fields: Any
) -> None:
    """Emit one line that is a log entry and, in Embedded Metric Format, its metrics. Thread-safe. Never raises.

    The service is added as a dimension. One line instead of two: for a batch of one message, telemetry is most of our
    own CPU time.
    """
    try:
        _emit(message, metrics, dimensions or {}, fields)
    except Exception as error:  # a metric never decides about a request
        logger.error("metric lost", metric=message, error=type(error).__name__)


def percent(part: Decimal, whole: Decimal) -> float:
    """Return ``part`` as a percentage of ``whole``; 100 if ``whole`` is 0: nothing of it is left."""
    return float(100 * part / whole) if whole else 100.0


def _emit(
    message: str, metrics: Mapping[MetricName, float], dimensions: Mapping[str, str], fields: Mapping[str, Any]
) -> None:
    line = EphemeralMetrics(namespace=NAMESPACE)
    for name, value in dimensions.items():
        line.add_dimension(name, value)
    for metric, number in metrics.items():
        line.add_metric(name=metric, unit=CATALOG[metric].unit, value=number)
    for name, field in {"level": "INFO", "message": message, **_call, **fields}.items():
        line.add_metadata(name, field)
    line.flush_metrics()
