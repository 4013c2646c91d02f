"""Push reads the subscribers of an owner once per batch, and never uses what it read for an earlier batch."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from events.catalog.appeal_decided import AppealDecided
from events.catalog.export_ready import ExportReady
from events.catalog.request_status_changed import RequestStatusChanged, RequestStatusChangedData
from kit.consumer import Consumer, EachMessage
from services.notifications import sockets
from services.notifications.push import Push
from services.notifications.sockets import Connection, digest_of
from services.notifications.webhooks import ANNOUNCED, Announced, Webhook
from tests.support.events import RecordingBus, RecordingQueue, sample, sqs_record
from tests.unit.notifications.fakes import (
    InMemoryAudience,
    InMemorySockets,
    InMemoryWebhooks,
    RecordingDueQueue,
    RecordingSockets,
)

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def changed(owner: str = "demo") -> RequestStatusChanged:
    data = RequestStatusChangedData(status="checking", previous="generating", sequence=2)
    return RequestStatusChanged.first(str(uuid4()), owner, data, occurred_at=NOW, index=2)


class CountedAudience(InMemoryAudience):
    """Records whose subscribers are read, and fails for the owners in ``unreadable``."""

    def __init__(self, connections: InMemorySockets, webhooks: InMemoryWebhooks) -> None:
        super().__init__(connections, webhooks)
        self.read: list[str] = []
        self.unreadable: set[str] = set()

    def of(self, owner: str) -> tuple[Sequence[Connection], Sequence[Webhook]]:
        self.read.append(owner)
        if owner in self.unreadable:
            raise ConnectionError(owner)
        return super().of(owner)


class Pushing:
    """The function ``push`` on fakes."""

    def __init__(self) -> None:
        self.connections, self.webhooks = InMemorySockets(), InMemoryWebhooks()
        self.audience = CountedAudience(self.connections, self.webhooks)
        self.gateway, self.due = RecordingSockets(), RecordingDueQueue()
        push = Push(self.audience, self.gateway, self.due, lambda: NOW)
        process = EachMessage(push, begin=push.begin_batch)
        self._consumer = Consumer(
            "notifications.push",
            ANNOUNCED,
            process,
            queue=RecordingQueue(),
            bus=RecordingBus(),
        )

    def connect(self, name: str, owner: str = "demo") -> None:
        opened = NOW - timedelta(minutes=1)
        text, _ = sockets.create_ticket(self.connections, owner, opened)
        self.connections.connect(digest_of(text), name, opened)

    def batch(self, *events: Announced) -> int:
        """Handle a batch and return how many messages failed."""
        return len(self._consumer({"Records": [sqs_record(event) for event in events]})["batchItemFailures"])


def test_the_subscribers_of_an_owner_are_read_once_per_batch() -> None:
    pushing = Pushing()
    pushing.connect("phone")

    assert pushing.batch(*[changed() for _ in range(6)], *[changed("eve") for _ in range(4)]) == 0

    assert pushing.audience.read == ["demo", "eve"]
    assert [name for name, _ in pushing.gateway.sent] == ["phone"] * 6


def test_a_connection_that_opens_between_batches_receives_the_next_change() -> None:
    pushing = Pushing()
    pushing.batch(changed())
    pushing.connect("phone")
    pushing.batch(changed())

    assert [name for name, _ in pushing.gateway.sent] == ["phone"]


def test_unreadable_subscribers_fail_the_changes_of_their_owner_only() -> None:
    pushing = Pushing()
    pushing.connect("phone")
    pushing.audience.unreadable = {"eve"}

    assert pushing.batch(changed("eve"), changed(), changed("eve")) == 2
    assert [name for name, _ in pushing.gateway.sent] == ["phone"]


def test_a_closed_connection_is_tried_once_per_batch() -> None:
    pushing = Pushing()
    pushing.connect("phone")
    pushing.connect("desk")
    pushing.gateway.gone = {"phone"}

    pushing.batch(changed(), changed(), changed())

    assert [name for name, _ in pushing.gateway.sent] == ["desk"] * 3
    assert pushing.audience.read == ["demo", "demo"]


def test_a_decided_appeal_is_announced_to_the_webhook_of_the_request_too() -> None:
    pushing = Pushing()
    pushing.connect("phone")
    event = sample("AppealDecided")
    assert isinstance(event, AppealDecided)
    before = event.metadata.occurred_at - timedelta(days=1)
    named = Webhook("b" * 16, "demo", "https://example.com", "", ("succeeded",), before, requests="named")
    pushing.webhooks.add(named)
    pushing.webhooks.add(replace(named, webhook_id="c" * 16))
    event = event.model_copy(update={"data": event.data.model_copy(update={"webhook_id": "b" * 16})})

    assert pushing.batch(event) == 0

    ((_, text),) = pushing.gateway.sent
    message = json.loads(text)
    assert (message["type"], message["data"]["decision"]) == ("appeal.decided", event.data.decision)
    assert message["data"]["request_id"] == event.metadata.request_id
    (due,) = pushing.due.sent
    assert (due.data.webhook_id, due.data.kind, due.data.body) == ("b" * 16, "appeal.decided", text)


def test_an_export_is_announced_on_sockets_and_to_webhooks() -> None:
    pushing = Pushing()
    pushing.connect("phone")
    event = sample("ExportReady")
    assert isinstance(event, ExportReady)
    before = event.metadata.occurred_at - timedelta(days=1)
    every = Webhook("a" * 16, "demo", "https://example.com", "", ("succeeded",), before)
    pushing.webhooks.add(every)
    pushing.webhooks.add(replace(every, webhook_id="b" * 16, requests="named"))

    assert pushing.batch(event) == 0

    ((name, text),) = pushing.gateway.sent
    assert (name, json.loads(text)["type"]) == ("phone", "export.ready")
    (due,) = pushing.due.sent
    assert (due.data.webhook_id, due.data.kind, due.data.body) == ("a" * 16, "export.ready", text)
    assert json.loads(text)["data"]["export_id"] == event.data.export_id
