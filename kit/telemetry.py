"""Logs and metrics, set up once: JSON lines on standard output.

The service's name comes from ``POWERTOOLS_SERVICE_NAME``, which every function's template sets.
Prompts are personal data: nothing in this project logs one.
"""

import os
from collections.abc import Mapping
from typing import Any, Final, Literal

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics

__all__ = ["logger", "measure"]

logger: Final = Logger()

Unit = Literal["Count", "Seconds", "None"]
"""As CloudWatch names them; ``None`` is for money."""


def _namespace() -> str:
    """Return the installation's prefix, so that two in one account are told apart: functions are called after it."""
    function, service = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", ""), os.environ.get("POWERTOOLS_SERVICE_NAME", "")
    return function.partition(f"-{service}-")[0] or "genai-images"


NAMESPACE: Final = _namespace()


def measure(
    message: str,
    metrics: Mapping[str, tuple[float, Unit]],
    dimensions: Mapping[str, str],
    **facts: Any,
) -> None:
    """Write one line that is a log entry and, in Embedded Metric Format, its metrics: name → (value, unit).

    The service is a dimension besides ``dimensions``; every name is in `docs/metrics.md`. One line instead of a
    logger's and a metrics object's: what a message alone costs us is mostly what is told of it. Safe from any thread.
    """
    line = EphemeralMetrics(namespace=NAMESPACE)
    for name, value in dimensions.items():
        line.add_dimension(name, value)
    for name, (number, unit) in metrics.items():
        line.add_metric(name=name, unit=unit, value=number)
    for name, fact in {"level": "INFO", "message": message, **facts}.items():
        line.add_metadata(name, fact)
    line.flush_metrics()
