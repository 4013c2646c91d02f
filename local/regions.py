"""A stand-in for what AWS replicates between two regions: global tables, secrets, and S3.

Two emulators know nothing of each other. Like on AWS, the replica has the tables' names, keys and indexes, changes
arrive some time after they were made, in the order of each item, and what had not arrived when the region was lost is
lost. Both regions may write: of two versions of an item, both end with the later one, whole.
"""

import json
import time
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any, Final, Self

from cli import regions
from local.stack import LocalStack

TICK_SECONDS: Final = 0.2
BUCKETS: Final = ("gallery", "analytics")
"""Those that the template can replicate."""
MILLISECONDS: Final = slice(0, 20)
"""The digits of a sequence number of the emulator that are the time of the write."""
Item = dict[str, Any] | None
"""A version of an item; None: it was deleted."""
ItemId = tuple[str, str]
"""A table, and the key of an item as text."""
Version = tuple[int, str]
"""When a version was written, in milliseconds, and in which region. The greater one wins."""


def create_replicas(source: LocalStack, target: LocalStack) -> Mapping[str, str]:
    """Create the tables and secrets of ``source`` in ``target`` with their content; return the target's parameters."""
    dynamodb, replicas = source.client("dynamodb"), target.client("dynamodb")
    for name in regions.TABLES:
        table = f"{source.prefix}-{name}"
        described = dynamodb.describe_table(TableName=table)["Table"]
        indexes = [
            {key: index[key] for key in ("IndexName", "KeySchema", "Projection")}
            for index in described.get("GlobalSecondaryIndexes", [])
        ]
        replicas.create_table(
            TableName=table,
            KeySchema=described["KeySchema"],
            AttributeDefinitions=described["AttributeDefinitions"],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification=described["StreamSpecification"],
            **({"GlobalSecondaryIndexes": indexes} if indexes else {}),
        )
        for page in dynamodb.get_paginator("scan").paginate(TableName=table):
            for item in page["Items"]:
                replicas.put_item(TableName=table, Item=item)
    for name in regions.SECRETS:
        full = f"{source.prefix}-{name}"
        value = source.client("secretsmanager").get_secret_value(SecretId=full)["SecretString"]
        target.client("secretsmanager").create_secret(Name=full, SecretString=value)
    streams = regions.stream_arns(replicas, source.prefix)
    return {"RegionRole": "passive", "ReplicaOf": source.region, **streams}


@dataclass(frozen=True)
class Change:
    """A change that one region has made to an item."""

    item_id: ItemId
    key: dict[str, Any]
    image: Item
    version: Version
    read_at: float
    """Monotonic seconds."""
    since: float
    """When the reading before it began: what is older was read then."""


