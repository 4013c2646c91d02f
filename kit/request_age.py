"""The age of a request, from its id: requests have a limited retention, and other data may outlive them."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

LEAST_RETENTION: Final = timedelta(days=150)
"""The minimum of the parameter ``RequestRetentionDays``: intake's table has every request that is younger."""


def may_have_expired(request_id: str, now: datetime) -> bool:
    """Return whether a request is so old that intake's table may not have it any more.

    Its id is a UUID of version 7, which starts with the milliseconds since 1970.
    """
    return UUID(request_id).int >> 80 <= (now - LEAST_RETENTION).timestamp() * 1000
