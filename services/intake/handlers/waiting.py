"""Waits for a request to end on behalf of the API, which invokes it: `Prefer: wait=N`."""

import time
from typing import Any

import boto3

from events import startup
from services.intake.adapters import RequestTable
from services.intake.settings import TableSettings
from services.intake.waiting import wait_for_end

table = RequestTable(boto3.client("dynamodb"), TableSettings.load().table_name)
startup.finished()


def handler(event: dict[str, Any], _context: Any) -> dict[str, bool]:
    """Take ``{"request_id", "until"}``, until in seconds since the epoch; return ``{"ended"}``."""
    request_id: str = event["request_id"]
    return {"ended": wait_for_end(lambda: table.status(request_id), event["until"] - time.time())}
