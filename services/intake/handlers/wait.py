"""Waits until a request is finished or stalled, for the API, which invokes it: `Prefer: wait=N`.

It reads its only setting itself: pydantic would be a quarter of its cold start, during which a caller waits.
"""

import os
import time
from typing import Any

import boto3

from kit import startup
from kit.clock import SystemClock
from services.intake.repository.statuses import StatusTable
from services.intake.waiting import wait_for_result

table = StatusTable(boto3.client("dynamodb"), os.environ["TABLE_NAME"])
clock = SystemClock()
startup.finished()


def handler(event: dict[str, Any], _context: Any) -> dict[str, str]:
    """Take ``{"request_id", "until"}``, ``until`` in seconds since the epoch. Return the last ``{"status"}``."""
    request_id: str = event["request_id"]
    return {"status": wait_for_result(lambda: table.read(request_id), event["until"] - time.time(), clock)}
