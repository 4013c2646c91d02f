"""One Embedded Metric Format line a model call: how often, how long, by model and by what came of it."""

from threading import Lock
from typing import Final

from aws_lambda_powertools.metrics import EphemeralMetrics

from events.telemetry import MetricUnit, metrics

_lock: Final = Lock()
# Its own instance: these have other dimensions than what the consumer tells of its batch.
_calls: Final = EphemeralMetrics(namespace=metrics.namespace)


def model_called(request_id: str, index: int, model: str, outcome: str, seconds: float) -> None:
    """Tell of one call. ``outcome`` is ``generated`` or a reason of `model_errors`. Safe from any thread."""
    with _lock:
        _calls.add_dimension("model", model)
        _calls.add_dimension("outcome", outcome)
        _calls.add_metric(name="images", unit=MetricUnit.Count, value=1)
        _calls.add_metric(name="model_seconds", unit=MetricUnit.Seconds, value=seconds)
        _calls.add_metadata("request_id", request_id)
        _calls.add_metadata("index", index)
        _calls.flush_metrics()
