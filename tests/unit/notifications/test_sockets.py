"""Tickets, connections and pushed messages."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from events.catalog.request_status_changed import RequestStatusChanged, RequestStatusChangedData
from services.notifications import sockets
from services.notifications.push import Push
from services.notifications.sockets import OPENING, TICKET_LIFE, RefusedError, digest_of, reply_to
from tests.unit.notifications.fakes import (
    InMemoryAudience,
    InMemorySockets,
    InMemoryWebhooks,
    RecordingDueQueue,
    RecordingSockets,
)

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
REQUEST = "01a0b9c4-7d2e-7c31-9f60-5b1d2f7a9e04"


def moved(owner: str = "demo", sequence: int = 2) -> RequestStatusChanged:
    data = RequestStatusChangedData(status="checking", previous="generating", sequence=sequence)
    return RequestStatusChanged.first(REQUEST, owner, data, occurred_at=NOW, index=sequence)


def listen(store: InMemorySockets, owner: str, name: str, since: datetime = NOW - timedelta(minutes=1)) -> None:
    text, _ = sockets.create_ticket(store, owner, since)
    store.connect(digest_of(text), name, since)


def push(store: InMemorySockets, gateway: RecordingSockets, now: datetime = NOW) -> Push:
    return Push(InMemoryAudience(store, InMemoryWebhooks()), gateway, RecordingDueQueue(), lambda: now)


def test_a_ticket_is_stored_as_a_hash_for_a_minute() -> None:
    store = InMemorySockets()

    text, expires_at = sockets.create_ticket(store, "demo", NOW)

    assert expires_at == NOW + TICKET_LIFE == NOW + timedelta(seconds=60)
    assert store.tickets == {digest_of(text): ("demo", expires_at)}
    assert len(text) >= 43
    assert text not in repr(store.tickets)


def test_tickets_are_unique() -> None:
    store = InMemorySockets()
    assert len({sockets.create_ticket(store, "demo", NOW)[0] for _ in range(100)}) == 100


def test_only_connections_of_the_owner_receive_messages() -> None:
    store, gateway = InMemorySockets(), RecordingSockets()
    for owner, name in (("demo", "phone"), ("demo", "desk"), ("mallory", "ear")):
        listen(store, owner, name)

    assert push(store, gateway)(moved()) == []

    assert sorted(name for name, _ in gateway.sent) == ["desk", "phone"]
    (text,) = {text for _, text in gateway.sent}
    assert json.loads(text) == {
        "type": "request.status_changed",
        "id": moved().metadata.event_id,
        "timestamp": "2026-11-24T12:00:00Z",
        "data": {"request_id": REQUEST, "sequence": 2, "status": "checking", "previous": "generating"},
    }


def test_a_closed_connection_is_deleted() -> None:
    store, gateway = InMemorySockets(), RecordingSockets()
    listen(store, "demo", "phone")
    listen(store, "demo", "desk")
    gateway.gone = {"phone"}

    push(store, gateway)(moved())

    assert list(store.open) == ["desk"]


def test_a_connection_that_is_being_opened_is_kept() -> None:
    store, gateway = InMemorySockets(), RecordingSockets()
    listen(store, "demo", "phone", NOW)
    gateway.gone = {"phone"}

    push(store, gateway, NOW + OPENING)(moved())
    assert list(store.open) == ["phone"]

    push(store, gateway, NOW + OPENING + timedelta(seconds=1))(moved())
    assert store.open == {}


def test_a_failing_connection_does_not_affect_the_others() -> None:
    store, gateway = InMemorySockets(), RecordingSockets()
    for name in ("a", "b", "c"):
        listen(store, "demo", name)
    gateway.busy = {"b"}

    with pytest.raises(ConnectionError):
        push(store, gateway)(moved())

    assert {name for name, _ in gateway.sent} == {"a", "c"}


def test_an_expired_connection_is_not_used() -> None:
    store, gateway = InMemorySockets(), RecordingSockets()
    listen(store, "demo", "old", NOW - timedelta(hours=2))

    push(store, gateway)(moved())

    assert gateway.sent == []


def test_a_used_expired_or_invented_ticket_is_refused() -> None:
    store = InMemorySockets()
    text, expires_at = sockets.create_ticket(store, "demo", NOW)
    with pytest.raises(RefusedError, match="expired"):
        store.connect(digest_of(text), "late", expires_at)
    store.connect(digest_of(text), "first", NOW)
    for ticket in (text, "made up", ""):
        with pytest.raises(RefusedError, match="unknown ticket"):
            store.connect(digest_of(ticket), "second", NOW)


@pytest.mark.parametrize(
    "said", ["", "ping", '"ping"', "[1]", '{"type": "pong"}', '{"type": "ping", "x": 1}', "[" * 900]
)
def test_any_message_except_a_ping_is_an_error(said: str) -> None:
    assert json.loads(reply_to(said).model_dump_json())["type"] == "error"


def test_a_ping_gets_a_pong() -> None:
    assert json.loads(reply_to('{"type": "ping"}').model_dump_json()) == {"type": "pong"}


def test_a_message_that_is_too_long_is_not_parsed() -> None:
    assert reply_to('{"type":' + " " * 2000 + '"ping"}').model_dump()["type"] == "error"
