"""Webhooks and their deliveries.

A delivery is one message to one webhook. Its id is derived from its event, so a duplicate message is the same delivery.
Its record decides: who works on it, when the next attempt is due, and whether it is finished.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Final, Literal, Protocol
from uuid import UUID

from events.catalog.appeal_decided import AppealDecided
from events.catalog.export_ready import ExportReady
from events.catalog.request_status_changed import RequestStatusChanged
from events.envelope import Event, Payload, derive_id, traceparent
from services.notifications.messages import AppealAnnounced, ExportAnnounced, Ping, StatusChanged
from services.notifications.signing import SecretRef

WEBHOOKS_MAX: Final = 10
"""Per owner."""
HOUR: Final = 3600
SENDS_MAX: Final = 100
"""Pings and resends per owner and hour: each calls an address that the owner chose."""
DELIVERY_RETENTION: Final = timedelta(days=30)
"""How long the record of a delivery is kept by default."""
ATTEMPTS_KEPT: Final = 20
REPLAYS_MAX: Final = 1000
"""Replays of a message by operators between two resends."""

Announced = RequestStatusChanged | AppealDecided | ExportReady
"""Events of which owners are notified."""
ANNOUNCED: Final = (RequestStatusChanged, AppealDecided, ExportReady)

Requests = Literal["all", "named"]
"""Requests of which a webhook is notified: all of its owner, or those with its id."""
State = Literal["pending", "delivered", "failed"]


@dataclass(frozen=True)
class Webhook:
    """A URL that an owner has registered."""

    webhook_id: str
    owner: str
    url: str
    description: str
    statuses: tuple[str, ...]
    """Statuses of which it is notified."""
    created_at: datetime
    requests: Requests = "all"
    generation: int = 1
    """Number of its secret. Secrets are derived, not stored; see ``signing``."""
    master: int = 1
    """Version of the master secret from which its secret is derived."""
    previous_until: datetime | None = None
    """Until when messages are also signed with the previous secret."""
    previous_master: int = 1
    """Version of the master secret from which the previous secret is derived."""
    disabled_at: datetime | None = None
    """When the URL returned 410."""

    def wants(self, event: Announced) -> bool:
        """Return whether it is notified of ``event``. Earlier events than its creation are ignored.

        An export is of interest to every webhook that is not for single requests.
        """
        if self.disabled_at is not None or event.metadata.occurred_at < self.created_at:
            return False
        if isinstance(event, ExportReady):
            return self.requests == "all"
        is_selected = self.requests == "all" or event.data.webhook_id == self.webhook_id
        return is_selected and (isinstance(event, AppealDecided) or event.data.status in self.statuses)

    @property
    def secret(self) -> SecretRef:
        """The current secret."""
        return SecretRef(self.generation, self.master)

    def secrets(self, now: datetime) -> tuple[SecretRef, ...]:
        """Return the secrets that sign a message at ``now``, newest first."""
        in_overlap = self.previous_until is not None and now < self.previous_until
        return (self.secret, SecretRef(self.generation - 1, self.previous_master)) if in_overlap else (self.secret,)


@dataclass(frozen=True)
class Attempt:
    """One call of a webhook."""

    at: datetime
    duration_ms: int
    status: int | None
    """None without a response."""
    error: str | None
    """None if the call succeeded."""


@dataclass(frozen=True)
class Delivery:
    """One message to one webhook, and its attempts."""

    delivery_id: str
    webhook_id: str
    owner: str
    request_id: str
    kind: str
    """``webhook.ping``, ``appeal.decided``, ``export.ready``, or the status."""
    body: str
    """The same bytes in every attempt: they are signed."""
    created_at: datetime
    due_at: datetime
    """When the next attempt may start."""
    state: State = "pending"
    round: int = 0
    """Every resend and every replay starts a new round of attempts."""
    tries: int = 0
    """Attempts in this round, counted before the call, so that a crash counts."""
    resends: int = 0
    attempts: tuple[Attempt, ...] = ()
    """Newest last."""
    revision: int = 0
    """Number of writes."""

    def concluded(self, attempt: Attempt, state: State, due_at: datetime) -> "Delivery":
        """Return the delivery with one more attempt."""
        attempts = (*self.attempts, attempt)[-ATTEMPTS_KEPT:]
        return replace(self, attempts=attempts, state=state, due_at=due_at)

    def resent(self, now: datetime) -> "Delivery":
        """Return the delivery at the start of a resend: due immediately, with a new round."""
        resends = self.resends + 1
        return replace(self, state="pending", resends=resends, round=resends * REPLAYS_MAX, tries=0, due_at=now)


@dataclass(frozen=True)
class DeliveryPage:
    """Deliveries of one webhook, newest first."""

    deliveries: Sequence[Delivery]
    last: str | None
    """Position of the next page; None on the last one."""


class WebhookDueData(Payload):
    """A message and its webhook."""

    webhook_id: str
    delivery_id: str
    kind: str
    body: str
    resends: int = 0


class WebhookDue(Event):
    """A webhook must be called. Sent from `push` to `webhook` through a queue, never on the bus."""

    source: ClassVar[str] = "genai-images.notifications"
    detail_type: ClassVar[str] = "WebhookDue"
    version: ClassVar[int] = 1

    data: WebhookDueData


class StaleError(Exception):
    """Another writer has changed the record."""


class TooManyError(Exception):
    """The owner has the maximum number of webhooks, or of pings and resends in this hour."""


class WebhookStore(Protocol):
    """Webhooks and their deliveries."""

    def add(self, webhook: Webhook) -> None:
        """Store a new webhook. Raises ``TooManyError``."""

    def webhook(self, owner: str, webhook_id: str) -> Webhook | None:
        """Return an owner's webhook, with a consistent read."""

    def webhooks(self, owner: str) -> Sequence[Webhook]:
        """Return an owner's webhooks, oldest first."""

    def remove(self, owner: str, webhook_id: str) -> None:
        """Delete a webhook. Raises ``KeyError`` if it is unknown."""

    def rotate(self, owner: str, webhook_id: str, master: int, previous_until: datetime | None) -> Webhook:
        """Give it the next secret, from this version of the master secret, and return it. Raises ``KeyError``."""

    def disable(self, owner: str, webhook_id: str, at: datetime) -> None:
        """Stop calling a webhook. Does nothing if it is unknown."""

    def delivery(self, webhook_id: str, delivery_id: str) -> Delivery | None:
        """Return a delivery, with a consistent read."""

    def save(self, delivery: Delivery) -> Delivery:
        """Write a delivery and return it as written. Raises ``StaleError`` if another writer has changed it."""

    def page(self, webhook_id: str, limit: int, after: str | None) -> DeliveryPage:
        """Return at most ``limit`` deliveries after the position ``after``."""

    def count_send(self, owner: str, now: datetime) -> None:
        """Count a ping or a resend. Raises ``TooManyError`` if the owner had ``SENDS_MAX`` in this hour."""


