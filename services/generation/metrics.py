"""Metrics of generation. Each is one line that is log entry and metric at once."""

from decimal import Decimal

from kit.telemetry import measure


def record_model_call(request_id: str, index: int, model: str, outcome: str, seconds: float) -> None:
    """Record one model call. ``outcome`` is ``generated`` or a reason from `model_errors`. Thread-safe."""
    measure(
        "model called",
        {"images": 1, "model_seconds": seconds},
        {"model": model, "outcome": outcome},
        request_id=request_id,
        index=index,
    )


def record_budget(reserved_usd: Decimal, limit_usd: Decimal) -> None:
    """Record the share of the daily budget that is reserved, in percent; 100 if an image no longer fits."""
    percent = float(100 * reserved_usd / limit_usd)
    measure("budget", {"budget_used_percent": percent}, {}, spent_usd=str(reserved_usd))
