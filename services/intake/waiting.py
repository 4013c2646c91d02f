"""Long polling: wait until a request is finished. For `Prefer: wait=N` (RFC 7240) and for the facades.

The function `wait` imports little else, so that its cold start is short.
"""

import re
from collections.abc import Callable
from typing import Final

from events.pipeline import TERMINAL
from kit.clock import Clock

MAX_SECONDS: Final = 25
"""The gateway's limit is 30; cold starts and the response itself need the rest."""
FIRST_INTERVAL: Final = 0.25
LAST_INTERVAL: Final = 1.0
GROWTH: Final = 1.5

_PREFERENCE = re.compile(r'(?:"(?:\\.|[^"\\])*"|[^,])+')
_SECONDS = re.compile(r'"?0*(\d{1,9})"?', re.ASCII)


def preferred_wait(prefer: str | None, *, default: int = 0) -> int:
    """Return the seconds that a ``Prefer`` header asks to wait: at most ``MAX_SECONDS``, 0 for not at all.

    As in RFC 7240, the first ``wait`` counts and a malformed one is ignored. ``default`` is the meaning of a ``wait``
    without a number.
    """
    for preference in _PREFERENCE.findall(prefer or ""):
        name, given, value = (part.strip() for part in preference.partition(";")[0].partition("="))
        if name.lower() != "wait":
            continue
        if not given:
            return default
        seconds = _SECONDS.fullmatch(value)
        return min(int(seconds[1]), MAX_SECONDS) if seconds else 0
    return 0


def wait_until_terminal(read_status: Callable[[], str], seconds: float, clock: Clock) -> bool:
    """Wait until the status of a request is terminal, for at most ``seconds``. Return whether it is.

    The status is read after a quarter of a second first, then less and less often, at last once per second.
    """
    deadline = clock.monotonic() + seconds
    interval = FIRST_INTERVAL
    while read_status() not in TERMINAL:
        left = deadline - clock.monotonic()
        if left <= 0:
            return False
        clock.sleep(min(interval, left))
        interval = min(interval * GROWTH, LAST_INTERVAL)
    return True
