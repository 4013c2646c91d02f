"""Fakes for the ports of notifications."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from services.notifications.deliveries import Reply
from services.notifications.sockets import CONNECTIONS_MAX, Connection, RefusedError
from services.notifications.webhooks import (
    HOUR,
    SENDS_MAX,
    WEBHOOKS_MAX,
    Delivery,
    DeliveryPage,
    StaleError,
    TooManyError,
    Webhook,
    WebhookDue,
)


class InMemorySockets:
    """Tickets and connections in dictionaries. Implements ``SocketStore``."""

    def __init__(self) -> None:
        self.tickets: dict[str, tuple[str, datetime]] = {}
        self.open: dict[str, Connection] = {}

    def add_ticket(self, digest: str, owner: str, expires_at: datetime) -> None:
        self.tickets[digest] = (owner, expires_at)

    def connect(self, digest: str, connection_id: str, now: datetime) -> Connection:
        owner, expires_at = self.tickets.get(digest, ("", now))
        if not owner:
            raise RefusedError("unknown ticket")
        if expires_at <= now:
            raise RefusedError("ticket expired")
        if len(self.connections(owner, now)) >= CONNECTIONS_MAX:
            raise RefusedError("too many connections")
        del self.tickets[digest]
        self.open[connection_id] = Connection(owner, connection_id, now.replace(microsecond=0))
        return self.open[connection_id]

    def disconnect(self, connection_id: str) -> None:
        self.open.pop(connection_id, None)

    def connections(self, owner: str, now: datetime) -> Sequence[Connection]:
        found = [each for each in self.open.values() if each.owner == owner and each.ends_at > now]
        return sorted(found, key=lambda each: each.connected_at)


class RecordingSockets:
    """A gateway that records sent messages. Implements ``Sockets``."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []
        self.gone: set[str] = set()
        self.busy: set[str] = set()

    def send(self, connection_id: str, text: str) -> bool:
        if connection_id in self.busy:
            raise ConnectionError(connection_id)
        if connection_id in self.gone:
            return False
        self.sent.append((connection_id, text))
        return True


class InMemoryWebhooks:
    """Webhooks and deliveries in dictionaries. Implements ``WebhookStore``."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], Webhook] = {}
        self.log: dict[tuple[str, str], Delivery] = {}
        self.sends: Counter[tuple[str, int]] = Counter()

    def add(self, webhook: Webhook) -> None:
        if len(self.webhooks(webhook.owner)) >= WEBHOOKS_MAX:
            raise TooManyError(webhook.owner)
        self.kept[webhook.owner, webhook.webhook_id] = webhook

    def webhook(self, owner: str, webhook_id: str) -> Webhook | None:
        return self.kept.get((owner, webhook_id))

    def webhooks(self, owner: str) -> Sequence[Webhook]:
        found = [each for each in self.kept.values() if each.owner == owner]
        return sorted(found, key=lambda each: (each.created_at, each.webhook_id))

    def remove(self, owner: str, webhook_id: str) -> None:
        del self.kept[owner, webhook_id]

    def rotate(self, owner: str, webhook_id: str, master: int, previous_until: datetime | None) -> Webhook:
        old = self.kept[owner, webhook_id]
        self.kept[owner, webhook_id] = replace(
            old,
            generation=old.generation + 1,
            master=master,
            previous_until=previous_until,
            previous_master=old.master,
        )
        return self.kept[owner, webhook_id]

    def disable(self, owner: str, webhook_id: str, at: datetime) -> None:
        if (owner, webhook_id) in self.kept:
            old = self.kept[owner, webhook_id]
            self.kept[owner, webhook_id] = replace(old, disabled_at=old.disabled_at or at)

    def delivery(self, webhook_id: str, delivery_id: str) -> Delivery | None:
        return self.log.get((webhook_id, delivery_id))

    def save(self, delivery: Delivery) -> Delivery:
        key = (delivery.webhook_id, delivery.delivery_id)
        if (self.log[key].revision if key in self.log else 0) != delivery.revision:
            raise StaleError(delivery.delivery_id)
        self.log[key] = replace(delivery, revision=delivery.revision + 1)
        return self.log[key]

    def page(self, webhook_id: str, limit: int, after: str | None) -> DeliveryPage:
        names = sorted((name for hook, name in self.log if hook == webhook_id), reverse=True)
        rest = [name for name in names if after is None or name < after]
        page = [self.log[webhook_id, name] for name in rest[:limit]]
        return DeliveryPage(page, rest[limit - 1] if len(rest) >= limit else None)

    def count_send(self, owner: str, now: datetime) -> None:
        key = (owner, int(now.timestamp()) // HOUR)
        if self.sends[key] >= SENDS_MAX:
            raise TooManyError(owner)
        self.sends[key] += 1


class InMemoryAudience:
    """Subscribers in memory. Implements ``Subscribers``."""

    def __init__(self, sockets: InMemorySockets, webhooks: InMemoryWebhooks) -> None:
        self._sockets, self._webhooks = sockets, webhooks
        self.disconnect = sockets.disconnect

    def of(self, owner: str) -> tuple[Sequence[Connection], Sequence[Webhook]]:
        return [each for each in self._sockets.open.values() if each.owner == owner], self._webhooks.webhooks(owner)


class RecordingDueQueue:
    """A queue that records. Implements ``DueQueue``."""

    def __init__(self) -> None:
        self.sent: list[WebhookDue] = []

    def send(self, message: WebhookDue) -> None:
        self.sent.append(message)


class ScriptedCaller:
    """A server with scripted responses, then 204. Implements ``Caller``."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.meanwhile: Callable[[], object] = lambda: None
        """Called during each call."""
        self.calls: list[tuple[str, bytes, dict[str, str]]] = []

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        self.calls.append((url, body, dict(headers)))
        self.meanwhile()
        return self.replies.pop(0) if self.replies else Reply(204, 12)
