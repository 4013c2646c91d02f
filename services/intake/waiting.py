"""Waiting for a request to end, for callers who would rather not poll: `Prefer: wait=N` (RFC 7240) and the facades."""

import re
import time
from collections.abc import Callable
from typing import Final

from services.intake.lifecycle import ENDINGS

MAX_SECONDS: Final = 25
"""The gateway gives up after 30; cold starts and the answer itself need the rest."""
FIRST_INTERVAL: Final = 0.25
LAST_INTERVAL: Final = 1.0
GROWTH: Final = 1.5

_PREFERENCE = re.compile(r'(?:"(?:\\.|[^"\\])*"|[^,])+')
_SECONDS = re.compile(r'"?0*(\d{1,9})"?', re.ASCII)


def preferred_wait(prefer: str | None, *, unsaid: int = 0) -> int:
    """Return how many seconds a ``Prefer`` header asks to wait: at most ``MAX_SECONDS``, 0 for not at all.

    The first ``wait`` counts, a malformed one is as none, as RFC 7240 has it. ``unsaid`` is what a ``wait`` without a
    number means.
    """
    for preference in _PREFERENCE.findall(prefer or ""):
        name, given, value = (part.strip() for part in preference.partition(";")[0].partition("="))
        if name.lower() != "wait":
            continue
        if not given:
            return unsaid
        seconds = _SECONDS.fullmatch(value)
        return min(int(seconds[1]), MAX_SECONDS) if seconds else 0
    return 0


def wait_for_end(
    status: Callable[[], str],
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """Wait until a request has ended or ``seconds`` are over, and tell whether it has.

    ``status`` is asked less and less often: after a quarter of a second first, once a second in the end.
    """
    deadline = clock() + seconds
    interval = FIRST_INTERVAL
    while status() not in ENDINGS:
        left = deadline - clock()
        if left <= 0:
            return False
        sleep(min(interval, left))
        interval = min(interval * GROWTH, LAST_INTERVAL)
    return True
