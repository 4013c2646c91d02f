"""Long polling: wait until a request is finished. For `Prefer: wait=N` (RFC 7240) and for the facades.

An owner may wait with `MAX_WAITS` calls at the same time, so that one owner's calls do not take all the concurrency of
the functions (ADR 13).

The function `wait` imports little else, so that its cold start is short.
"""

import re
from collections.abc import Callable
from typing import Final

from events.pipeline import TERMINAL, Status
from kit.clock import Clock

MAX_SECONDS: Final = 25
"""The gateway's limit is 30; cold starts and the response itself need the rest."""
MAX_WAITS: Final = 10
"""Calls of one owner that may wait at the same time."""
FIRST_INTERVAL: Final = 0.25
LAST_INTERVAL: Final = 1.0
GROWTH: Final = 1.5

MAX_PREFER: Final = 1000
"""Characters of a ``Prefer`` header. A longer one is ignored."""

# The alternatives start with different characters, and an open quote reaches to the end: no backtracking, linear time.
PREFERENCE = re.compile(r'(?:"(?:\\.?|[^"\\])*(?:"|\Z)|[^",])+', re.DOTALL)
_SECONDS = re.compile(r'"?0*(\d{1,9})"?', re.ASCII)


def preferred_wait(prefer: str | None, *, default: int = 0) -> int:
    """Return the seconds that a ``Prefer`` header asks to wait: at most ``MAX_SECONDS``, 0 for not at all.

    As in RFC 7240, the first ``wait`` counts and a malformed one is ignored. ``default`` is the meaning of a ``wait``
    without a number.
    """
    if prefer is None or len(prefer) > MAX_PREFER:
        return 0
    for preference in PREFERENCE.findall(prefer):
        name, given, value = (part.strip() for part in preference.partition(";")[0].partition("="))
        if name.lower() != "wait":
            continue
        if not given:
            return default
        seconds = _SECONDS.fullmatch(value)
        return min(int(seconds[1]), MAX_SECONDS) if seconds else 0
    return 0


def wait_for_result(read_status: Callable[[], str], seconds: float, clock: Clock) -> str:
    """Wait until a request is finished or stalled, for at most ``seconds``. Return its last status.

    A stalled request waits for an operator, which takes longer than any caller waits. The status is read after a
    quarter of a second first, then less and less often, at last once per second.
    """
    deadline = clock.monotonic() + seconds
    interval = FIRST_INTERVAL
    while True:
        status = read_status()
        left = deadline - clock.monotonic()
        if status in TERMINAL or status == Status.STALLED or left <= 0:
            return status
        clock.sleep(min(interval, left))
        interval = min(interval * GROWTH, LAST_INTERVAL)