def delivery_id(event_id: str, webhook_id: str, at: datetime) -> str:
    """Return the id of the delivery of an event to a webhook: a UUID of version 7 with a hash as its random bits.

    It is always the same, and ids are in the order of time.
    """
    milliseconds = int(at.timestamp() * 1000).to_bytes(6, "big")
    digest = bytearray(milliseconds + hashlib.sha256(f"{event_id}:{webhook_id}".encode()).digest()[:10])
    digest[6] = digest[6] & 0x0F | 0x70
    digest[8] = digest[8] & 0x3F | 0x80
    return str(UUID(bytes=bytes(digest)))


def message_of(event: Announced) -> StatusChanged | AppealAnnounced | ExportAnnounced:
    """Return the message for ``event``."""
    match event:
        case AppealDecided():
            return AppealAnnounced.of(event)
        case ExportReady():
            return ExportAnnounced.of(event)
        case RequestStatusChanged():
            return StatusChanged.of(event)


def due(webhook: Webhook, event: Announced) -> WebhookDue:
    """Return the message that notifies ``webhook`` of ``event``."""
    message = message_of(event)
    kind = event.data.status if isinstance(event, RequestStatusChanged) else message.type
    name = delivery_id(event.metadata.event_id, webhook.webhook_id, event.metadata.occurred_at)
    body = message.model_dump_json()
    data = WebhookDueData(webhook_id=webhook.webhook_id, delivery_id=name, kind=kind, body=body)
    return WebhookDue.follow(event, data, occurred_at=event.metadata.occurred_at, qualifier=webhook.webhook_id)


def ping(webhook: Webhook, ping_id: str, now: datetime) -> WebhookDue:
    """Return the message for a ping of ``webhook``; ``ping_id`` is a new UUID."""
    body = Ping(id=ping_id, timestamp=now).model_dump_json()
    name = delivery_id(ping_id, webhook.webhook_id, now)
    data = WebhookDueData(webhook_id=webhook.webhook_id, delivery_id=name, kind="webhook.ping", body=body)
    return WebhookDue.first(ping_id, webhook.owner, data, occurred_at=now)


def again(delivery: Delivery) -> WebhookDue:
    """Return the message of a ``resent`` delivery."""
    data = WebhookDueData(
        webhook_id=delivery.webhook_id,
        delivery_id=delivery.delivery_id,
        kind=delivery.kind,
        body=delivery.body,
        resends=delivery.resends,
    )
    message = WebhookDue.first(delivery.request_id, delivery.owner, data, occurred_at=delivery.created_at)
    # Derived from the delivery, because a request may have several.
    event_id = derive_id(delivery.delivery_id, WebhookDue.detail_type, delivery.resends)
    cause = {"event_id": event_id, "cause_id": delivery.delivery_id}
    trace = {"traceparent": traceparent(delivery.request_id, event_id)}
    return message.model_copy(update={"metadata": message.metadata.model_copy(update={**cause, **trace})})


def round_of(message: WebhookDue) -> int:
    """Return the round of a message. Later resends and replays have higher rounds."""
    return message.data.resends * REPLAYS_MAX + message.metadata.replays


def opened(message: WebhookDue) -> Delivery:
    """Return the record of a delivery before its first attempt."""
    about, data = message.metadata, message.data
    return Delivery(
        delivery_id=data.delivery_id,
        webhook_id=data.webhook_id,
        owner=about.owner,
        request_id=about.request_id,
        kind=data.kind,
        body=data.body,
        created_at=about.occurred_at,
        due_at=datetime.fromtimestamp(0, UTC),
    )
