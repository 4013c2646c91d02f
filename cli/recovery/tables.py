"""The DynamoDB tables of an installation: what they are, their backups, and their restore.

A restored table has its items, keys and indexes. AWS restores neither its stream nor the mappings on it, its expiry,
tags, point-in-time recovery, protection and replicas. Their settings are in the manifest of a backup (`backups.py`).
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError
from pydantic import AwareDatetime, BaseModel, ConfigDict

from kit.errors import error_code

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_lambda.client import LambdaClient

POLL_SECONDS: Final = 1.0
DEADLINE_SECONDS: Final = 4 * 3600.0
"""For everything that AWS takes its time for: the RTO."""
SIGNALS_KEY: Final = "SIGNALS"
"""The item with the switch that stops writes. It must never come from a backup."""
BATCH: Final = 100
"""Items per BatchGetItem."""
MAPPING_SETTINGS: Final = (
    *("BatchSize", "MaximumBatchingWindowInSeconds", "BisectBatchOnFunctionError", "MaximumRetryAttempts"),
    *("MaximumRecordAgeInSeconds", "ParallelizationFactor", "FunctionResponseTypes", "DestinationConfig"),
    "FilterCriteria",
)
"""Settings of a mapping on a stream, as `CreateEventSourceMapping` takes them."""

Beat = Callable[[], None]
"""Called while something is waited for, so that others see that the drill is alive."""


class RestoreError(Exception):
    """Something cannot be restored. The text says what and why."""


class TableShape(BaseModel):
    """What a backup does not contain of a table."""

    model_config = ConfigDict(frozen=True)

    stream_view: str | None = None
    """None: the table has no stream."""
    mappings: list[dict[str, Any]] = []
    """The mappings on the stream: function and settings."""
    expires_by: str | None = None
    """The attribute with the time to live."""
    recovery_days: int | None = None
    """Days of point-in-time recovery; None: it is off."""
    is_protected: bool = False
    tags: list[dict[str, str]] = []
    replicas: list[str] = []
    """The other regions that have a replica of the table."""

    def lacks(self, wanted: "TableShape") -> bool:
        """Return whether a setting is off without which the table does not work or is not safe."""
        pairs = (
            (self.stream_view, wanted.stream_view),
            (self.mappings, wanted.mappings),
            (self.expires_by, wanted.expires_by),
            (self.recovery_days, wanted.recovery_days),
        )
        return any(is_needed and not has for has, is_needed in pairs)


class TableBackup(BaseModel):
    """A backup of one table."""

    model_config = ConfigDict(frozen=True)

    table: str
    """Name without the prefix."""
    arn: str
    name: str
    created_at: AwareDatetime


class Tables:
    """All tables with the prefix. Names are without the prefix."""

    def __init__(self, dynamodb: "DynamoDBClient", lambdas: "LambdaClient", prefix: str) -> None:
        self._dynamodb = dynamodb
        self._lambda = lambdas
        self._prefix = f"{prefix}-"

    def full_name(self, table: str) -> str:
        """Return the physical name of a table."""
        return f"{self._prefix}{table}"

    def names(self) -> list[str]:
        """Return the tables that exist, without those of a drill that was interrupted."""
        pages = self._dynamodb.get_paginator("list_tables").paginate()
        found = [name.removeprefix(self._prefix) for page in pages for name in page["TableNames"] if self._owns(name)]
        return [name for name in found if "-restored-" not in name]

    def restored_by_hand(self, table: str, shape: TableShape) -> datetime | None:
        """Return of which time the data of an existing table is, if nobody has equipped it since it was restored.

        That is a table which somebody restored from a vault of AWS Backup. None for every other table.
        """
        found: Any = self._dynamodb.describe_table(TableName=self.full_name(table))["Table"]
        restored = found.get("RestoreSummary")
        if restored is None or not self.shape(table).lacks(shape):
            return None
        restored_to: datetime = restored["RestoreDateTime"]
        return restored_to.astimezone(UTC)

    def _owns(self, name: str) -> bool:
        return name.startswith(self._prefix)

    def shape(self, table: str) -> TableShape:
        """Return what a backup of the table does not contain."""
        name = self.full_name(table)
        found: Any = self._dynamodb.describe_table(TableName=name)["Table"]
        stream = found.get("StreamSpecification") or {}
        expiry: Any = self._dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        tags: Any = self._dynamodb.list_tags_of_resource(ResourceArn=found["TableArn"]).get("Tags", [])
        is_streaming = bool(stream.get("StreamEnabled"))
        return TableShape(
            stream_view=stream["StreamViewType"] if is_streaming else None,
            mappings=list(self._mappings(found["LatestStreamArn"])) if is_streaming else [],
            expires_by=expiry.get("AttributeName"),
            recovery_days=self._recovery_days(name),
            is_protected=found.get("DeletionProtectionEnabled", False),
            tags=[tag for tag in tags if not tag["Key"].startswith("aws:")],
            replicas=sorted(each["RegionName"] for each in found.get("Replicas", [])),
        )

    def _recovery_days(self, name: str) -> int | None:
        found = self._recovery(name)
        return found.get("RecoveryPeriodInDays", 35) if found.get("PointInTimeRecoveryStatus") == "ENABLED" else None

    def _recovery(self, name: str) -> Any:
        found: Any = self._dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
        return found.get("PointInTimeRecoveryDescription", {})

    def _mappings(self, stream_arn: str) -> Iterator[dict[str, Any]]:
        pages = self._lambda.get_paginator("list_event_source_mappings").paginate(EventSourceArn=stream_arn)
        for page in pages:
            for mapping in page["EventSourceMappings"]:
                settings: Any = {name: mapping.get(name) for name in MAPPING_SETTINGS}
                kept = {name: value for name, value in settings.items() if value not in (None, [], {})}
                yield {"FunctionName": mapping["FunctionArn"], **kept}

    # Backups ----------------------------------------------------------------------------------------------------------

    def back_up(self, table: str, name: str) -> TableBackup:
        """Create a backup of a table."""
        made: Any = self._dynamodb.create_backup(TableName=self.full_name(table), BackupName=name)["BackupDetails"]
        return TableBackup(table=table, arn=made["BackupArn"], name=name, created_at=made["BackupCreationDateTime"])

    def backups(self) -> list[TableBackup]:
        """Return all available backups of the tables, newest first: those of operators, and what AWS made of its own.

        ``ALL`` are these two. Backups in a vault of AWS Backup are not listed, and only AWS Backup restores them.
        """
        found = []
        for page in self._dynamodb.get_paginator("list_backups").paginate(BackupType="ALL"):
            for each in page["BackupSummaries"]:
                if self._owns(each["TableName"]) and each["BackupStatus"] == "AVAILABLE":
                    found.append(
                        TableBackup(
                            table=each["TableName"].removeprefix(self._prefix),
                            arn=each["BackupArn"],
                            name=each["BackupName"],
                            created_at=each["BackupCreationDateTime"].astimezone(UTC),
                        )
                    )
        return sorted(found, key=lambda backup: backup.created_at, reverse=True)

    def delete_backup(self, backup: TableBackup) -> None:
        """Delete a backup."""
        self._dynamodb.delete_backup(BackupArn=backup.arn)

    def restorable_until(self, table: str) -> datetime | None:
        """Return the latest time to which an existing table can be restored, or None without that recovery."""
        found = self._recovery(self.full_name(table))
        if found.get("PointInTimeRecoveryStatus") != "ENABLED":
            return None
        latest: datetime = found.get("LatestRestorableDateTime") or datetime.now(UTC)
        return latest.astimezone(UTC)

    # Restore ----------------------------------------------------------------------------------------------------------

    def begin_restore(self, backup: TableBackup) -> None:
        """Start to restore a table that is gone, under its own name. If it exists, do nothing."""
        try:
            self._dynamodb.restore_table_from_backup(TargetTableName=self.full_name(backup.table), BackupArn=backup.arn)
        except ClientError as error:
            if error_code(error) not in {"TableAlreadyExistsException", "TableInUseException"}:
                raise

    def begin_copy(self, table: str, copy: str, backup: TableBackup | None) -> None:
        """Start to restore an existing table as ``copy``: from a backup, or to the latest point in time (None)."""
        names = {"TargetTableName": self.full_name(copy)}
        try:
            if backup:
                self._dynamodb.restore_table_from_backup(BackupArn=backup.arn, **names)  # type: ignore[arg-type]
            else:
                self._dynamodb.restore_table_to_point_in_time(
                    SourceTableName=self.full_name(table),
                    UseLatestRestorableTime=True,
                    **names,  # type: ignore[arg-type]
                )
        except ClientError as error:
            if error_code(error) not in {"TableAlreadyExistsException", "TableInUseException"}:
                raise

    def wait(self, tables: Iterable[str], beat: Beat) -> None:
        """Wait until tables and their indexes can be used."""
        for table in tables:
            until = time.monotonic() + DEADLINE_SECONDS
            while not self._is_active(table):
                if time.monotonic() > until:
                    raise RestoreError(f"{self.full_name(table)} is not active after {DEADLINE_SECONDS / 3600:.0f} h")
                beat()
                time.sleep(POLL_SECONDS)

    def _is_active(self, table: str) -> bool:
        try:
            found = self._dynamodb.describe_table(TableName=self.full_name(table))["Table"]
        except ClientError as error:
            if error_code(error) != "ResourceNotFoundException":
                raise
            return False
        parts = [found["TableStatus"], *(each["IndexStatus"] for each in found.get("GlobalSecondaryIndexes", []))]
        return set(parts) == {"ACTIVE"}

    def equip(self, table: str, shape: TableShape) -> None:
        """Give a restored table what its backup did not contain, except its stream. Repetition changes nothing."""
        name = self.full_name(table)
        found = self._dynamodb.describe_table(TableName=name)["Table"]
        present: Any = self._dynamodb.list_tags_of_resource(ResourceArn=found["TableArn"]).get("Tags", [])
        if tags := [tag for tag in shape.tags if tag not in present]:
            self._dynamodb.tag_resource(ResourceArn=found["TableArn"], Tags=tags)  # type: ignore[arg-type]
        expiry = self._dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        if shape.expires_by and expiry.get("AttributeName") != shape.expires_by:
            specification: Any = {"Enabled": True, "AttributeName": shape.expires_by}
            self._dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=specification)
        if shape.recovery_days and self._recovery_days(name) is None:
            recovery: Any = {"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": shape.recovery_days}
            self._dynamodb.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=recovery)
        if shape.is_protected and not found.get("DeletionProtectionEnabled"):
            self._dynamodb.update_table(TableName=name, DeletionProtectionEnabled=True)

    def connect_stream(self, table: str, shape: TableShape, beat: Beat) -> int:
        """Enable the stream of a restored table and map it to its functions. Return the number of mappings.

        The mappings of the old table's stream are deleted: that stream is gone and nothing reads it again.
        """
        if shape.stream_view is None:
            return 0
        self.wait([table], beat)
        name = self.full_name(table)
        found: Any = self._dynamodb.describe_table(TableName=name)["Table"]
        if not (found.get("StreamSpecification") or {}).get("StreamEnabled"):
            specification: Any = {"StreamEnabled": True, "StreamViewType": shape.stream_view}
            self._dynamodb.update_table(TableName=name, StreamSpecification=specification)
            self.wait([table], beat)
            found = self._dynamodb.describe_table(TableName=name)["Table"]
        stream_arn = found["LatestStreamArn"]
        for mapping in shape.mappings:
            self._map(mapping, stream_arn)
        return len(shape.mappings)

    def _map(self, settings: Mapping[str, Any], stream_arn: str) -> None:
        function = settings["FunctionName"]
        table_arn = stream_arn.partition("/stream/")[0]
        pages = self._lambda.get_paginator("list_event_source_mappings").paginate(FunctionName=function)
        mapped = [each for page in pages for each in page["EventSourceMappings"]]
        for each in mapped:
            source = each.get("EventSourceArn", "")
            if source.startswith(f"{table_arn}/stream/") and source != stream_arn:
                self._lambda.delete_event_source_mapping(UUID=each["UUID"])
        if all(each.get("EventSourceArn") != stream_arn for each in mapped):
            new: Any = {**settings, "EventSourceArn": stream_arn, "StartingPosition": "TRIM_HORIZON", "Enabled": True}
            self._lambda.create_event_source_mapping(**new)

    # Copies -----------------------------------------------------------------------------------------------------------

    def missing(self, table: str, copy: str) -> Iterator[list[dict[str, Any]]]:
        """Yield the items of ``copy`` that the table lacks, without expired ones and the switch, in batches."""
        described = self._dynamodb.describe_table(TableName=self.full_name(copy))["Table"]
        keys = [each["AttributeName"] for each in described["KeySchema"]]
        now = int(time.time())
        for page in self._dynamodb.get_paginator("scan").paginate(TableName=self.full_name(copy)):
            items: Any = [item for item in page["Items"] if not _is_left_out(item, now)]
            for start in range(0, len(items), BATCH):
                batch = items[start : start + BATCH]
                known = self._known(table, [{key: item[key] for key in keys} for item in batch])
                yield [item for item in batch if _identity(item, keys) not in known]

    def _known(self, table: str, wanted: Sequence[Any]) -> set[str]:
        name, keys, found = self.full_name(table), list(wanted[0]), set()
        names = {f"#k{number}": key for number, key in enumerate(keys)}
        request: Any = {
            name: {
                "Keys": wanted,
                "ConsistentRead": True,
                "ProjectionExpression": ", ".join(names),
                "ExpressionAttributeNames": names,
            }
        }
        while request:
            answer = self._dynamodb.batch_get_item(RequestItems=request)
            found |= {_identity(item, keys) for item in answer["Responses"].get(name, [])}
            request = answer.get("UnprocessedKeys")
        return found

    def put_missing(self, table: str, item: Any) -> bool:
        """Write an item unless the table has one with its key by now. Return whether it was written."""
        described = self._dynamodb.describe_table(TableName=self.full_name(table))["Table"]
        key = described["KeySchema"][0]["AttributeName"]
        try:
            self._dynamodb.put_item(
                TableName=self.full_name(table),
                Item=item,
                ConditionExpression="attribute_not_exists(#key)",
                ExpressionAttributeNames={"#key": key},
            )
        except ClientError as error:
            if error_code(error) != "ConditionalCheckFailedException":
                raise
            return False
        return True

    def count(self, table: str) -> int:
        """Return the number of items, with a scan."""
        pages = self._dynamodb.get_paginator("scan").paginate(TableName=self.full_name(table), Select="COUNT")
        return sum(page["Count"] for page in pages)

    def delete(self, table: str) -> None:
        """Delete a table, if it exists."""
        try:
            self._dynamodb.delete_table(TableName=self.full_name(table))
        except ClientError as error:
            if error_code(error) != "ResourceNotFoundException":
                raise


def _identity(item: Mapping[str, Any], keys: Sequence[str]) -> str:
    return repr([item[key] for key in keys])


def _is_left_out(item: Mapping[str, Any], now: int) -> bool:
    expiry = item.get("expires_at", item.get("delete_at", {}))
    has_expired = "N" in expiry and int(float(expiry["N"])) <= now
    return has_expired or item.get("pk", {}).get("S") == SIGNALS_KEY


def newest(backups: Iterable[TableBackup], table: str) -> TableBackup | None:
    """Return the newest backup of a table. ``backups`` are newest first."""
    return next((backup for backup in backups if backup.table == table), None)


def age_of(moment: datetime, now: datetime) -> timedelta:
    """Return how old something is. Clocks may differ a little, so it is never negative."""
    return max(now - moment, timedelta(0))
