"""Refuses requests while nothing is accepted here or too many wait, and those that the daily budget does not cover."""

import math
import random
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from events.model_catalog import ModelCatalog
from events.parameters import ModelPlan
from kit.callers import PRIORITIES, Caller, Priority
from kit.problems import ApiProblem
from kit.telemetry import measure
from services.intake.signals import BudgetSignal, ShedSignal, Signals

STOPPED_RETRY_SECONDS: Final = 300
"""``Retry-After`` while an operator has stopped generation. Nobody knows for how long."""

CLOSED_RETRY_SECONDS: Final = 60
"""``Retry-After`` while an operator has stopped writes (ADR 36), or in a passive region (ADR 40)."""

SHED_RETRY_SECONDS: Final = (30, 60)
"""The bounds of ``Retry-After`` while too many requests wait: spread, so that callers do not all return at once, and at
most as long as our client libraries wait."""


def refuse_while_closed(signals: Signals) -> None:
    """Raise ``ApiProblem`` if another region is the active one, or if writes are stopped.

    The operator's reason is for operators, not for callers.
    """
    headers = {"Retry-After": str(CLOSED_RETRY_SECONDS)}
    if signals.active_elsewhere is not None:
        detail = f"This region accepts no new requests. The active region is {signals.active_elsewhere}."
        raise ApiProblem("unavailable", detail, headers=headers)
    if signals.stopped is not None:
        detail = "New requests are not accepted for the moment. Requests that were accepted before are not lost."
        raise ApiProblem("writes_stopped", detail, headers=headers)


def refuse_while_shedding(signals: Signals, caller: Caller, count: int, now: datetime) -> None:
    """Raise ``ApiProblem`` if too many requests wait for one more of this caller's priority (ADR 44)."""
    if signals.shed is None or not is_shed(signals.shed, caller.priority, now):
        return
    measure(
        "request shed",
        {"requests_shed": count},
        {},
        key_id=caller.key_id,
        priority=caller.priority,
        step=signals.shed.step,
    )
    detail = (
        f"Too many requests wait. New ones of API keys of {caller.priority} priority are not accepted for the moment."
    )
    seconds = random.randint(*SHED_RETRY_SECONDS)  # noqa: S311 - jitter, not a secret
    raise ApiProblem("overloaded", detail, headers={"Retry-After": str(seconds)})


def is_shed(signal: ShedSignal, priority: Priority, now: datetime) -> bool:
    """Return whether a new request of a key with this priority is refused ``now``."""
    return now < signal.until and PRIORITIES.index(priority) <= PRIORITIES.index(signal.up_to)


def refuse_over_budget(
    plans: Sequence[ModelPlan], budget: BudgetSignal | None, catalog: Callable[[], ModelCatalog], now: datetime
) -> None:
    """Raise ``ApiProblem`` if the rest of the daily budget covers none of the models that may serve a request."""
    if budget is None or any(budget.covers(plan.price_usd, now) for plan in plans):
        return
    if budget.until is None:
        detail, seconds = "Image generation is stopped by the operator. Try again later.", STOPPED_RETRY_SECONDS
    else:
        detail = "Daily budget exhausted. New requests are accepted again at 00:00 UTC."
        served = [model for model in catalog() if not model.ended(now.date())]
        if any(budget.covers(price, now) for model in served for price in model.price_usd.values()):
            detail = (
                f"The rest of the daily budget covers only models up to ${budget.left_usd} per image. "
                "Request such a model, or try again after 00:00 UTC."
            )
        seconds = math.ceil((budget.until - now).total_seconds())
    raise ApiProblem("budget_exhausted", detail, headers={"Retry-After": str(seconds)})
