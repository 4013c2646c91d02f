"""Stop the stack that `make run` started."""

import os
import signal
import sys
import time

from local import state

SECONDS_TO_END = 15


def main() -> None:
    """Send SIGTERM to the runner and wait for its end."""
    running = state.load()
    if running is None:
        print("No local stack is running.")
        return
    os.kill(running.pid, signal.SIGTERM)
    deadline = time.monotonic() + SECONDS_TO_END
    while _alive(running.pid):
        if time.monotonic() > deadline:
            sys.exit(f"The runner (process {running.pid}) did not end within {SECONDS_TO_END} s.")
        time.sleep(0.05)
    print("Stopped.")


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    main()
