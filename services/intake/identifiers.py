"""Request ids: UUID version 7 (RFC 9562), so that an owner's requests sort by time."""

import secrets
import time
from uuid import UUID


def uuid7() -> str:
    """Return a new id. The standard library has ``uuid.uuid7`` from Python 3.14 on."""
    milliseconds = time.time_ns() // 1_000_000
    value = milliseconds << 80 | 7 << 76 | secrets.randbits(12) << 64 | 0b10 << 62 | secrets.randbits(62)
    return str(UUID(int=value))
