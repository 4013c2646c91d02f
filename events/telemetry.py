"""Logs and metrics, set up once: JSON lines on standard output.

The service's name comes from ``POWERTOOLS_SERVICE_NAME``, which every function's template sets.
Prompts are personal data: nothing in this project logs one.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics

__all__ = ["logger", "measure"]

logger: Final = Logger()


def measure(
    message: str,
    metrics: Mapping[str, tuple[float, Literal["Count", "Seconds"]]],
    dimensions: Mapping[str, str],
    **facts: Any,
) -> None:
    """Write one line that is a log entry and, in Embedded Metric Format, its metrics: name → (value, unit).

    The service is a dimension besides ``dimensions``. One line instead of a logger's and a metrics object's: what a
    message alone costs us is mostly what is told of it. Safe from any thread.
    """
    line = EphemeralMetrics(namespace="GenAIImages")
    for name, value in dimensions.items():
        line.add_dimension(name, value)
    for name, (number, unit) in metrics.items():
        line.add_metric(name=name, unit=unit, value=number)
    for name, fact in {"level": "INFO", "message": message, **facts}.items():
        line.add_metadata(name, fact)
    line.flush_metrics()
