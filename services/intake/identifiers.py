"""Request ids: UUID version 7 (RFC 9562), so that an owner's requests sort by time."""

import secrets
import time
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

LEAST_RETENTION: Final = timedelta(days=150)
"""The minimum of the parameter ``RequestRetentionDays``: every younger request is in the table."""


def uuid7() -> str:
    """Return a new id. The standard library has ``uuid.uuid7`` from Python 3.14 on."""
    milliseconds = time.time_ns() // 1_000_000
    value = milliseconds << 80 | 7 << 76 | secrets.randbits(12) << 64 | 0b10 << 62 | secrets.randbits(62)
    return str(UUID(int=value))


def may_have_expired(request_id: str, now: datetime) -> bool:
    """Return whether a request is so old that the table may not contain it any more. Its id has the time."""
    return UUID(request_id).int >> 80 <= (now - LEAST_RETENTION).timestamp() * 1000
