"""One line a model call, log entry and metrics at once: how often, how long, by model and by what came of it."""

from events.telemetry import measure


def model_called(request_id: str, index: int, model: str, outcome: str, seconds: float) -> None:
    """Tell of one call. ``outcome`` is ``generated`` or a reason of `model_errors`. Safe from any thread."""
    measure(
        "model called",
        {"images": (1, "Count"), "model_seconds": (seconds, "Seconds")},
        {"model": model, "outcome": outcome},
        request_id=request_id,
        index=index,
    )
