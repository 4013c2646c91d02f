"""One line a model call, log entry and metrics at once: how often, how long, by model and by what came of it."""

from decimal import Decimal

from kit.telemetry import measure


def model_called(request_id: str, index: int, model: str, outcome: str, seconds: float) -> None:
    """Tell of one call. ``outcome`` is ``generated`` or a reason of `model_errors`. Safe from any thread."""
    measure(
        "model called",
        {"images": (1, "Count"), "model_seconds": (seconds, "Seconds")},
        {"model": model, "outcome": outcome},
        request_id=request_id,
        index=index,
    )


def budget_used(spent_usd: Decimal, limit_usd: Decimal) -> None:
    """Tell how much of the day's budget is set aside. Percent; 100 also where a image no longer fits in."""
    percent = float(100 * spent_usd / limit_usd)
    measure("budget", {"budget_used_percent": (percent, "Count")}, {}, spent_usd=str(spent_usd))
