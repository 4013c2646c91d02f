"""The end of a function's initialisation."""

import gc
import json
import sys
import time


def finished() -> None:
    """Turn garbage collection on if `kit` turned it off, and exclude existing objects from it. Log the start.

    Elsewhere than on Lambda, nothing is excluded: a process that starts many functions has to collect their objects.

    Consumers and HTTP resolvers call it when they are created. Other handlers' modules call it after creating clients.
    The line replaces Lambda's own report, which has the duration of a cold start but is written for every invocation.
    It is written without a logger, because not every function has one.
    """
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
    line = {"level": "INFO", "message": "function started", "init_seconds": round(time.process_time(), 3)}
    sys.stdout.write(f"{json.dumps(line)}\n")
