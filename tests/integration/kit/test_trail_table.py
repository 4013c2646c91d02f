"""The audit trail on moto: concurrent writers, its order, its expiry, and the command that checks it."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from cli.__main__ import main
from kit import trail_table
from kit.errors import TransientError
from kit.trail import Action, Operator, record_fact
from kit.trail_table import CHAINS, TrailTable, chain_of

PREFIX = "genai-images-test"
TABLE = f"{PREFIX}-operations"
ADA = Operator("ada", "arn:ada")
GRACE = Operator("own_grace", "key grace", "192.0.2.7")


@pytest.fixture
def dynamodb(aws_test_environment: None, service_template: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("GENAI_IMAGES_PREFIX", PREFIX)
    with mock_aws():
        client = boto3.client("dynamodb")
        properties = service_template("operations")["Resources"]["Operations"]["Properties"]
        names = ("BillingMode", "AttributeDefinitions", "KeySchema")
        client.create_table(TableName=TABLE, **{name: properties[name] for name in names})
        yield client


@pytest.fixture
def table(dynamodb: Any) -> TrailTable:
    return TrailTable(dynamodb, TABLE, timedelta(days=30))


def action(operator: Operator = ADA, verb: str = "replay") -> Action:
    return Action.begin(operator, verb, about={"step": "storage.store"}, count=1, event_ids=["e"])


def records(dynamodb: Any, operator: Operator = ADA) -> list[dict[str, Any]]:
    """Return the stored records of an actor's chain."""
    found = dynamodb.query(
        TableName=TABLE,
        KeyConditionExpression="pk = :chain",
        ExpressionAttributeValues={":chain": {"S": f"ACTIONS#{chain_of(operator.identity)}"}},
    )
    return list(found["Items"])


def verify(capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    """Return the exit code of `trail verify`, and what it prints of ada's chain."""
    code = main(["trail", "verify", "--output", "json"])
    chains = json.loads(capsys.readouterr().out)
    assert [each["chain"] for each in chains] == list(range(CHAINS))
    return code, chains[chain_of(ADA.identity)]


class Interrupted:
    """A client that lets somebody else write before each of its first transactions."""

    def __init__(self, client: Any, *others: Callable[[], None]) -> None:
        self._client = client
        self._others = list(others)

    def transact_write_items(self, **parameters: Any) -> Any:
        if self._others:
            self._others.pop(0)()
        return self._client.transact_write_items(**parameters)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


def test_actions_of_all_chains_are_listed_newest_first(table: TrailTable) -> None:
    actors = [replace(ADA, identity=f"key {n}") for n in range(12)]
    assert len({chain_of(actor.identity) for actor in actors}) > 1
    written = [action(actor) for actor in actors]
    for one in written:
        table.begin(one)
    done = replace(written[3], outcome={"replayed": 1}, finished_at=datetime.now(UTC))
    table.end(done)

    expected = [done if one is written[3] else one for one in written][::-1]
    assert table.latest(20) == expected
    assert table.latest(2) == expected[:2]


def test_a_call_of_the_api_is_recorded_with_the_clients_address(table: TrailTable) -> None:
    table.begin(action(GRACE))
    assert table.latest(1)[0].to_dict()["address"] == "192.0.2.7"


def test_a_fact_is_an_action_with_its_outcome(table: TrailTable) -> None:
    record_fact(table, GRACE, "give consent", "given", {"terms": "2026-11-28", "key": None})
    (found,) = table.latest(5)
    assert (found.verb, found.outcome, found.about) == ("give consent", {"given": 1}, {"terms": "2026-11-28"})


def test_concurrent_writers_add_to_one_chain(
    dynamodb: Any, table: TrailTable, capsys: pytest.CaptureFixture[str]
) -> None:
    slow = TrailTable(Interrupted(dynamodb, *[lambda: table.begin(action())] * 3), TABLE, timedelta(days=30))  # type: ignore[arg-type]
    slow.begin(action(verb="purge"))
    slow.begin(action(verb="edit"))

    assert [int(item["sk"]["S"]) for item in records(dynamodb)] == [1, 2, 3, 4, 5]
    assert [one.verb for one in table.latest(10)].count("replay") == 3
    assert verify(capsys) == (0, {**verify(capsys)[1], "records": 5, "broken_record": None})


def test_a_writer_gives_up_if_others_are_always_first(
    dynamodb: Any, table: TrailTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trail_table, "PAUSE", 0)
    others = [lambda: table.begin(action())] * trail_table.ATTEMPTS
    with pytest.raises(TransientError):
        TrailTable(Interrupted(dynamodb, *others), TABLE).begin(action(verb="purge"))  # type: ignore[arg-type]
    assert {one.verb for one in table.latest(20)} == {"replay"}


def test_another_failure_is_not_retried(dynamodb: Any, table: TrailTable) -> None:
    dynamodb.delete_table(TableName=TABLE)
    with pytest.raises(dynamodb.exceptions.ResourceNotFoundException):
        table.begin(action())


def test_records_expire_after_the_days_of_the_retention(dynamodb: Any, table: TrailTable) -> None:
    table.begin(action())
    (item,) = records(dynamodb)
    assert abs(int(item["expires_at"]["N"]) - time.time() - timedelta(days=30).total_seconds()) < 60
    heads = [one for one in dynamodb.scan(TableName=TABLE)["Items"] if one["sk"]["S"] == "HEAD"]
    assert [one for one in heads if "expires_at" in one] == [], "the table's TTL would delete the head"


def test_a_changed_record_is_found_and_named(
    dynamodb: Any, table: TrailTable, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(3):
        table.begin(action())
    assert verify(capsys)[0] == 0
    changed = records(dynamodb)[1]
    changed["content"] = {"S": changed["content"]["S"].replace("storage.store", "analytics.record")}
    dynamodb.put_item(TableName=TABLE, Item=changed)

    code, found = verify(capsys)
    assert (code, found["broken_record"], found["reason"]) == (7, 2, "was changed")
    assert main(["trail", "verify"]) == 7
    assert "record 2 was changed" in capsys.readouterr().out


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_removed_record_is_found_and_named(
    dynamodb: Any, table: TrailTable, capsys: pytest.CaptureFixture[str], number: int
) -> None:
    for _ in range(3):
        table.begin(action())
    removed = records(dynamodb)[number - 1]
    dynamodb.delete_item(TableName=TABLE, Key={name: removed[name] for name in ("pk", "sk")})

    code, found = verify(capsys)
    assert (code, found["broken_record"], found["reason"]) == (7, number, "is missing")


def test_a_record_that_was_moved_is_found(dynamodb: Any, table: TrailTable, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        table.begin(action())
    first, second = records(dynamodb)
    dynamodb.put_item(TableName=TABLE, Item={**first, "sk": second["sk"]})

    code, found = verify(capsys)
    assert (code, found["broken_record"]) == (7, 2)
