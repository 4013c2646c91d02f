"""Tickets, connections, webhooks and deliveries: one suite for the fakes and for DynamoDB on moto."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from events.pipeline import TERMINAL
from services.notifications import sockets
from services.notifications.repository.connections import ConnectionTable
from services.notifications.repository.webhooks import SubscriberTable, WebhookTable
from services.notifications.sockets import CONNECTION_LIFE, CONNECTIONS_MAX, RefusedError, SocketStore, digest_of
from services.notifications.webhooks import (
    SENDS_MAX,
    WEBHOOKS_MAX,
    Attempt,
    Delivery,
    StaleError,
    TooManyError,
    Webhook,
    WebhookStore,
)
from tests.unit.notifications.fakes import InMemorySockets, InMemoryWebhooks

STATUSES = tuple(TERMINAL)
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
    return digest_of(sockets.create_ticket(store, owner, now)[0])


def test_a_ticket_opens_one_connection_of_its_owner(store: SocketStore) -> None:
    digest = ticket(store)

    connection = store.connect(digest, "c1", NOW)

    assert (connection.owner, connection.connection_id) == ("demo", "c1")
    assert [each.connection_id for each in store.connections("demo", NOW)] == ["c1"]
    assert store.connections("mallory", NOW) == []
    with pytest.raises(RefusedError):
        store.connect(digest, "c2", NOW)


def test_an_expired_or_unknown_ticket_opens_no_connection(store: SocketStore) -> None:
    with pytest.raises(RefusedError, match="expired"):
        store.connect(ticket(store), "c1", NOW + timedelta(seconds=60))
    with pytest.raises(RefusedError, match="unknown ticket"):
        store.connect(digest_of("made up"), "c1", NOW)
    assert store.connections("demo", NOW) == []


def test_a_refused_connection_does_not_use_its_ticket(store: SocketStore) -> None:
    for number in range(CONNECTIONS_MAX):
        store.connect(ticket(store), f"c{number}", NOW)
    spare = ticket(store)
    with pytest.raises(RefusedError, match="too many"):
        store.connect(spare, "one more", NOW)
    store.connect(ticket(store, "mallory"), "other", NOW)

    store.disconnect("c7")
    store.connect(spare, "one more", NOW)

    names = {each.connection_id for each in store.connections("demo", NOW)}
    assert len(names) == CONNECTIONS_MAX
    assert "one more" in names
    assert "c7" not in names


def test_expired_connections_do_not_count_towards_the_limit(store: SocketStore) -> None:
    for number in range(CONNECTIONS_MAX):
        store.connect(ticket(store), f"c{number}", NOW)
    later = NOW + CONNECTION_LIFE

    store.connect(ticket(store, now=later), "new", later)

    assert [each.connection_id for each in store.connections("demo", later)] == ["new"]


def test_deleting_a_connection_is_idempotent(store: SocketStore) -> None:
    store.connect(ticket(store), "c1", NOW)
    for _ in range(2):
        store.disconnect("c1")
    store.disconnect("never was")

    assert store.connections("demo", NOW) == []


def test_the_table_contains_no_ticket_and_all_items_expire(dynamodb: Any) -> None:
    table = ConnectionTable(dynamodb, TABLE)
    text, _ = sockets.create_ticket(table, "demo", NOW)
    spent, _ = sockets.create_ticket(table, "demo", NOW)
    table.connect(digest_of(spent), "c1", NOW)

    items = dynamodb.scan(TableName=TABLE)["Items"]

    assert len(items) == 3
    assert all(int(item["expires_at"]["N"]) > NOW.timestamp() for item in items)
    assert text not in repr(items)
    assert spent not in repr(items)


# Webhooks ------------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["fake", "moto"])
def webhooks(request: pytest.FixtureRequest) -> WebhookStore:
    if request.param == "fake":
        return InMemoryWebhooks()
    return WebhookTable(request.getfixturevalue("dynamodb"), TABLE)


def hook(number: int = 0, owner: str = "demo", **others: Any) -> Webhook:
    name = f"webhook{chr(ord('a') + number)}".ljust(16, "2")
    plain = Webhook(name, owner, "https://example.com/x?y=z", "", STATUSES, NOW + timedelta(seconds=number))
    return replace(plain, **others)


def delivery(number: int = 0, **others: Any) -> Delivery:
    plain = Delivery(
        delivery_id=f"01a0b9c4-980f-7b3e-8f60-{number:012x}",
        webhook_id=hook().webhook_id,
        owner="demo",
        request_id="01a0b9c4-7d2e-7c31-9f60-5b1d2f7a9e04",
        kind="succeeded",
        body='{"type":"größer"}',
        created_at=NOW,
        due_at=NOW,
    )
    return replace(plain, **others)


def test_a_stored_webhook_is_read_unchanged(webhooks: WebhookStore) -> None:
    plain = hook()
    full = hook(1, description="for billing", requests="named", generation=3, previous_until=NOW, disabled_at=NOW)
    for kept in (full, plain):
        webhooks.add(kept)
        assert webhooks.webhook("demo", kept.webhook_id) == kept

    assert webhooks.webhooks("demo") == [plain, full]
    assert webhooks.webhooks("mallory") == []
    assert webhooks.webhook("mallory", plain.webhook_id) is None


def test_the_number_of_webhooks_per_owner_is_limited(webhooks: WebhookStore) -> None:
    for number in range(WEBHOOKS_MAX):
        webhooks.add(hook(number))
    with pytest.raises(TooManyError):
        webhooks.add(hook(20))
    webhooks.add(hook(20, "mallory"))
    webhooks.remove("demo", hook(3).webhook_id)
    webhooks.add(hook(20))

    assert len(webhooks.webhooks("demo")) == WEBHOOKS_MAX


def test_a_rotation_increments_the_secret_and_keeps_the_overlap(webhooks: WebhookStore) -> None:
    webhooks.add(hook())
    until = NOW + timedelta(hours=1)

    assert webhooks.rotate("demo", hook().webhook_id, 2, until) == hook(generation=2, master=2, previous_until=until)
    assert webhooks.rotate("demo", hook().webhook_id, 2, None) == hook(generation=3, master=2, previous_master=2)
    assert webhooks.webhook("demo", hook().webhook_id) == hook(generation=3, master=2, previous_master=2)


def test_changes_of_an_unknown_webhook_create_none(webhooks: WebhookStore) -> None:
    name = hook().webhook_id
    with pytest.raises(KeyError):
        webhooks.rotate("demo", name, 1, None)
    with pytest.raises(KeyError):
        webhooks.remove("demo", name)
    webhooks.disable("demo", name, NOW)

    assert webhooks.webhooks("demo") == []


def test_a_webhook_is_disabled_once(webhooks: WebhookStore) -> None:
    webhooks.add(hook())
    for minutes in (0, 5):
        webhooks.disable("demo", hook().webhook_id, NOW + timedelta(minutes=minutes))

    assert webhooks.webhook("demo", hook().webhook_id) == hook(disabled_at=NOW)


def test_a_stored_delivery_is_read_unchanged(webhooks: WebhookStore) -> None:
    attempts = (
        Attempt(NOW, 12, 500, "HTTP 500"),
        Attempt(NOW, 0, None, "no answer in time"),
        Attempt(NOW, 9, 204, None),
    )
    for each in (
        delivery(),
        delivery(1, state="failed", round=1000, tries=9, resends=1, attempts=attempts, due_at=NOW + timedelta(hours=1)),
    ):
        written = webhooks.save(each)
        assert written == replace(each, revision=1)
        assert webhooks.delivery(each.webhook_id, each.delivery_id) == written
    assert webhooks.delivery(hook(1).webhook_id, delivery().delivery_id) is None


def test_pings_and_resends_are_limited_per_owner_and_hour(webhooks: WebhookStore) -> None:
    for _ in range(SENDS_MAX):
        webhooks.count_send("demo", NOW)
    with pytest.raises(TooManyError):
        webhooks.count_send("demo", NOW)
    webhooks.count_send("mallory", NOW)
    webhooks.count_send("demo", NOW + timedelta(hours=1))


def test_of_two_concurrent_writes_of_a_delivery_one_is_refused(webhooks: WebhookStore) -> None:
    read = webhooks.save(delivery())
    with pytest.raises(StaleError):
        webhooks.save(delivery(tries=1))
    webhooks.save(replace(read, tries=1))
    with pytest.raises(StaleError):
        webhooks.save(replace(read, tries=2))

    found = webhooks.delivery(read.webhook_id, read.delivery_id)
    assert found is not None
    assert (found.tries, found.revision) == (1, 2)


def test_a_log_is_read_page_by_page_newest_first(webhooks: WebhookStore) -> None:
    for number in range(5):
        webhooks.save(delivery(number))
    webhooks.save(delivery(9, webhook_id=hook(1).webhook_id))

    seen: list[str] = []
    after = None
    for _ in range(4):
        page = webhooks.page(hook().webhook_id, 2, after)
        seen += [each.delivery_id for each in page.deliveries]
        after = page.last
        if after is None:
            break

    assert after is None
    assert seen == [delivery(number).delivery_id for number in (4, 3, 2, 1, 0)]


def test_connections_and_webhooks_are_found_with_one_query(dynamodb: Any) -> None:
    connections, table = ConnectionTable(dynamodb, TABLE), WebhookTable(dynamodb, TABLE)
    subscribers = SubscriberTable(dynamodb, TABLE)
    assert subscribers.of("demo") == ([], [])
    connection = connections.connect(ticket(connections), "c1", NOW)
    for number in (1, 0):
        table.add(hook(number))

    assert subscribers.of("demo") == ([connection], [hook(0), hook(1)])
    assert subscribers.of("mallory") == ([], [])
    subscribers.disconnect("c1")
    assert subscribers.of("demo") == ([], [hook(0), hook(1)])


def test_deliveries_expire_and_webhooks_do_not(dynamodb: Any) -> None:
    table = WebhookTable(dynamodb, TABLE, timedelta(days=77))
    table.add(hook())
    table.save(delivery())

    expiry = {item["pk"]["S"].split("#")[0]: item.get("expires_at") for item in dynamodb.scan(TableName=TABLE)["Items"]}
    assert expiry == {"OWNER": None, "DELIVERIES": {"N": str(int((NOW + timedelta(days=77)).timestamp()))}}
