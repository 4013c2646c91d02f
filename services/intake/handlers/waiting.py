"""Waits for a request to end on behalf of the API, which invokes it: `Prefer: wait=N`.

It reads its one setting itself: a model of settings would make up a quarter of its cold start, in which somebody waits.
"""

import os
import time
from typing import Any

import boto3

from kit import startup
from services.intake.statuses import StatusTable
from services.intake.waiting import wait_for_end

table = StatusTable(boto3.client("dynamodb"), os.environ["TABLE_NAME"])
startup.finished()


def handler(event: dict[str, Any], _context: Any) -> dict[str, bool]:
    """Take ``{"request_id", "until"}``, until in seconds since the epoch; return ``{"ended"}``."""
    request_id: str = event["request_id"]
    return {"ended": wait_for_end(lambda: table.status(request_id), event["until"] - time.time())}
