"""A stand-in for what AWS replicates between two regions: global tables, secrets, and S3.

Two emulators know nothing of each other. Like on AWS, the replica has the tables' names, keys and indexes, changes
arrive some time after they were made, in the order of each item, and what had not arrived when the region was lost is
lost.
"""

import time
from collections import deque
from collections.abc import Iterator, Mapping
from threading import Event, Thread
from typing import Any, Final, Self

from cli import regions
from local.stack import LocalStack

TICK_SECONDS: Final = 0.2
BUCKETS: Final = ("gallery", "analytics")
"""Those that the template can replicate."""
Record = dict[str, Any]


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


class Replication:
    """Applies the changes of ``source`` to ``target``, ``lag`` seconds after it has read them."""

    def __init__(self, source: LocalStack, target: LocalStack, lag: float) -> None:
        self._lag = lag
        self._source, self._target = source, target
        self._streams, self._replicas = source.client("dynamodbstreams"), target.client("dynamodb")
        self._iterators: dict[str, str] = {}
        self._pending: deque[tuple[float, float, str, Record]] = deque()
        """When a change was read, when the reading before it began, its table, and the change."""
        self._read_since = time.monotonic()
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

    @property
    def complete_until(self) -> float:
        """Everything that was written before this moment, in monotonic seconds, has been applied."""
        return self._pending[0][1] if self._pending else self._read_since

    def _run(self) -> None:
        try:
            self._open()
            while not self._end.wait(TICK_SECONDS):
                self._read()
                self._apply()
                self._copy_objects()
        except Exception as error:  # the region was lost, or the drill reports it
            self.error = error

    def _open(self) -> None:
        for name in regions.TABLES:
            table = f"{self._source.prefix}-{name}"
            arn = self._source.client("dynamodb").describe_table(TableName=table)["Table"]["LatestStreamArn"]
            for shard in self._streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
                position = {"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
                self._iterators[table] = self._streams.get_shard_iterator(**position)["ShardIterator"]

    def _read(self) -> None:
        since, began = self._read_since, time.monotonic()
        for table, iterator in self._iterators.items():
            answer = self._streams.get_records(ShardIterator=iterator)
            self._pending.extend((time.monotonic(), since, table, record) for record in answer["Records"])
            self._iterators[table] = answer["NextShardIterator"]
        self._read_since = began

    def _apply(self) -> None:
        while self._pending and time.monotonic() - self._pending[0][0] >= self._lag:
            _, _, table, record = self._pending[0]
            if record["eventName"] == "REMOVE":
                self._replicas.delete_item(TableName=table, Key=record["dynamodb"]["Keys"])
            else:
                self._replicas.put_item(TableName=table, Item=record["dynamodb"]["NewImage"])
            self._pending.popleft()

    def _copy_objects(self) -> None:
        for name in BUCKETS:
            for key in self._new_keys(name):
                read = self._source.client("s3").get_object(Bucket=_bucket(self._source, name), Key=key)
                self._target.client("s3").put_object(
                    Bucket=_bucket(self._target, name),
                    Key=key,
                    Body=read["Body"].read(),
                    ContentType=read["ContentType"],
                    CacheControl=read.get("CacheControl", ""),
                    Metadata=read["Metadata"],
                )
                self._copied.add((name, key))

    def _new_keys(self, name: str) -> Iterator[str]:
        pages = self._source.client("s3").get_paginator("list_objects_v2").paginate(Bucket=_bucket(self._source, name))
        for page in pages:
            for found in page.get("Contents", []):
                if (name, found["Key"]) not in self._copied:
                    yield found["Key"]


def _bucket(stack: LocalStack, name: str) -> str:
    outputs = {"gallery": "GalleryBucketName", "analytics": "AnalyticsBucketName"}
    return stack.outputs[outputs[name]]
