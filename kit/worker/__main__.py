"""`python -m kit.worker MODULE.HANDLER`: consume the queue of a handler until SIGTERM.

Exit codes: 0 after SIGTERM, 1 if the worker ended by itself, 2 wrong usage.
"""

import os
import signal
import sys
from importlib import import_module
from io import TextIOWrapper
from queue import SimpleQueue
from threading import Thread

import boto3
from botocore.config import Config

from kit import tracing
from kit.stopping import stopping
from kit.worker.health import serve_health
from kit.worker.segments import relay_segments
from kit.worker.worker import Worker, WorkerSettings


def main() -> None:
    """Start the worker and wait for a signal."""
    if len(sys.argv) != 2:
        sys.exit(2)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # a line is written at once, also if nobody reads along
    settings = WorkerSettings.load()
    asked: SimpleQueue[int] = SimpleQueue()  # the one queue that a signal handler may use
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: asked.put(0))
    if tracing.is_on():
        relay_segments(boto3.client("xray"))
    module, _, name = sys.argv[1].rpartition(".")
    patience = Config(read_timeout=settings.worker_poll + 10, connect_timeout=5, retries={"total_max_attempts": 2})
    client = boto3.client("sqs", config=patience)
    worker = Worker(getattr(import_module(module), name), client, settings, stopping)
    serve_health(settings.health_host, settings.health_port, worker.state)

    def work() -> None:
        try:
            worker.run()
        finally:
            asked.put(1)

    receiver = Thread(target=work, name="receiver")
    receiver.start()
    code = asked.get()
    stopping.set()
    receiver.join()
    sys.stdout.flush()
    os._exit(code)  # without waiting for the model calls of messages that were returned


if __name__ == "__main__":
    main()
