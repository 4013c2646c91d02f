"""What is kept of an owner and erased by no service: nobody can edit it, it expires soon, or it identifies nobody.

The names are those of docs/privacy.md. A test compares them with the templates.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from events.erasure import StoreReceipt

LOGS: Final = (
    *("accounts/logs", "analytics/logs", "generation/logs", "intake/logs", "moderation/logs", "notifications/logs"),
    *("operations/logs", "privacy/logs", "storage/logs"),
)
ACCESS_LOGS: Final = ("platform/http-access-logs", "notifications/socket-access-logs")
BACKUPS: Final = (
    *("accounts/accounts-backup", "analytics/counters-backup", "generation/ledger-backup", "intake/requests-backup"),
    *("moderation/verdicts-backup", "notifications/notifications-backup", "operations/operations-backup"),
    *("privacy/erasures-backup", "storage/gallery-backup"),
)
STREAMS: Final = ("intake/requests-stream", "storage/gallery-stream")
QUEUES: Final = (
    *("accounts/erase", "analytics/record", "generation/erase", "generation/generate", "generation/tombstones"),
    *("intake/erase", "intake/republish", "intake/track", "moderation/erase", "moderation/image", "moderation/prompt"),
    *("notifications/erase", "notifications/push", "notifications/webhook", "operations/erase", "privacy/build"),
    *("privacy/collect", "storage/erase", "storage/remove", "storage/store", "storage/tombstones"),
)
QUEUE_RETENTION: Final = timedelta(days=14)
STREAM_RETENTION: Final = timedelta(days=1)
PSEUDONYM: Final = "the id of the owner, which belongs to no name any more"
UNREADABLE: Final = f"{PSEUDONYM}, and texts that nobody can read since the key of the owner was destroyed"


@dataclass(frozen=True)
class Retentions:
    """How long the platform keeps data: parameters of the root template."""

    logs: timedelta
    backups: timedelta
    event_archive: timedelta
    """0 if the event bus has no archive."""
    ledgers: timedelta
    lake: timedelta
    """0 for ever."""
    receipts: timedelta


def remains(now: datetime, retentions: Retentions) -> Sequence[StoreReceipt]:
    """Return the entries of the stores that no service answers for."""

    def entries(stores: Iterable[str], remains: str, reason: str, kept: timedelta) -> list[StoreReceipt]:
        until = now + kept if kept else None
        return [StoreReceipt(store=store, remains=remains, reason=reason, until=until) for store in stores]

    archive = ("platform/event-archive",) if retentions.event_archive else ()
    return [
        *entries(archive, UNREADABLE, "Single events of the archive cannot be deleted.", retentions.event_archive),
        *entries(BACKUPS, UNREADABLE, "The history of a table cannot be edited.", retentions.backups),
        *entries(STREAMS, UNREADABLE, "The changes of a table cannot be edited.", STREAM_RETENTION),
        *entries(QUEUES, UNREADABLE, "Messages on their way are processed without effect.", QUEUE_RETENTION),
        *entries(LOGS, f"{PSEUDONYM}, and ids; no texts", "Entries of a log cannot be edited.", retentions.logs),
        *entries(
            ACCESS_LOGS,
            f"{PSEUDONYM}, ids, and addresses and user agents of clients",
            "Entries of a log cannot be edited. They are needed to find misuse.",
            retentions.logs,
        ),
        *entries(
            ("analytics/counters",),
            "ids of counted events and requests; totals name nobody",
            "No event may be counted twice. The ids identify nobody once the requests are erased.",
            retentions.ledgers,
        ),
        *entries(
            ("analytics/archive",),
            f"events with {UNREADABLE}; no id if the owner opted out of analytics; "
            "copies of images, if backups are made, until the next one",
            "Files hold events of many owners, from which the counters are computed.",
            retentions.lake,
        ),
        *entries(
            ("privacy/erasures",),
            f"this receipt, with {PSEUDONYM}",
            "It proves the erasure.",
            retentions.receipts,
        ),
    ]
