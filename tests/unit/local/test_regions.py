"""The stand-in for global tables: both regions end with the later version of an item, however changes cross."""

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from local.regions import RegionTables

TABLE = "genai-images-test-requests"
KEY = {"pk": {"S": "SIGNALS"}}


class Emulator:
    """One table with its stream, and the stack that has it."""

    prefix = "genai-images-test"

    def __init__(self, region: str, clock: Iterator[int]) -> None:
        self.region, self._clock = region, clock
        self.item: dict[str, Any] | None = None
        self.records: list[Any] = []

    def client(self, _service: str) -> "Emulator":
        return self

    def describe_table(self, TableName: str) -> Any:
        return {"Table": {"LatestStreamArn": TableName}}

    def describe_stream(self, StreamArn: str) -> Any:
        return {"StreamDescription": {"Shards": [{"ShardId": "1"}] if StreamArn == TABLE else []}}

    def get_shard_iterator(self, **_: str) -> Any:
        return {"ShardIterator": "0"}

    def get_records(self, ShardIterator: str) -> Any:
        return {"Records": self.records[int(ShardIterator) :], "NextShardIterator": str(len(self.records))}

    def put_item(self, TableName: str, Item: Any, ReturnValues: str = "") -> Any:
        return self._write(Item)

    def delete_item(self, TableName: str, Key: Any, ReturnValues: str = "") -> Any:
        return self._write(None)

    def _write(self, item: Any) -> Any:
        old, self.item = self.item, item
        if old != item:
            number = f"{next(self._clock):020d}0000000001"
            image = {"NewImage": item} if item else {}
            self.records.append({"dynamodb": {"Keys": KEY, "SequenceNumber": number, **image}})
        return {"Attributes": old} if old else {}

    def write(self, active: str | None) -> None:
        self._write({**KEY, "active": {"S": active}} if active else None)

    @property
    def active(self) -> str | None:
        return self.item["active"]["S"] if self.item else None


class Pair:
    """Two regions and what replicates between them, step by step."""

    def __init__(self) -> None:
        clock = count(1)
        self.east, self.west = Emulator("us-east-1", clock), Emulator("us-west-2", clock)
        self._tables = [RegionTables(each) for each in (self.east, self.west)]  # type: ignore[arg-type]
        for each in self._tables:
            each.open("TRIM_HORIZON")

    def read(self) -> None:
        for each in self._tables:
            each.read()

    def apply(self) -> None:
        for source, target in (self._tables, self._tables[::-1]):
            while source.pending:
                target.receive(source.pending.popleft())

    @property
    def actives(self) -> list[str | None]:
        return [self.east.active, self.west.active]

    def changes(self) -> int:
        return len(self.east.records) + len(self.west.records)


@pytest.fixture
def pair() -> Pair:
    return Pair()


@pytest.mark.parametrize("value", ["us-west-2", None])
def test_a_change_arrives_and_does_not_come_back(pair: Pair, value: str | None) -> None:
    for written in ("us-east-1", value):
        pair.east.write(written)
        pair.read()
        pair.apply()
    assert pair.actives == [value, value]
    changes = pair.changes()
    for _ in range(2):
        pair.read()
        pair.apply()
    assert pair.changes() == changes == 4, "two in each region"


def test_of_two_changes_that_cross_the_later_one_wins(pair: Pair) -> None:
    pair.west.write("us-west-2")
    pair.east.write("us-east-1")
    pair.read()
    pair.apply()
    assert pair.actives == ["us-east-1", "us-east-1"]


def test_a_change_that_replication_did_not_see_wins_if_it_is_later(pair: Pair) -> None:
    pair.east.write("us-east-1")
    pair.read()
    pair.west.write("us-west-2")  # between the reading of its stream and the change that arrives
    pair.apply()
    assert pair.actives == ["us-east-1", "us-east-1"], "not yet noticed"
    for _ in range(2):
        pair.read()
        pair.apply()
    assert pair.actives == ["us-west-2", "us-west-2"]
