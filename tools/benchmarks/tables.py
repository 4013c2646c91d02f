"""DynamoDB's reads on millions of items in B-trees. A read touches the entries for which DynamoDB would charge.

SQLite contains the keys of every item, for its table and for each index. The items of a table differ only in their
keys and are built when they are read. GetItem, BatchGetItem and Query are answered at botocore's `before-send`;
capacity is counted by DynamoDB's rules from the entries that were read. Emulators are no alternative, because they read
the whole table for each query.
"""

import json
import math
import re
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from botocore.awsrequest import AWSResponse

from tools.benchmarks.canned import OWNER_KEYS, _Raw, owner_key
from tools.benchmarks.units import READ_BYTES, Item, item_size

NUMBER: Final = "NUMBER"
"""A placeholder for the twelve hexadecimal digits of an item."""
TIME: Final = "TIME"
OWNER: Final = "OWNER"
LAST: Final = "\U0010ffff"
"""Sorts after every text with the same beginning."""
PAGE_BYTES: Final = 1024 * 1024
BATCH: Final = 50_000


@dataclass(frozen=True)
class Tree:
    """A table or an index."""

    name: str
    keys: tuple[str, ...]
    """Partition key, and sort key if there is one."""
    projected: frozenset[str] | None
    """Attributes; None for all."""


class Tables:
    """Tables in one SQLite file. ``time`` returns the creation time of an item by its number."""

    def __init__(self, path: Path, time: Callable[[int], str]) -> None:
        self._time = time
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("PRAGMA synchronous = OFF")
        self._trees: dict[tuple[str, str | None], Tree] = {}
        self._templates: dict[str, Sequence[str]] = {}
        self.units = 0.0
        """Read units consumed so far."""

    def create(self, table: str, properties: Mapping[str, Any], templates: Sequence[Item]) -> None:
        """Create ``table`` with the ``properties`` of its resource. ``templates`` are its items with placeholders."""
        self._templates[table] = [json.dumps(template) for template in templates]
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
            for template, item in enumerate(map(json.loads, self._templates[table])):
                if all(key in item for key in tree.keys):
                    key, sort = (*(_pattern(item[name]["S"]) for name in tree.keys), "")[:2]
                    keys.append((found[tree.name], template, key, sort))
        self._database.execute("BEGIN")
        for number in numbers:
            own = {NUMBER: f"{number:012x}", OWNER: owner, TIME: self._time(number)}
            for entries, template, key, sort in keys:
                entries.append((key % own, sort % own, number, owner, template))
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
        """Respond to one request of botocore."""
        operation, call = event_name.split(".")[2], json.loads(request.body)
        answer = {"GetItem": self._get, "BatchGetItem": self._batch_get, "Query": self._query}[operation](call)
        body = json.dumps(answer).encode()
        headers: Any = {"content-length": str(len(body)), "content-type": "application/x-amz-json-1.0"}
        return AWSResponse(request.url, 200, headers, _Raw(body))

    def _get(self, call: Mapping[str, Any]) -> dict[str, Any]:
        if call["TableName"] == OWNER_KEYS.decode():
            return owner_key()
        tree = self._trees[call["TableName"], None]
        key, sort = (*(call["Key"][name]["S"] for name in tree.keys), "")[:2]
        found = self._database.execute(
            f"SELECT number, owner, blank FROM {tree.name} WHERE hash = ? AND range = ?", (key, sort)
        ).fetchone()
        item = self._item(call["TableName"], tree, found) if found else None
        self._charge(item_size(item) if item else 0, call)
        return {"Item": item} if item else {}

    def _batch_get(self, call: Mapping[str, Any]) -> dict[str, Any]:
        """Read each key by itself, as it is charged. Whole items are returned, also if the call asks for less."""
        found = {
            table: [
                answer["Item"]
                for key in read["Keys"]
                if (answer := self._get({**read, "TableName": table, "Key": key}))
            ]
            for table, read in call["RequestItems"].items()
        }
        return {"Responses": found, "UnprocessedKeys": {}}

    def _query(self, call: Mapping[str, Any]) -> dict[str, Any]:
        table, tree = call["TableName"], self._trees[call["TableName"], call.get("IndexName")]
        where, parameters = _condition(call, tree)
        order = "ASC" if call.get("ScanIndexForward", True) else "DESC"
        entries = self._database.execute(
            f"SELECT number, owner, blank FROM {tree.name} WHERE {where} ORDER BY range {order} LIMIT ?",
            (*parameters, call.get("Limit", -1)),
        )
        looked_at, kept, size = 0, [], 0
        last: Item = {}
        for entry in entries:
            last = self._item(table, tree, entry)
            looked_at, size = looked_at + 1, size + item_size(last)
            if _matches_filter(last, call):
                kept.append(last)
            if size >= PAGE_BYTES:
                break
        self._charge(size, call)
        answer: dict[str, Any] = {"Items": kept, "Count": len(kept), "ScannedCount": looked_at}
        if looked_at == call.get("Limit") or size >= PAGE_BYTES:
            names = {*self._trees[table, None].keys, *tree.keys}
            answer["LastEvaluatedKey"] = {name: last[name] for name in names}
        return answer

    def _item(self, table: str, tree: Tree, entry: tuple[int, str, int]) -> Item:
        number, owner, template = entry
        text = self._templates[table][template].replace(NUMBER, f"{number:012x}")
        item: Item = json.loads(text.replace(OWNER, owner).replace(TIME, self._time(number)))
        if tree.projected is None:
            return item
        return {name: value for name, value in item.items() if name in tree.projected}

    def _charge(self, size: int, call: Mapping[str, Any]) -> None:
        self.units += max(1, math.ceil(size / READ_BYTES)) * (1 if call.get("ConsistentRead") else 0.5)


