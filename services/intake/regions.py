"""Refuses new requests in a region that is not the active one (ADR 40)."""

from typing import Final

from kit.problems import ApiProblem
from services.intake.signals import Signals

RETRY_SECONDS: Final = 60
"""``Retry-After`` in a passive region: until clients find the active one, or an operator makes this one active."""


def refuse_if_passive(signals: Signals) -> None:
    """Raise ``ApiProblem`` if another region is the active one."""
    if signals.active_elsewhere is not None:
        detail = f"This region accepts no new requests. The active region is {signals.active_elsewhere}."
        raise ApiProblem("unavailable", detail, headers={"Retry-After": str(RETRY_SECONDS)})
