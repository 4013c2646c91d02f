"""Segments of X-Ray: a worker has no daemon beside it, so it sends them itself."""

import os
import socket
from threading import Thread
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from kit.telemetry import logger
from kit.tracing import PREAMBLE

MAX_SEGMENT_BYTES: Final = 64 * 1024
"""https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html"""


def relay_segments(client: Any) -> None:
    """Take the datagrams that `kit.tracing` sends to the daemon, and send each to X-Ray."""
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind(("127.0.0.1", 0))
    os.environ["AWS_XRAY_DAEMON_ADDRESS"] = "{}:{}".format(*receiver.getsockname())
    Thread(target=_relay, args=(receiver, client), daemon=True, name="segments").start()


def _relay(receiver: socket.socket, client: Any) -> None:
    while True:
        segment = receiver.recv(MAX_SEGMENT_BYTES).removeprefix(PREAMBLE).decode()
        try:
            client.put_trace_segments(TraceSegmentDocuments=[segment])
        except (ClientError, BotoCoreError) as error:  # a lost segment is no reason to fail
            logger.warning("segment not sent", error=type(error).__name__)
