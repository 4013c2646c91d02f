"""Print the logs of the functions of the running local stack, oldest first; `--follow` continues.

Lines are printed unchanged. Metrics and the START, END and REPORT lines of Lambda are omitted.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from local import state
from local.deploy import client

LEFT_OUT = ("START RequestId", "END RequestId", "REPORT RequestId", '{"_aws":')
POLL_SECONDS = 0.5

Line = tuple[int, str, str]
"""Milliseconds since 1970, function, message. The emulator's log events have no id, so these three identify one."""


def main() -> None:
    """Read the command line and print the logs."""
    parser = argparse.ArgumentParser(prog="python -m local.logs", description=__doc__)
    parser.add_argument("--follow", action="store_true")
    parser.add_argument("--function", default="", help="only functions whose name contains this")
    arguments = parser.parse_args()
    running = state.load()
    if running is None:
        sys.exit("No local stack is running. Start one with `make run`.")
    logs = client("logs", running.endpoint_url)
    seen: set[Line] = set()
    try:
        while True:
            for at, function, message in sorted(_new_lines(logs, running.prefix, arguments.function, seen)):
                print(f"{datetime.fromtimestamp(at / 1000):%H:%M:%S.%f} {function:24} {message}", flush=True)
            if not arguments.follow:
                return
            time.sleep(POLL_SECONDS)
    except (KeyboardInterrupt, BrokenPipeError):
        return


def _new_lines(logs: Any, prefix: str, function: str, seen: set[Line]) -> Iterator[Line]:
    for group in logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{prefix}")["logGroups"]:
        name = group["logGroupName"].removeprefix(f"/aws/lambda/{prefix}-")
        if function not in name:
            continue
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"]):
            for event in page["events"]:
                line = (event["timestamp"], name, event["message"].rstrip())
                if line not in seen and not line[2].startswith(LEFT_OUT):
                    seen.add(line)
                    yield line


if __name__ == "__main__":
    main()
