"""DynamoDB's reads on B-trees, with millions of items: what a read touches is what DynamoDB would charge for.

The keys of every item, in its table and in each index of the template that it is on, stand in SQLite; the items of a
table are alike but for them and are filled in when they are read. GetItem and Query are answered at botocore's
`before-send`, from what the adapters asked for; the capacity is counted by DynamoDB's rules from the entries looked at.
An emulator would not do: those at hand go through the whole table for every query of an index.
"""

import json
import math
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from botocore.awsrequest import AWSResponse

from tools.benchmarks.canned import _Raw
from tools.benchmarks.units import READ_BYTES, Item, item_size

NUMBER: Final = "NUMBER"
"""Stands in an item for twelve hexadecimal digits of its own."""
TIME: Final = "TIME"
OWNER: Final = "OWNER"
PAGE_BYTES: Final = 1024 * 1024
BATCH: Final = 50_000


@dataclass(frozen=True)
class Tree:
    """A table, or an index of one."""

    name: str
    keys: tuple[str, ...]
    """Partition key, and sort key where there is one."""
    projected: frozenset[str] | None
    """Attributes; None for all."""


class Tables:
    """Tables in one SQLite file; ``time`` tells when the item of a number was made."""

    def __init__(self, path: Path, time: Callable[[int], str]) -> None:
        self._time = time
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("PRAGMA synchronous = OFF")
        self._trees: dict[tuple[str, str | None], Tree] = {}
        self._blanks: dict[str, Sequence[str]] = {}
        self.units = 0.0
        """Read units that were consumed so far."""

    def create(self, table: str, properties: Mapping[str, Any], blanks: Sequence[Item]) -> None:
        """Create ``table`` as its template's ``properties`` have it; ``blanks`` are its items, placeholders in them."""
        self._blanks[table] = [json.dumps(blank) for blank in blanks]
        own = _keys(properties["KeySchema"])
        self._add(table, None, Tree(f"t{len(self._trees)}", own, None))
        for index in properties.get("GlobalSecondaryIndexes", []):
            keys = _keys(index["KeySchema"])
            projected = frozenset({*own, *keys, *index["Projection"].get("NonKeyAttributes", [])})
            self._add(table, index["IndexName"], Tree(f"t{len(self._trees)}", keys, projected))

    def _add(self, table: str, index: str | None, tree: Tree) -> None:
        self._trees[table, index] = tree
        self._database.execute(
            f"CREATE TABLE {tree.name} (hash, range, number, owner, blank,"
            " PRIMARY KEY (hash, range, number, blank)) WITHOUT ROWID"
        )

    def fill(self, table: str, owner: str, numbers: Iterable[int]) -> None:
        """Put ``owner``'s items of these numbers into the table and its indexes."""
        found: dict[str, list[tuple[Any, ...]]] = {tree.name: [] for tree in self._of(table)}
        keys: list[tuple[list[tuple[Any, ...]], int, str, str]] = []
        for tree in self._of(table):
            for blank, item in enumerate(map(json.loads, self._blanks[table])):
                if all(key in item for key in tree.keys):
                    key, sort = (*(_pattern(item[name]["S"]) for name in tree.keys), "")[:2]
                    keys.append((found[tree.name], blank, key, sort))
        self._database.execute("BEGIN")
        for number in numbers:
            own = {NUMBER: f"{number:012x}", OWNER: owner, TIME: self._time(number)}
            for entries, blank, key, sort in keys:
                entries.append((key % own, sort % own, number, owner, blank))
            if len(entries) >= BATCH:
                self._flush(found)
        self._flush(found)
        self._database.execute("COMMIT")

    def _flush(self, found: dict[str, list[tuple[Any, ...]]]) -> None:
        for name, entries in found.items():
            self._database.executemany(f"INSERT INTO {name} VALUES (?, ?, ?, ?, ?)", sorted(entries))
            entries.clear()

    def _of(self, table: str) -> list[Tree]:
        return [tree for (name, _), tree in self._trees.items() if name == table]

    def __call__(self, request: Any, event_name: str, **_: Any) -> AWSResponse:
        """Answer one request of botocore's."""
        operation, asked = event_name.split(".")[2], json.loads(request.body)
        answer = {"GetItem": self._get, "Query": self._query}[operation](asked)
        body = json.dumps(answer).encode()
        headers: Any = {"content-length": str(len(body)), "content-type": "application/x-amz-json-1.0"}
        return AWSResponse(request.url, 200, headers, _Raw(body))

    def _get(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        tree = self._trees[asked["TableName"], None]
        key, sort = (*(asked["Key"][name]["S"] for name in tree.keys), "")[:2]
        found = self._database.execute(
            f"SELECT number, owner, blank FROM {tree.name} WHERE hash = ? AND range = ?", (key, sort)
        ).fetchone()
        item = self._item(asked["TableName"], tree, found) if found else None
        self._charge(item_size(item) if item else 0, asked)
        return {"Item": item} if item else {}

    def _query(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        table, tree = asked["TableName"], self._trees[asked["TableName"], asked.get("IndexName")]
        where, parameters = _condition(asked, tree)
        order = "ASC" if asked.get("ScanIndexForward", True) else "DESC"
        entries = self._database.execute(
            f"SELECT number, owner, blank FROM {tree.name} WHERE {where} ORDER BY range {order} LIMIT ?",
            (*parameters, asked.get("Limit", -1)),
        )
        looked_at, kept, size = 0, [], 0
        last: Item = {}
        for entry in entries:
            last = self._item(table, tree, entry)
            looked_at, size = looked_at + 1, size + item_size(last)
            if _wanted(last, asked):
                kept.append(last)
            if size >= PAGE_BYTES:
                break
        self._charge(size, asked)
        answer: dict[str, Any] = {"Items": kept, "Count": len(kept), "ScannedCount": looked_at}
        if looked_at == asked.get("Limit") or size >= PAGE_BYTES:
            names = {*self._trees[table, None].keys, *tree.keys}
            answer["LastEvaluatedKey"] = {name: last[name] for name in names}
        return answer

    def _item(self, table: str, tree: Tree, entry: tuple[int, str, int]) -> Item:
        number, owner, blank = entry
        text = self._blanks[table][blank].replace(NUMBER, f"{number:012x}")
        item: Item = json.loads(text.replace(OWNER, owner).replace(TIME, self._time(number)))
        if tree.projected is None:
            return item
        return {name: value for name, value in item.items() if name in tree.projected}

    def _charge(self, size: int, asked: Mapping[str, Any]) -> None:
        self.units += max(1, math.ceil(size / READ_BYTES)) * (1 if asked.get("ConsistentRead") else 0.5)


def _pattern(text: str) -> str:
    """Return ``text`` with its places as the % operator fills them in."""
    text = text.replace("%", "%%")
    for place in (NUMBER, OWNER, TIME):
        text = text.replace(place, f"%({place})s")
    return text


def _keys(schema: Sequence[Mapping[str, str]]) -> tuple[str, ...]:
    return tuple(part["AttributeName"] for part in sorted(schema, key=lambda part: part["KeyType"]))


def _condition(asked: Mapping[str, Any], tree: Tree) -> tuple[str, list[str]]:
    """Return the key condition as SQL: the part of the language that our queries use. Raises on any other."""
    names, values = asked.get("ExpressionAttributeNames", {}), asked["ExpressionAttributeValues"]
    where, parameters = [], []
    for part in asked["KeyConditionExpression"].split(" AND "):
        name, operator, value = part.split()
        column = ("hash", "range")[tree.keys.index(names.get(name, name))]
        if operator not in {"=", "<", ">", "<=", ">="}:
            raise NotImplementedError(part)
        where.append(f"{column} {operator} ?")
        parameters.append(values[value]["S"])
    if start := asked.get("ExclusiveStartKey"):
        where.append("range < ?" if not asked.get("ScanIndexForward", True) else "range > ?")
        parameters.append(start[tree.keys[1]]["S"])
    return " AND ".join(where), parameters


def _wanted(item: Item, asked: Mapping[str, Any]) -> bool:
    """Tell whether the filter lets ``item`` through: equalities and ``contains``, all of them."""
    names, values = asked.get("ExpressionAttributeNames", {}), asked.get("ExpressionAttributeValues", {})
    for part in filter(None, asked.get("FilterExpression", "").split(" AND ")):
        if part.startswith("contains("):
            name, value = part.removeprefix("contains(").removesuffix(")").split(", ")
            if values[value]["S"] not in item.get(names.get(name, name), {}).get("S", ""):
                return False
        else:
            name, operator, value = part.split()
            if operator != "=":
                raise NotImplementedError(part)
            if item.get(names.get(name, name)) != values[value]:
                return False
    return True
