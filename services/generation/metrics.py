"""Metrics of generation. Each is one line that is log entry and metric at once."""

from decimal import Decimal

from kit.telemetry import measure, percent


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
    """Record the share of the daily budget that is reserved, in percent. A limit of 0 is fully used."""
    share = percent(reserved_usd, limit_usd)
    measure("budget", {"budget_used_percent": share}, {}, spent_usd=str(reserved_usd), limit_usd=str(limit_usd))
