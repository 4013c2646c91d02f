"""Searches every store of an installation for texts that an erasure must have removed."""

import gzip
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from cli.connection import Connection
from cli.event_replays.logic import Window
from cli.event_replays.search import ArchiveReader, period_until
from services.analytics.repository.parquet import Parquet

TABLES: Final = (
    *("requests", "gallery", "generation", "moderation-verdicts", "notifications", "accounts", "analytics"),
    *("operations", "privacy", "owner-keys"),
)
BUCKETS: Final = ("gallery", "handoff", "analytics", "exports")
REPLICATED: Final = ("gallery", "analytics")
"""Buckets that ``ReplicaRegion`` replicates."""
POLLS_MAX: Final = 100
"""Receive calls per queue: a thousand messages."""
HIDDEN_SECONDS: Final = 30


@dataclass(frozen=True)
class Found:
    """A place that contains one of the texts."""

    store: str
    where: str
    text: str


@dataclass(frozen=True)
class Searcher:
    """Searches the raw content of an installation: items, objects, messages, logs."""

    connection: Connection
    texts: Sequence[str]
    archived_since: datetime | None = None
    """Search the archive of the event bus from this time on; None: do not."""

    def search(self) -> Iterator[Found]:
        """Yield everything that was found, store by store."""
        for table in TABLES:
            yield from self._table(table)
        for bucket in BUCKETS:
            yield from self._bucket(bucket, self.connection.bucket(bucket))
        yield from self._replicas()
        yield from self._queues()
        yield from self._logs()
        if self.archived_since:
            yield from self._archive(period_until(self.archived_since, datetime.now(UTC)))

    def _matches(self, store: str, where: str, content: str) -> Iterator[Found]:
        # JSON inside of JSON may escape what is not ASCII.
        forms = {text: {text, json.dumps(text)[1:-1], json.dumps(json.dumps(text)[1:-1])[1:-1]} for text in self.texts}
        for text, spellings in forms.items():
            if any(spelling in content or spelling in where for spelling in spellings):
                yield Found(store, where, text)

    def _table(self, name: str) -> Iterator[Found]:
        pages = (
            self.connection.client("dynamodb")
            .get_paginator("scan")
            .paginate(TableName=f"{self.connection.target.prefix}-{name}")
        )
        for page in pages:
            for item in page["Items"]:
                key = " ".join(str(item[part]["S"]) for part in ("pk", "sk", "request_id", "item") if part in item)
                yield from self._matches(f"table {name}", key, json.dumps(item, default=repr, ensure_ascii=False))

    def _bucket(self, name: str, bucket: str, region: str | None = None) -> Iterator[Found]:
        """Search all versions of all objects, and the keys of delete markers."""
        s3 = self.connection.client("s3", region)
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            for entry in page.get("Versions", []):
                version = {"Key": entry["Key"], "VersionId": entry["VersionId"]}
                content = s3.get_object(Bucket=bucket, **version)["Body"].read()
                if entry["Key"].endswith(".gz"):
                    content = gzip.decompress(content)
                elif entry["Key"].endswith(".parquet"):
                    content = _lines(content)
                where = entry["Key"] if entry["IsLatest"] else f"{entry['Key']} (version {entry['VersionId']})"
                yield from self._matches(f"bucket {name}", where, content.decode(errors="replace"))
            for marker in page.get("DeleteMarkers", []):
                yield from self._matches(f"bucket {name}", f"{marker['Key']} (delete marker)", "")

    def _replicas(self) -> Iterator[Found]:
        """Search the replicas of buckets in another Region, if the stack has some."""
        region = self.connection.parameter("ReplicaRegion")
        for name in REPLICATED if region else ():
            bucket = self.connection.bucket(name).removesuffix(self.connection.region) + str(region)
            yield from self._bucket(f"{name} in {region}", bucket, region)

    def _queues(self) -> Iterator[Found]:
        sqs = self.connection.client("sqs")
        pages = sqs.get_paginator("list_queues").paginate(QueueNamePrefix=f"{self.connection.target.prefix}-")
        for page in pages:
            for url in page.get("QueueUrls", []):
                yield from self._queue(sqs, url)

    def _queue(self, sqs: Any, url: str) -> Iterator[Found]:
        """Read the messages of a queue, hidden from its consumer for a moment, and make them visible again."""
        handles = []
        for _ in range(POLLS_MAX):
            answer = sqs.receive_message(
                QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=HIDDEN_SECONDS, MessageAttributeNames=["All"]
            )
            messages = answer.get("Messages", [])
            if not messages:
                break
            for message in messages:
                handles.append(message["ReceiptHandle"])
                content = json.dumps(message, ensure_ascii=False)
                yield from self._matches(f"queue {url.rsplit('/', 1)[-1]}", message["MessageId"], content)
        for handle in handles:
            sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)

    def _archive(self, period: Window) -> Iterator[Found]:
        for event_id, content in ArchiveReader(self.connection).events(period):
            yield from self._matches("event archive", event_id, content)

    def _logs(self) -> Iterator[Found]:
        logs = self.connection.client("logs")
        prefix = self.connection.target.prefix
        for start in (f"/aws/lambda/{prefix}-", f"/aws/vendedlogs/{prefix}-"):
            for groups in logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=start):
                for group in groups["logGroups"]:
                    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"])
                    for page in pages:
                        for event in page["events"]:
                            yield from self._matches(
                                f"log {group['logGroupName']}", event["logStreamName"], event["message"]
                            )


def _lines(content: bytes) -> bytes:
    """Return the lines in a Parquet file, which is compressed. Its other columns have nothing else."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "part.parquet"
        file.write_bytes(content)
        return "\n".join(Parquet(Path(folder)).lines(file)).encode()
