"""The end of a function's initialisation."""

import gc
import json
import sys
import time


def finished() -> None:
    """Turn garbage collection on, and log the start. Existing objects are excluded from all collections.

    Consumers and HTTP resolvers call it when they are created. Other handlers' modules call it after creating clients.
    The line replaces Lambda's own report, which has the duration of a cold start but is written for every invocation.
    It is written without a logger, because not every function has one.
    """
    gc.freeze()
    gc.enable()
    line = {"level": "INFO", "message": "function started", "init_seconds": round(time.process_time(), 3)}
    sys.stdout.write(f"{json.dumps(line)}\n")
