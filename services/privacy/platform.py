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
WORKER_LOGS: Final = "generation/worker-logs"
ACCESS_LOGS: Final = ("platform/http-access-logs",)
SOCKET_LOGS: Final = "notifications/socket-access-logs"
REFUSED_CALLS: Final = "web/refused-calls"
FLOW_LOGS: Final = "operations/flow-logs"
SEALED_BACKUPS: Final = (
    *("analytics/counters-backup", "generation/ledger-backup", "intake/requests-backup", "moderation/verdicts-backup"),
    *("operations/operations-backup", "privacy/erasures-backup"),
)
SEALED_STREAMS: Final = ("intake/requests-stream",)
READABLE_COPIES: Final = {
    "accounts/accounts": "the name, preferences and consent of the owner, and the names of API keys",
    "notifications/notifications": "webhooks and deliveries of the owner",
    "storage/gallery": "the entries of the owner's images with readable prompts",
}
"""By table: what its former states contain in plain text."""
VAULT: Final = "operations/backup-vault"
QUEUES: Final = (
    *("accounts/erase", "analytics/record", "generation/erase", "generation/generate", "generation/tombstones"),
    *("intake/erase", "intake/republish", "intake/track", "moderation/erase", "moderation/image", "moderation/prompt"),
    *("notifications/erase", "notifications/push", "notifications/webhook", "operations/erase", "privacy/build"),
    *("privacy/collect", "storage/erase", "storage/remove", "storage/store", "storage/tombstones"),
)
QUEUE_RETENTION: Final = timedelta(days=14)
STREAM_RETENTION: Final = timedelta(days=1)
COMPACTION_DELAY: Final = timedelta(days=7)
"""Until then, analytics may rewrite lines of its archive into a file, which expires by its own age."""
RESULTS: Final = timedelta(days=7)
"""How long results of queries on the archive are kept."""
LIFECYCLE_DELAY: Final = timedelta(days=1)
"""S3 counts days from the next midnight, and keeps a former version of what has expired."""
PSEUDONYM: Final = "the id of the owner, which belongs to no name any more"
UNREADABLE: Final = f"{PSEUDONYM}, and texts that nobody can read since the key of the owner was destroyed"


@dataclass(frozen=True)
class Retentions:
    """How long the platform keeps data: parameters of the root template."""

    logs: timedelta
    optional_logs: frozenset[str]
    """The logs that exist of those that a parameter turns on."""
    backups: timedelta
    """Of former states of tables, also in the vault."""
    has_vault: bool
    """Whether AWS Backup copies the tables to a vault."""
    versions: timedelta
    """Of deleted objects, in a replica and in the archive of analytics."""
    has_replica: bool
    """Whether the gallery and the archive of analytics are replicated to another Region."""
    event_archive: timedelta
    """0 if the event bus has no archive."""
    ledgers: timedelta
    lake: timedelta
    """0 for ever."""
    receipts: timedelta
    cloud_trail: timedelta
    """0 if there is no CloudTrail log."""


def remains(now: datetime, retentions: Retentions) -> Sequence[StoreReceipt]:
    """Return the entries of the stores that no service answers for."""

    def existing(*logs: str) -> list[str]:
        return [log for log in logs if log in retentions.optional_logs]

    def entries(stores: Iterable[str], remains: str, reason: str, kept: timedelta) -> list[StoreReceipt]:
        until = now + kept if kept else None
        return [StoreReceipt(store=store, remains=remains, reason=reason, until=until) for store in stores]

    archive = ("platform/event-archive",) if retentions.event_archive else ()
    edited = "The history of a table cannot be edited."
    vault = (VAULT,) if retentions.has_vault else ()
    replica = ("storage/gallery-files-replica",) if retentions.has_replica else ()
    lake_replica = ("analytics/archive-replica",) if retentions.has_replica else ()
    lake = retentions.lake and retentions.lake + COMPACTION_DELAY
    expired = lake and lake + retentions.versions + LIFECYCLE_DELAY
    in_lake = f"events with {UNREADABLE}; no id if the owner opted out of analytics"
    copies = "copies of images, if backups of files are made,"
    of_many = "Files hold events of many owners, from which the counters are computed."
    cloud_trail = ("operations/cloudtrail-log",) if retentions.cloud_trail else ()
    return [
        *entries(archive, UNREADABLE, "Single events of the archive cannot be deleted.", retentions.event_archive),
        *entries(SEALED_BACKUPS, UNREADABLE, edited, retentions.backups),
        *(
            entry
            for table, content in READABLE_COPIES.items()
            for entry in entries(
                [f"{table}-backup"], f"{content}, for operators who restore it", edited, retentions.backups
            )
        ),
        *entries(
            vault,
            f"former states of all tables, with {'; '.join(READABLE_COPIES.values())}",
            edited,
            retentions.backups,
        ),
        *entries(SEALED_STREAMS, UNREADABLE, "The changes of a table cannot be edited.", STREAM_RETENTION),
        *entries(
            ["storage/gallery-stream"],
            READABLE_COPIES["storage/gallery"],
            "The changes of a table cannot be edited.",
            STREAM_RETENTION,
        ),
        *entries(
            replica,
            "deleted files, which no link reaches",
            "The replica deletes them itself, so that an outage of its Region stops no erasure.",
            retentions.versions + LIFECYCLE_DELAY,
        ),
        *entries(QUEUES, UNREADABLE, "Messages on their way are processed without effect.", QUEUE_RETENTION),
        *entries(
            [*LOGS, *existing(WORKER_LOGS)],
            f"{PSEUDONYM}, and ids; no texts",
            "Entries of a log cannot be edited.",
            retentions.logs,
        ),
        *entries(
            [*ACCESS_LOGS, *existing(SOCKET_LOGS, REFUSED_CALLS)],
            f"{PSEUDONYM}, ids, and addresses and user agents of clients",
            "Entries of a log cannot be edited. They are needed to find misuse.",
            retentions.logs,
        ),
        *entries(
            existing(FLOW_LOGS),
            "addresses of hosts that received webhooks; no owner, no ids",
            "Entries of a log cannot be edited. They are needed to find misuse.",
            retentions.logs,
        ),
        *entries(
            cloud_trail,
            f"{PSEUDONYM}, and ids; no texts",
            "Nobody can delete files of the log, so that an intruder cannot either.",
            retentions.cloud_trail + LIFECYCLE_DELAY,
        ),
        *entries(
            ("analytics/counters",),
            "ids of counted events and requests; totals name nobody",
            "No event may be counted twice. The ids identify nobody once the requests are erased.",
            retentions.ledgers,
        ),
        *entries(
            ("analytics/archive",),
            f"{in_lake}; {copies} until the next one, at most {retentions.backups.days} days; results of queries with "
            f"the same, for {RESULTS.days} days",
            of_many,
            lake,
        ),
        *entries(
            ("analytics/archive-versions",),
            f"{in_lake}; {copies} for {(retentions.versions + LIFECYCLE_DELAY).days} days after the next one",
            of_many,
            expired,
        ),
        *entries(lake_replica, in_lake, of_many, expired),
        *entries(
            ("privacy/erasures",),
            f"this receipt, with {PSEUDONYM}",
            "It proves the erasure.",
            retentions.receipts,
        ),
    ]
