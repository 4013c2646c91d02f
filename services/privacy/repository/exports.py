"""Exports on DynamoDB. Everything expires, at the latest some days after an export was abandoned.

pk OWNER#<owner>  sk EXPORT#<id>              an export: status, times, why it failed. `open` and due_at are the keys
                                              of the sparse index `open` while it runs; expires_at once it does not
pk OWNER#<owner>  sk EXPORTING                the export of an owner that runs
pk EXPORT#<id>    sk ANSWER#<service>#<page>  the first answer of a service for a page: DataExported as JSON
pk EXPORT#<id>    sk FILE#<number>            one ZIP file

`erasures.py` describes the items RUNNING and ERASED, with which no export starts.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from events.catalog.data_exported import DataExported
from kit.dynamodb import delete_items, delete_partition, from_item, time_text, to_item
from services.privacy.exports import PATIENCE, PAUSE, RETENTION, ErasingError, Export, ExportFile
from services.privacy.repository.erasures import due_items, erased_key, running_key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

OPEN: Final = "export"
FAILED_CHECK: Final = "ConditionalCheckFailed"
IS_RUNNING: Final = "#status = :running"
TIMES: Final = ("requested_at", "progress_at", "completed_at")


def _key(owner: str, export_id: str) -> dict[str, Any]:
    return to_item({"pk": f"OWNER#{owner}", "sk": f"EXPORT#{export_id}"})


def _exporting_key(owner: str) -> dict[str, Any]:
    return to_item({"pk": f"OWNER#{owner}", "sk": "EXPORTING"})


def _content_key(export_id: str, sk: str) -> dict[str, Any]:
    return to_item({"pk": f"EXPORT#{export_id}", "sk": sk})


def _export_of(item: Mapping[str, Any]) -> Export:
    values = from_item(item)
    times: dict[str, Any] = {name: datetime.fromisoformat(values[name]) for name in TIMES if name in values}
    if "expires_at" in values:
        times["expires_at"] = datetime.fromtimestamp(int(values["expires_at"]), UTC)
    return Export(values["export_id"], values["owner"], **times, status=values["status"], reason=values.get("reason"))


def _file_of(item: Mapping[str, Any]) -> ExportFile:
    values = from_item(item)
    numbers = {name: int(values[name]) for name in ("number", "bytes", "end")}
    return ExportFile(key=values["key"], sha256=values["sha256"], is_last=values["is_last"], **numbers)


class ExportTable:
    """The exports. Implements ``exports.ExportStore``."""

    def __init__(self, client: "DynamoDBClient", name: str, retention: timedelta = RETENTION) -> None:
        """``retention`` is how long an export is kept after it is complete. It is needed to add answers and files."""
        self._client = client
        self._name = name
        self._retention = retention

    def start(self, export: Export) -> Export:
        """Store an export unless its owner is erased or has one that runs, in one transaction; see ``ExportStore``."""
        item = _key(export.owner, export.export_id) | to_item(
            {
                "export_id": export.export_id,
                "owner": export.owner,
                "status": export.status,
                "requested_at": time_text(export.requested_at),
                "progress_at": time_text(export.progress_at),
                "open": OPEN,
                "due_at": time_text(export.progress_at + PAUSE),
            }
        )
        exporting = _exporting_key(export.owner) | to_item({"export_id": export.export_id})
        unknown = {"TableName": self._name, "ConditionExpression": "attribute_not_exists(pk)"}
        writes: list[Any] = [
            {"ConditionCheck": {**unknown, "Key": running_key(export.owner)}},
            {"ConditionCheck": {**unknown, "Key": erased_key(export.owner)}},
            {"Put": {**unknown, "Item": exporting, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}},
            {"Put": {**unknown, "Item": item}},
        ]
        try:
            self._client.transact_write_items(TransactItems=writes)
        except self._client.exceptions.TransactionCanceledException as error:
            reasons: list[Any] = error.response["CancellationReasons"]
            codes = [reason.get("Code") for reason in reasons]
            if FAILED_CHECK in codes[:2]:
                raise ErasingError from error
            if codes[2] != FAILED_CHECK:
                raise
            return self.find(export.owner, reasons[2]["Item"]["export_id"]["S"])
        return export

    def find(self, owner: str, export_id: str) -> Export:
        """Return an export with a consistent read. Raise ``KeyError`` if the owner has none with this id."""
        key = _key(owner, export_id)
        item = self._client.get_item(TableName=self._name, Key=key, ConsistentRead=True).get("Item")
        if not item:
            raise KeyError(export_id)
        return _export_of(item)

    def of_owner(self, owner: str) -> Sequence[Export]:
        """Return the exports of an owner, with a consistent read: there are few."""
        found = self._client.query(
            TableName=self._name,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :export)",
            ExpressionAttributeValues=to_item({":pk": f"OWNER#{owner}", ":export": "EXPORT#"}),
            ConsistentRead=True,
        )
        return [_export_of(item) for item in found["Items"]]

    def add_answer(self, event: DataExported, now: datetime) -> DataExported | None:
        """Store an answer if the export runs, in one transaction; see ``ExportStore.add_answer``."""
        about = event.data
        key = _content_key(about.export_id, f"ANSWER#{about.service}#{about.page:04}")
        values = {"event": event.model_dump_json(exclude_none=True), "expires_at": self._content_expiry(now)}
        codes, item = self._add(event.metadata.owner, about.export_id, key | to_item(values), now)
        if codes[0] == FAILED_CHECK:
            return None
        return DataExported.model_validate_json(item["event"]["S"]) if item else event

    def contents(self, export_id: str) -> tuple[Sequence[DataExported], Sequence[ExportFile]]:
        """Return the answers and the files of an export, with consistent reads."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._name,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=to_item({":pk": f"EXPORT#{export_id}"}),
            ConsistentRead=True,
        )
        items = [item for page in pages for item in page["Items"]]
        answers = [item["event"]["S"] for item in items if item["sk"]["S"].startswith("ANSWER#")]
        files = [_file_of(item) for item in items if item["sk"]["S"].startswith("FILE#")]
        return [DataExported.model_validate_json(answer) for answer in answers], files

    def add_file(self, export: Export, file: ExportFile, now: datetime) -> bool:
        """Store a file if the export runs, in one transaction; see ``ExportStore.add_file``."""
        item = _content_key(export.export_id, f"FILE#{file.number:04}") | to_item(
            asdict(file) | {"expires_at": self._content_expiry(now)}
        )
        codes, _ = self._add(export.owner, export.export_id, item, now)
        return FAILED_CHECK not in codes

    def _add(
        self, owner: str, export_id: str, item: Mapping[str, Any], now: datetime
    ) -> tuple[Sequence[str], Mapping[str, Any]]:
        """Add something to an export that runs, and note the progress.

        Return the reasons for which the transaction was cancelled, and the item that was there before. Another writer
        at the same time is a ``TransactionCanceledException``, which the consumer retries.
        """
        progress: dict[str, Any] = {
            ":running": "running",
            ":now": time_text(now),
            ":due": time_text(now + PAUSE),
        }
        try:
            self._client.transact_write_items(
                TransactItems=[
                    {
                        "Update": {
                            "TableName": self._name,
                            "Key": _key(owner, export_id),
                            "UpdateExpression": "SET progress_at = :now, due_at = :due",
                            "ConditionExpression": IS_RUNNING,
                            "ExpressionAttributeNames": {"#status": "status"},
                            "ExpressionAttributeValues": to_item(progress),
                        }
                    },
                    {
                        "Put": {
                            "TableName": self._name,
                            "Item": item,
                            "ConditionExpression": "attribute_not_exists(pk)",
                            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                        }
                    },
                ]
            )
        except self._client.exceptions.TransactionCanceledException as error:
            reasons: list[Any] = error.response["CancellationReasons"]
            codes = [str(reason.get("Code", "None")) for reason in reasons]
            if FAILED_CHECK not in codes:
                raise
            return codes, reasons[1].get("Item", {})
        return ("None", "None"), {}

    def _content_expiry(self, now: datetime) -> int:
        """Return when answers and files expire: after the export, whose last progress is at most this much later."""
        return int((now + self._retention + PATIENCE + timedelta(days=1)).timestamp())

    def finish(self, export: Export) -> bool:
        """Store the end of an export that runs, in one transaction; see ``ExportStore.finish``."""
        assert export.completed_at is not None  # noqa: S101 - the caller sets both
        assert export.expires_at is not None  # noqa: S101
        values = {
            ":running": "running",
            ":status": export.status,
            ":at": time_text(export.completed_at),
            ":expires": int(export.expires_at.timestamp()),
            ":reason": export.reason,
        }
        reason = ", reason = :reason" if export.reason else ""
        try:
            self._client.transact_write_items(
                TransactItems=[
                    {
                        "Update": {
                            "TableName": self._name,
                            "Key": _key(export.owner, export.export_id),
                            "UpdateExpression": "SET #status = :status, completed_at = :at, expires_at = :expires"
                            f"{reason} REMOVE #open, due_at",
                            "ConditionExpression": IS_RUNNING,
                            "ExpressionAttributeNames": {"#status": "status", "#open": "open"},
                            "ExpressionAttributeValues": to_item(values),
                        }
                    },
                    {"Delete": {"TableName": self._name, "Key": _exporting_key(export.owner)}},
                ]
            )
        except self._client.exceptions.TransactionCanceledException as error:
            first: Any = error.response["CancellationReasons"][0]
            if first.get("Code") != FAILED_CHECK:
                raise
            return False
        return True

    def due(self, now: datetime) -> Iterator[Export]:
        """Yield the exports that run and are due, the most overdue first."""
        for item in due_items(self._client, self._name, OPEN, now):
            owner, export_id = (item[name]["S"].partition("#")[2] for name in ("pk", "sk"))
            read = self._client.get_item(TableName=self._name, Key=_key(owner, export_id), ConsistentRead=True)
            if read.get("Item", {}).get("status", {}).get("S") == "running":  # the index may lag
                yield _export_of(read["Item"])

    def schedule(self, export: Export, due_at: datetime) -> None:
        """Store when to look at an export again, if it still runs."""
        try:
            self._client.update_item(
                TableName=self._name,
                Key=_key(export.owner, export.export_id),
                UpdateExpression="SET due_at = :due",
                ConditionExpression=IS_RUNNING,
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues=to_item({":due": time_text(due_at), ":running": "running"}),
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return

    def erase(self, owner: str) -> int:
        """Delete all items of an owner's exports: those of the exports first, so that nothing is added to them."""
        exports = self.of_owner(owner)
        keys = [_key(owner, export.export_id) for export in exports]
        deleted = delete_items(self._client, self._name, keys)
        self._client.delete_item(TableName=self._name, Key=_exporting_key(owner))
        for export in exports:
            deleted += delete_partition(self._client, self._name, f"EXPORT#{export.export_id}")
        return deleted
