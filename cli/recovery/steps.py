"""The steps of a drill."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Final

from cli.connection import Connection
from cli.console import duration
from cli.recovery.archive import restore_archive
from cli.recovery.auditing import audit_until_clean
from cli.recovery.backups import RPO, Backups, Manifest
from cli.recovery.consumers import ARCHIVE, Consumers, wait_until_quiet
from cli.recovery.drill import Step
from cli.recovery.files import GalleryFiles
from cli.recovery.lake import MARGIN, LakeReplay, archived_events
from cli.recovery.progress import Progress
from cli.recovery.tables import RestoreError, TableBackup, Tables, age_of, newest
from cli.recovery.versions import Versions
from cli.recovery.worker import PARAMETER, FargateWorker, Worker
from cli.repairs import AwsRepairer
from cli.search_keys import rebuild_search_keys
from kit.publisher import Publisher
from kit.sealing import OwnerKeyTable, Sealer
from services.analytics.rebuild import rebuild
from services.analytics.repository.counters import CounterTable
from services.analytics.repository.lake import EventLake
from services.generation.repository.ledger import DynamoLedger
from services.intake.repository.operator_signals import OperatorSignals
from services.intake.repository.requests import RequestTable
from services.intake.signals import PERIOD, StopSignal
from services.operations.dead_letters.repository import SqsQueues
from services.operations.drills import DrillRecord, DrillTable
from services.storage.models import Entry
from services.storage.repository.gallery import DynamoGallery
from services.storage.repository.items import read_record

REQUESTS: Final = "requests"
SWITCHED: Final = timedelta(seconds=PERIOD)
"""After so long, every function knows that writes are stopped."""
FIRST: Final = ("owner-keys", REQUESTS)
"""Restored first: the switch is in the table of requests."""
LAST: Final = ("accounts",)
"""Restored last: without it, nobody is let in."""


@dataclass(frozen=True)
class Options:
    """What an operator chose."""

    accept_older: bool = False
    """Restore from a backup that is older than the RPO."""
    copy_missing: bool = False
    """Write what existing tables lack of their restored copies into them."""
    accept_violations: bool = False
    worker_stopped: bool = False
    """The operator has stopped a worker that is not part of the installation."""
    worker_started: bool = False
    """The operator has started it again."""
    quiet_seconds: float = 900
    """For the queues to become empty."""


class Drill:
    """The steps, for one installation."""

    def __init__(self, connection: Connection, tables: Tables, backups: Backups, options: Options) -> None:
        self._connection = connection
        self._tables = tables
        self._backups = backups
        self._options = options
        self._dynamodb = connection.client("dynamodb")
        self._target = connection.target

    def steps(self) -> list[Step]:
        """Return all steps in their order."""
        stop, start = self._worker.about("stop"), self._worker.about("start")
        return [
            Step("check", "find the newest backup of every table, none older than the RPO", self._check),
            Step("stop writes", "refuse new requests with 503 writes_stopped", self._stop),
            Step("wait", "wait until the queues are empty, if all tables exist", self._wait),
            Step("pause", f"{_all('stop the consumers', stop)}, so that messages keep their retries", self._pause),
            Step("tables", "restore lost tables under their names, the others as copies to compare", self._restore),
            Step("archive", "restore deleted files of the event lake from their versions", self._restore_archive),
            Step("lake", "apply the events since the backup to restored tables", self._replay),
            Step("files", "restore missing files of the gallery from their copies or versions", self._files),
            Step("streams", "enable the streams of restored tables and map them to their functions", self._streams),
            Step("resume", f"{_all('start the consumers', start)}, and check every open request at once", self._resume),
            Step("settle", "wait until the queues are empty", self._settle),
            Step("projections", "count the event lake again, rebuild the search keys", self._projections),
            Step("audit", "audit everything, repair until nothing is left to repair", self._audit),
            Step("open writes", "accept new requests again", self._open),
            Step("record", "record the drill for the alarm", self._record),
        ]

    # Before -----------------------------------------------------------------------------------------------------------

    def _check(self, progress: Progress) -> str:
        now = progress.drill.started_at
        manifest = self._backups.newest_manifest()
        if manifest is None:
            raise RestoreError("There is no backup to restore from. Make one with `recovery backup`")
        existing, backups = set(self._tables.names()), self._backups.of_tables()
        chosen: dict[str, TableBackup] = {}
        ages: dict[str, timedelta] = {}
        by_hand: list[str] = []
        for table in ordered(manifest.shapes):
            until = self._tables.restorable_until(table) if table in existing else None
            backup = newest(backups, table)
            restored_to = self._tables.restored_by_hand(table, manifest.shapes[table]) if table in existing else None
            if restored_to:
                by_hand.append(table)
                until = None
                backup = TableBackup(table=table, arn="", name="restored by hand", created_at=restored_to)
            if until is None and backup is None:
                raise RestoreError(f"{self._tables.full_name(table)} has no backup. Make one with `recovery backup`")
            if until is None and backup is not None:
                chosen[table] = backup
                until = backup.created_at
            ages[table] = age_of(until or now, now)
        oldest = max(ages, key=lambda table: ages[table])
        if ages[oldest] > RPO and not self._options.accept_older:
            raise RestoreError(
                f"The newest backup of {self._tables.full_name(oldest)} is {duration(ages[oldest])} old, the RPO is "
                f"{duration(RPO)}: what happened since may be lost. Make one with `recovery backup`, or add "
                "--accept-older"
            )
        lost = [table for table in ordered(manifest.shapes) if table not in existing or table in by_hand]
        progress.drill.facts |= {
            "manifest": manifest.model_dump(mode="json"),
            "backups": {table: backup.model_dump(mode="json") for table, backup in chosen.items()},
            "lost": lost,
            "by_hand": by_hand,
            "rpo_seconds": ages[oldest].total_seconds(),
            "oldest": oldest,
        }
        gone = f"{len(lost) - len(by_hand)} of {len(manifest.shapes)} tables are gone" if lost else "all tables exist"
        hand = f", {len(by_hand)} were restored by hand" if by_hand else ""
        return f"{gone}{hand}; oldest state: {oldest}, {duration(ages[oldest])} old"

    def _stop(self, progress: Progress) -> str:
        if REQUESTS not in self._tables.names():
            return "the table of requests is gone, so nothing is accepted"
        self._signals.save_stop(self._signal(progress))
        self._pass(progress, SWITCHED)
        return f"in effect everywhere after {SWITCHED.total_seconds():.0f} s"

    def _signal(self, progress: Progress) -> StopSignal:
        return StopSignal(f"drill {progress.drill.drill_id}", progress.drill.started_at)

    def _pass(self, progress: Progress, period: timedelta) -> None:
        """Wait while containers learn of the switch: each reads it once per period."""
        until = time.monotonic() + period.total_seconds()
        while (left := until - time.monotonic()) > 0:
            progress.beat()
            time.sleep(min(left, 1))

    def _wait(self, progress: Progress) -> str:
        if progress.drill.facts["lost"]:
            return "skipped: without their tables, consumers cannot work the queues off"
        self._quiet(progress)
        return "all queues are empty"

    def _pause(self, progress: Progress) -> str:
        facts = progress.drill.facts
        if "paused" not in facts:
            facts["paused"] = self._consumers.enabled()
            progress.save()  # before the first one is paused, so that none is forgotten
        count = self._consumers.switch(facts["paused"], on=False, beat=progress.beat)
        worker = self._worker.pause(facts, progress.save, progress.beat, stopped=self._options.worker_stopped)
        return _all(f"{count} consumers", worker)

    # Restore ----------------------------------------------------------------------------------------------------------

    def _restore(self, progress: Progress) -> str:
        facts, manifest = progress.drill.facts, self._manifest(progress)
        lost, backups = facts["lost"], _chosen(progress)
        for table in lost:
            if table not in facts["by_hand"]:
                self._tables.begin_restore(backups[table])
        for table in lost:
            self._tables.wait([table], progress.beat)
            self._tables.equip(table, manifest.shapes[table])
            if table == REQUESTS:
                self._signals.save_stop(self._signal(progress))
        compared, missing, copied = self._compare(progress, [t for t in ordered(manifest.shapes) if t not in lost])
        facts["copied"] = facts.get("copied", 0) + copied
        restored, by_hand = len(lost) - len(facts["by_hand"]), len(facts["by_hand"])
        results = [f"{restored} restored"] if restored else []
        if by_hand:
            results.append(f"{by_hand} that were restored by hand got their settings back")
        if compared:
            results.append(f"{compared} restored beside the live ones, which lack {missing} of their items")
        if copied:
            results.append(f"{copied} items written into live tables")
        return ", ".join(results)

    def _compare(self, progress: Progress, tables: Sequence[str]) -> tuple[int, int, int]:
        """Restore existing tables as copies, compare, and delete the copies. Return tables, missing, written items."""
        backups, suffix = _chosen(progress), progress.drill.drill_id.lower()
        copies = {table: f"{table}-restored-{suffix}" for table in tables}
        for table, copy in copies.items():
            self._tables.begin_copy(table, copy, backups.get(table))
        missing = written = 0
        for table, copy in copies.items():
            self._tables.wait([copy], progress.beat)
            for batch in self._tables.missing(table, copy):
                missing += len(batch)
                if self._options.copy_missing:
                    written += sum(self._tables.put_missing(table, item) for item in batch)
                progress.beat()
            self._tables.delete(copy)
        return len(copies), missing, written

    def _restore_archive(self, progress: Progress) -> str:
        versions = Versions(self._connection.client("s3"), self._connection.bucket("analytics"))
        retention = self._connection.retention("ArchiveRetentionDays", timedelta(0))
        parts, lines = restore_archive(versions, self._archive, retention, datetime.now(UTC), progress.beat)
        return f"{parts + lines} files restored" if parts + lines else "nothing was missing"

    def _replay(self, progress: Progress) -> str:
        facts = progress.drill.facts
        if not self._in_place(progress):
            return "skipped: no table was restored in place"
        archiving = [each for each in self._consumers.archiving() if each in facts["paused"]]
        self._consumers.switch(archiving, on=True, beat=progress.beat)
        busy = wait_until_quiet(self._queues, self._options.quiet_seconds, progress.beat, only=self._archive_queue)
        if busy:
            raise RestoreError("The queue of analytics.record is not empty: its events are not in the lake yet")
        since = min(backup.created_at for backup in _chosen(progress).values()) - MARGIN
        replay = LakeReplay(
            requests=self._requests,
            ledger=DynamoLedger(self._dynamodb, self._target.generation_table),
            gallery=DynamoGallery(self._dynamodb, self._target.gallery_table),
            sealer=Sealer(OwnerKeyTable(self._dynamodb, self._target.owner_keys_table)),
            publish=lambda event: self._publisher.publish([event]),
        )
        done = replay.replay(archived_events(self._archive, since, datetime.now(UTC)), progress.beat)
        before = facts.get("lake", {})
        facts["lake"] = {**before, **{k: v for k, v in done.to_dict().items() if v or k not in before}}
        counts = ", ".join(f"{number} {name}" for name, number in done.done.items() if number) or "nothing was missing"
        return f"{counts}; last request accepted at {done.until:%H:%M:%S}" if done.until else counts

    def _files(self, progress: Progress) -> str:
        files = GalleryFiles(
            self._connection.client("s3"), self._connection.bucket("gallery"), self._connection.bucket("analytics")
        )
        restored, lost = files.restore(self._wanted_files(progress), progress.beat)
        progress.drill.facts["lost_files"] = len(lost)
        return f"{restored} restored" + (f", {len(lost)} have neither a copy nor a version" if lost else "")

    def _wanted_files(self, progress: Progress) -> Iterator[str]:
        pages = self._dynamodb.get_paginator("scan").paginate(
            TableName=self._target.gallery_table, FilterExpression="attribute_exists(listing_key)"
        )
        for page in pages:
            for item in page["Items"]:
                record = read_record(item)
                if isinstance(record, Entry):
                    yield from record.keys
            progress.beat()

    def _streams(self, progress: Progress) -> str:
        manifest, mapped = self._manifest(progress), 0
        for table in progress.drill.facts["lost"]:
            mapped += self._tables.connect_stream(table, manifest.shapes[table], progress.beat)
        return f"{mapped} mappings"

    # After ------------------------------------------------------------------------------------------------------------

    def _resume(self, progress: Progress) -> str:
        worker = self._worker.resume(progress.drill.facts, started=self._options.worker_started)
        count = self._consumers.switch(progress.drill.facts["paused"], on=True, beat=progress.beat)
        scheduled, now = 0, datetime.now(UTC)
        for request_id in self._open_requests():
            scheduled += self._repairer.schedule_check(request_id, now)
            progress.beat()
        return f"{_all(f'{count} consumers', worker)}; {scheduled} open requests are checked by the sweeper now"

    def _open_requests(self) -> Iterator[str]:
        pages = self._dynamodb.get_paginator("scan").paginate(
            TableName=self._target.requests_table, IndexName="open", ProjectionExpression="pk, sk"
        )
        for page in pages:
            for item in page["Items"]:
                if item["sk"]["S"] == "STATE":
                    yield item["pk"]["S"].removeprefix("REQUEST#")

    def _settle(self, progress: Progress) -> str:
        self._quiet(progress)
        dead = sum(self._queues.counts(pair.url).total for pair in self._queues.pairs())
        return f"all queues are empty; {dead} dead letters wait for `dlq replay`" if dead else "all queues are empty"

    def _quiet(self, progress: Progress) -> None:
        busy = wait_until_quiet(self._queues, self._options.quiet_seconds, progress.beat)
        if busy:
            raise RestoreError(
                f"After {self._options.quiet_seconds:.0f} s, messages still wait at {', '.join(busy)}. Find out why "
                "with `dlq`, then run the same command again: it continues here"
            )

    def _projections(self, progress: Progress) -> str:
        counters = CounterTable(self._dynamodb, self._target.analytics_table)
        if self._in_place(progress):  # the lake is right, so nothing is gained by comparing again until they agree
            counted = rebuild(
                self._archive,
                counters,
                accept_differences=True,
                progress=lambda _: progress.beat(),
                sleep=lambda _: None,
            )
        else:
            counted = rebuild(self._archive, counters, progress=lambda _: progress.beat())
            if not counted.current:
                return f"{len(counted.differences)} counters differ from the lake: `analytics rebuild` shows them"
        keys = rebuild_search_keys(self._dynamodb, self._target.gallery_table, lambda _: progress.beat())
        return f"{counted.events} events counted, {keys.changed} search keys written"

    def _audit(self, progress: Progress) -> str:
        found = audit_until_clean(self._connection, self._repairer, progress, restored=self._in_place(progress))
        if found.left and not self._options.accept_violations:
            raise RestoreError(
                f"The audit still finds {found.left}. Writes stay stopped. `audit` shows them; repair them and run the "
                "same command again, or add --accept-violations"
            )
        progress.drill.facts["audit"] = found.to_dict()
        return found.words()

    def _open(self, progress: Progress) -> str:
        self._signals.save_stop(None)
        progress.drill.facts["rto_seconds"] = (datetime.now(UTC) - progress.drill.started_at).total_seconds()
        return f"in effect everywhere after {SWITCHED.total_seconds():.0f} s"

    def _record(self, progress: Progress) -> str:
        facts = progress.drill.facts
        record = DrillRecord(
            progress.drill.drill_id, datetime.now(UTC), int(facts["rto_seconds"]), int(facts["rpo_seconds"])
        )
        DrillTable(self._dynamodb, self._target.operations_table).keep(record)
        return "the alarm counts from now"

    # Parts ------------------------------------------------------------------------------------------------------------

    @staticmethod
    def _in_place(progress: Progress) -> bool:
        return bool(progress.drill.facts["lost"] or progress.drill.facts.get("copied"))

    @staticmethod
    def _manifest(progress: Progress) -> Manifest:
        return Manifest.model_validate(progress.drill.facts["manifest"])

    @cached_property
    def _signals(self) -> OperatorSignals:
        return OperatorSignals(self._dynamodb, self._target.requests_table)

    @cached_property
    def _consumers(self) -> Consumers:
        return Consumers(self._connection.client("lambda"), self._target.prefix)

    @cached_property
    def _worker(self) -> Worker:
        def tasks() -> FargateWorker:
            client = self._connection.client
            return FargateWorker(client("ecs"), client("application-autoscaling"), self._target.prefix)

        return Worker(self._connection.parameter(PARAMETER), tasks)

    @cached_property
    def _queues(self) -> SqsQueues:
        return SqsQueues(self._connection.client("sqs"), self._target.prefix)

    @cached_property
    def _archive(self) -> EventLake:
        return EventLake(self._connection.client("s3"), self._connection.bucket("analytics"))

    @property
    def _archive_queue(self) -> str:
        return f"{self._target.prefix}-{ARCHIVE}"

    @cached_property
    def _requests(self) -> RequestTable:
        retention = self._connection.retention("RequestRetentionDays", timedelta(days=400))
        return RequestTable(self._dynamodb, self._target.requests_table, retention=retention)

    @cached_property
    def _publisher(self) -> Publisher:
        return Publisher(self._connection.client("events"), self._target.bus_name)

    @cached_property
    def _repairer(self) -> AwsRepairer:
        return AwsRepairer(
            dynamodb=self._dynamodb,
            s3=self._connection.client("s3"),
            prefix=self._target.prefix,
            gallery_bucket=self._connection.bucket("gallery"),
        )


def _chosen(progress: Progress) -> dict[str, TableBackup]:
    return {table: TableBackup.model_validate(each) for table, each in progress.drill.facts["backups"].items()}


def _all(*parts: str) -> str:
    """Join what there is of ``parts``."""
    return " and ".join(part for part in parts if part)


def ordered(tables: Any) -> list[str]:
    """Return tables in the order in which they are restored."""
    return sorted(tables, key=lambda table: (table in LAST, table not in FIRST, table))
