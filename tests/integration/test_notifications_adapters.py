"""Tickets and connections: one suite for the table on moto and for its fake."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from services.notifications import sockets
from services.notifications.adapters.connections import ConnectionTable
from services.notifications.sockets import CONNECTION_LIFE, MOST_CONNECTIONS, RefusedError, SocketStore, digest_of
from tests.unit.notifications.fakes import InMemorySockets

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
TABLE = "notifications"


@pytest.fixture
def dynamodb(aws_test_environment: None, service_template: Any) -> Iterator[Any]:
    with mock_aws():
        properties = service_template("notifications")["Resources"]["Notifications"]["Properties"]
        names = ("BillingMode", "AttributeDefinitions", "KeySchema")
        client = boto3.client("dynamodb")
        client.create_table(TableName=TABLE, **{name: properties[name] for name in names})
        yield client


@pytest.fixture(params=["fake", "moto"])
def store(request: pytest.FixtureRequest) -> SocketStore:
    if request.param == "fake":
        return InMemorySockets()
    return ConnectionTable(request.getfixturevalue("dynamodb"), TABLE)


def ticket(store: SocketStore, owner: str = "demo", now: datetime = NOW) -> str:
    return digest_of(sockets.buy_ticket(store, owner, now)[0])


def test_a_ticket_opens_one_connection_of_its_owner(store: SocketStore) -> None:
    digest = ticket(store)

    connection = store.connect(digest, "c1", NOW)

    assert (connection.owner, connection.connection_id) == ("demo", "c1")
    assert [each.connection_id for each in store.connections("demo", NOW)] == ["c1"]
    assert store.connections("mallory", NOW) == []
    with pytest.raises(RefusedError):
        store.connect(digest, "c2", NOW)


def test_a_ticket_does_not_open_when_its_minute_is_over_or_nobody_sold_it(store: SocketStore) -> None:
    with pytest.raises(RefusedError, match="expired"):
        store.connect(ticket(store), "c1", NOW + timedelta(seconds=60))
    with pytest.raises(RefusedError, match="no such ticket"):
        store.connect(digest_of("made up"), "c1", NOW)
    assert store.connections("demo", NOW) == []


def test_an_owner_has_only_so_many_connections_and_the_ticket_of_one_too_many_is_not_spent(store: SocketStore) -> None:
    for number in range(MOST_CONNECTIONS):
        store.connect(ticket(store), f"c{number}", NOW)
    spare = ticket(store)
    with pytest.raises(RefusedError, match="too many"):
        store.connect(spare, "one more", NOW)
    store.connect(ticket(store, "mallory"), "other", NOW)

    store.disconnect("c7")
    store.connect(spare, "one more", NOW)

    names = {each.connection_id for each in store.connections("demo", NOW)}
    assert len(names) == MOST_CONNECTIONS
    assert "one more" in names
    assert "c7" not in names


def test_connections_that_ended_without_a_word_do_not_count_against_the_limit(store: SocketStore) -> None:
    for number in range(MOST_CONNECTIONS):
        store.connect(ticket(store), f"c{number}", NOW)
    later = NOW + CONNECTION_LIFE

    store.connect(ticket(store, now=later), "new", later)

    assert [each.connection_id for each in store.connections("demo", later)] == ["new"]


def test_a_connection_is_forgotten_as_often_as_one_likes(store: SocketStore) -> None:
    store.connect(ticket(store), "c1", NOW)
    for _ in range(2):
        store.disconnect("c1")
    store.disconnect("never was")

    assert store.connections("demo", NOW) == []


def test_nothing_in_the_table_is_a_ticket_and_everything_expires(dynamodb: Any) -> None:
    table = ConnectionTable(dynamodb, TABLE)
    text, _ = sockets.buy_ticket(table, "demo", NOW)
    spent, _ = sockets.buy_ticket(table, "demo", NOW)
    table.connect(digest_of(spent), "c1", NOW)

    items = dynamodb.scan(TableName=TABLE)["Items"]

    assert len(items) == 3
    assert all(int(item["expires_at"]["N"]) > NOW.timestamp() for item in items)
    assert text not in repr(items)
    assert spent not in repr(items)