class RegionTables:
    """The tables of one region. A change that replication makes appears in their streams, too, and is told apart."""

    def __init__(self, stack: LocalStack) -> None:
        self.stack = stack
        self.pending: deque[Change] = deque()
        """The changes of this region that the other one does not have."""
        self.read_since = time.monotonic()
        self.s3 = stack.client("s3")
        self._dynamodb, self._streams = stack.client("dynamodb"), stack.client("dynamodbstreams")
        self._iterators: dict[str, str] = {}
        self._versions: dict[ItemId, Version] = {}
        self._made_here: dict[ItemId, Change] = {}
        """The last change of each item that this region has made."""
        self._expected: defaultdict[ItemId, deque[tuple[str, Version]]] = defaultdict(deque)
        """The changes that replication has made and that have not appeared in the stream."""

    def open(self, iterator_type: str) -> None:
        """Begin to read the streams."""
        for name in regions.TABLES:
            table = f"{self.stack.prefix}-{name}"
            arn = self._dynamodb.describe_table(TableName=table)["Table"]["LatestStreamArn"]
            for shard in self._streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
                position = {"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": iterator_type}
                self._iterators[table] = self._streams.get_shard_iterator(**position)["ShardIterator"]

    def read(self) -> None:
        """Read what this region has changed since the last call."""
        since, began = self.read_since, time.monotonic()
        for table, iterator in self._iterators.items():
            answer = self._streams.get_records(ShardIterator=iterator)
            for record in answer["Records"]:
                self._see(table, record["dynamodb"], since)
            self._iterators[table] = answer["NextShardIterator"]
        self.read_since = began

    def _see(self, table: str, record: Mapping[str, Any], since: float) -> None:
        item_id, image = (table, _text(record["Keys"])), record.get("NewImage")
        expected = self._expected[item_id]
        if expected and expected[0][0] == _text(image):
            _, version = expected.popleft()
            later = self._made_here.get(item_id)
            if later and later.version > version:  # the region wrote it between our reading and our writing
                self._write(later)
            return
        version = (int(record["SequenceNumber"][MILLISECONDS]), self.stack.region)
        change = Change(item_id, record["Keys"], image, version, time.monotonic(), since)
        self._versions[item_id] = max(version, self._versions.get(item_id, version))
        self._made_here[item_id] = change
        self.pending.append(change)

    def receive(self, change: Change) -> None:
        """Apply a change of the other region, unless a later one was made here."""
        if self._versions.get(change.item_id, change.version) <= change.version:
            self._write(change)

    def _write(self, change: Change) -> None:
        table = change.item_id[0]
        if change.image is None:
            answer = self._dynamodb.delete_item(TableName=table, Key=change.key, ReturnValues="ALL_OLD")
        else:
            answer = self._dynamodb.put_item(TableName=table, Item=change.image, ReturnValues="ALL_OLD")
        if _text(answer.get("Attributes")) != _text(change.image):  # otherwise it does not appear in the stream
            self._expected[change.item_id].append((_text(change.image), change.version))
        self._versions[change.item_id] = change.version


class Replication:
    """Applies the changes of each region to the other one, ``lag`` seconds after it has read them."""

    def __init__(self, first: LocalStack, second: LocalStack, lag: float) -> None:
        self._lag = lag
        self._first, self._second = RegionTables(first), RegionTables(second)
        self._copied: set[tuple[str, str]] = set()
        self._end = Event()
        self._thread = Thread(target=self._run, name="replication", daemon=True)
        self.error: Exception | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Lose everything that was not applied yet."""
        self._end.set()
        self._thread.join()

    def check(self) -> None:
        """Raise the error that ended replication, if there was one."""
        if self.error:
            raise self.error

    @property
    def complete_until(self) -> float:
        """Everything that the first region wrote before this moment, in monotonic seconds, has been applied."""
        pending = self._first.pending
        return pending[0].since if pending else self._first.read_since

    def _run(self) -> None:
        try:
            self._first.open("TRIM_HORIZON")
            self._second.open("LATEST")  # everything before is a copy of what the first one had
            while not self._end.wait(TICK_SECONDS):
                for region in (self._first, self._second):
                    region.read()
                for source, target in ((self._first, self._second), (self._second, self._first)):
                    self._apply(source, target)
                    self._copy_objects(source, target)
        except Exception as error:  # the region was lost, or the drill reports it
            self.error = error

    def _apply(self, source: RegionTables, target: RegionTables) -> None:
        while source.pending and time.monotonic() - source.pending[0].read_at >= self._lag:
            target.receive(source.pending[0])
            source.pending.popleft()

    def _copy_objects(self, source: RegionTables, target: RegionTables) -> None:
        for name in BUCKETS:
            bucket = _bucket(source.stack, name)
            for page in source.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
                for key in (found["Key"] for found in page.get("Contents", [])):
                    if (name, key) not in self._copied:
                        _copy(source.s3.get_object(Bucket=bucket, Key=key), target, _bucket(target.stack, name), key)
                        self._copied.add((name, key))


def _copy(read: Any, target: RegionTables, bucket: str, key: str) -> None:
    target.s3.put_object(
        Bucket=bucket,
        Key=key,
        Body=read["Body"].read(),
        ContentType=read["ContentType"],
        CacheControl=read.get("CacheControl", ""),
        Metadata=read["Metadata"],
    )


def _text(item: Item) -> str:
    """Return an item as text, the same for the same content."""
    return json.dumps(item, sort_keys=True, default=repr)


def _bucket(stack: LocalStack, name: str) -> str:
    outputs = {"gallery": "GalleryBucketName", "analytics": "AnalyticsBucketName"}
    return stack.outputs[outputs[name]]
