"""What is kept of an owner and erased by no service: nobody can edit it, or it identifies nobody."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from events.erasure import StoreReceipt

BACKUP_DAYS: Final = 35
"""Days for which DynamoDB keeps the history of a table for point-in-time recovery, unless a table sets fewer."""
PSEUDONYM: Final = "the id of the owner, which belongs to no name any more"


def remains(now: datetime, archive_days: int, log_retention_days: int) -> Sequence[StoreReceipt]:
    """Return the entries of the stores that no service answers for."""
    found = [
        StoreReceipt(
            store="platform/backups",
            remains=f"{PSEUDONYM}, and texts that nobody can read since the key of the owner was destroyed",
            reason="The history of a table for point-in-time recovery cannot be edited.",
            until=now + timedelta(days=BACKUP_DAYS),
        ),
        StoreReceipt(
            store="platform/logs",
            remains=f"{PSEUDONYM}, ids, and client addresses in the access log; no texts",
            reason="Entries of a log cannot be edited. They are needed to find failures and misuse.",
            until=now + timedelta(days=log_retention_days),
        ),
    ]
    found += [
        StoreReceipt(
            store="analytics/archive",
            remains="events with the ids of requests, without the owner and without texts",
            reason="They identify nobody once the requests are erased. The counters are computed from them.",
        ),
        StoreReceipt(
            store="analytics/analytics",
            remains="daily totals of all owners together, and ids of events",
            reason="They identify nobody.",
        ),
    ]
    if archive_days:
        found.append(
            StoreReceipt(
                store="platform/event-archive",
                remains=f"{PSEUDONYM}, and texts that nobody can read since the key of the owner was destroyed",
                reason="The archive of the event bus cannot be edited. It repairs losses of data.",
                until=now + timedelta(days=archive_days),
            )
        )
    return found