def _pattern(text: str) -> str:
    """Return ``text`` with placeholders for the % operator."""
    text = text.replace("%", "%%")
    for place in (NUMBER, OWNER, TIME):
        text = text.replace(place, f"%({place})s")
    return text


def _keys(schema: Sequence[Mapping[str, str]]) -> tuple[str, ...]:
    return tuple(part["AttributeName"] for part in sorted(schema, key=lambda part: part["KeyType"]))


def _condition(call: Mapping[str, Any], tree: Tree) -> tuple[str, list[str]]:
    """Return the key condition as SQL: for the expressions that our queries use. Raises for others."""
    names, values = call.get("ExpressionAttributeNames", {}), call["ExpressionAttributeValues"]
    where, parameters = [], []
    for part in call["KeyConditionExpression"].split(" AND "):
        if begins := re.fullmatch(r"begins_with\((\S+), (\S+)\)", part):
            name, value = begins.groups()
            column = ("hash", "range")[tree.keys.index(names.get(name, name))]
            where.append(f"{column} >= ? AND {column} < ?")
            parameters += [values[value]["S"], values[value]["S"] + LAST]
            continue
        name, operator, value = part.split()
        column = ("hash", "range")[tree.keys.index(names.get(name, name))]
        if operator not in {"=", "<", ">", "<=", ">="}:
            raise NotImplementedError(part)
        where.append(f"{column} {operator} ?")
        parameters.append(values[value]["S"])
    if start := call.get("ExclusiveStartKey"):
        where.append("range < ?" if not call.get("ScanIndexForward", True) else "range > ?")
        parameters.append(start[tree.keys[1]]["S"])
    return " AND ".join(where), parameters


def _matches_filter(item: Item, call: Mapping[str, Any]) -> bool:
    """Return whether ``item`` passes the filter: conditions, or alternatives in parentheses, joined by AND."""
    parts = filter(None, call.get("FilterExpression", "").split(" AND "))
    return all(any(_holds(item, each, call) for each in _alternatives(part)) for part in parts)


def _alternatives(part: str) -> list[str]:
    return part[1:-1].split(" OR ") if part.startswith("(") else [part]


def _holds(item: Item, condition: str, call: Mapping[str, Any]) -> bool:
    """Return whether ``item`` meets an equality or a ``contains``."""
    names, values = call.get("ExpressionAttributeNames", {}), call.get("ExpressionAttributeValues", {})
    if condition.startswith("contains("):
        name, value = condition.removeprefix("contains(").removesuffix(")").split(", ")
        return values[value]["S"] in item.get(names.get(name, name), {}).get("S", "")
    name, operator, value = condition.split()
    if operator != "=":
        raise NotImplementedError(condition)
    return bool(item.get(names.get(name, name)) == values[value])
