"""Waits until a request is finished, for the API, which invokes it: `Prefer: wait=N`.

It reads its only setting itself: pydantic would be a quarter of its cold start, during which a caller waits.
"""

import os
import time
from typing import Any

import boto3

from kit import startup
from kit.clock import SystemClock
from services.intake.repository.statuses import StatusTable
from services.intake.waiting import wait_until_terminal

table = StatusTable(boto3.client("dynamodb"), os.environ["TABLE_NAME"])
clock = SystemClock()
startup.finished()


def handler(event: dict[str, Any], _context: Any) -> dict[str, bool]:
    """Take ``{"request_id", "until"}``, ``until`` in seconds since the epoch. Return ``{"terminal"}``."""
    request_id: str = event["request_id"]
    return {"terminal": wait_until_terminal(lambda: table.read(request_id), event["until"] - time.time(), clock)}
