"""Logs and metrics, set up once: JSON lines and Embedded Metric Format on standard output.

The service's name comes from ``POWERTOOLS_SERVICE_NAME``, which every function's template sets.
Prompts are personal data: nothing in this project logs one.
"""

from typing import Final

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit

__all__ = ["MetricUnit", "logger", "metrics"]

logger: Final = Logger()
metrics: Final = Metrics(namespace="GenAIImages")
