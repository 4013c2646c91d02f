"""Webhooks: who wants to be told where, and what became of each telling.

A delivery is one message for one webhook. It is known by an id derived from its event, so whatever comes twice is the
same delivery, and its record is what decides: who holds it, when it is due again, whether it is over.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Final, Literal, Protocol, get_args
from uuid import UUID

from events.catalog.request_status_changed import RequestStatusChanged
from events.envelope import Event, Payload, derive_id, traceparent
from services.notifications.messages import Ping, StatusChanged

Status = Literal[
    "generating", "checking", "storing", "stalled", "succeeded", "rejected", "failed", "cancelled", "expired"
]
"""What a request can move to."""
ENDINGS: Final[tuple[Status, ...]] = ("succeeded", "rejected", "failed", "cancelled", "expired")
STATUSES: Final[tuple[Status, ...]] = get_args(Status)
MOST_WEBHOOKS: Final = 10
"""Of one owner."""
LOG_LIFE: Final = timedelta(days=30)
MOST_ATTEMPTS_KEPT: Final = 20
MOST_REPLAYS: Final = 1000
"""Of one message by operators, between two resends."""

Requests = Literal["all", "named"]
"""Which requests a webhook is told of: all of its owner's, or those that name it."""
State = Literal["pending", "delivered", "failed"]


@dataclass(frozen=True)
class Webhook:
    """Where an owner wants to be told."""

    webhook_id: str
    owner: str
    url: str
    description: str
    statuses: tuple[str, ...]
    """The request's statuses it is told of."""
    created_at: datetime
    requests: Requests = "all"
    generation: int = 1
    """Counts its secrets, which are derived and not kept; see ``signing``."""
    previous_until: datetime | None = None
    """Until when messages are signed with the secret before as well."""
    disabled_at: datetime | None = None
    """When it answered that it is gone for good."""

    def wants(self, event: RequestStatusChanged) -> bool:
        """Tell whether it is to be told of ``event``: of nothing that happened before it was there."""
        is_news = event.metadata.occurred_at >= self.created_at
        is_meant = self.requests == "all" or event.data.webhook_id == self.webhook_id
        return self.disabled_at is None and is_news and is_meant and event.data.status in self.statuses

    def generations(self, now: datetime) -> tuple[int, ...]:
        """Return the secrets that a message of ``now`` is signed with, the newest first."""
        in_overlap = self.previous_until is not None and now < self.previous_until
        return (self.generation, self.generation - 1) if in_overlap else (self.generation,)


@dataclass(frozen=True)
class Attempt:
    """One call of a webhook's address."""

    at: datetime
    duration_ms: int
    status: int | None
    """None where nothing was answered."""
    error: str | None
    """None where it was accepted."""


@dataclass(frozen=True)
class Delivery:
    """One message for one webhook, and what became of it."""

    delivery_id: str
    webhook_id: str
    owner: str
    request_id: str
    kind: str
    """What is told: ``webhook.ping``, or the status."""
    body: str
    """Sent to the letter every time: it is what is signed."""
    created_at: datetime
    due_at: datetime
    """When it may be tried, the next time."""
    state: State = "pending"
    round: int = 0
    """Every resend and every replay is a new round, with all its tries."""
    tries: int = 0
    """In this round, counted before the call: one that crashed counts."""
    resends: int = 0
    attempts: tuple[Attempt, ...] = ()
    """The newest last."""
    revision: int = 0
    """Counts its writes."""

    def concluded(self, attempt: Attempt, state: State, due_at: datetime) -> "Delivery":
        """Return it with one more attempt."""
        attempts = (*self.attempts, attempt)[-MOST_ATTEMPTS_KEPT:]
        return replace(self, attempts=attempts, state=state, due_at=due_at)

    def resent(self, now: datetime) -> "Delivery":
        """Return it as it is when somebody asked for it anew: due at once, with all its tries."""
        resends = self.resends + 1
        return replace(self, state="pending", resends=resends, round=resends * MOST_REPLAYS, tries=0, due_at=now)


@dataclass(frozen=True)
class DeliveryPage:
    """Deliveries of one webhook, newest first."""

    deliveries: Sequence[Delivery]
    last: str | None
    """Where the next page begins; None on the last page."""


class WebhookDueData(Payload):
    """What to tell, and whom."""

    webhook_id: str
    delivery_id: str
    kind: str
    body: str
    resends: int = 0


class WebhookDue(Event):
    """A webhook is to be told something: from `push` to `webhook`, by the queue between them and never on the bus."""

    source: ClassVar[str] = "genai-images.notifications"
    detail_type: ClassVar[str] = "WebhookDue"
    version: ClassVar[int] = 1

    data: WebhookDueData


class StaleError(Exception):
    """Somebody else wrote the record in the meantime."""


class TooManyError(Exception):
    """The owner has as many webhooks as one may have."""


class WebhookStore(Protocol):
    """Webhooks and their deliveries."""

    def add(self, webhook: Webhook) -> None:
        """Keep a new webhook. Raises ``TooManyError``."""

    def webhook(self, owner: str, webhook_id: str) -> Webhook | None:
        """Return an owner's webhook, read consistently."""

    def webhooks(self, owner: str) -> Sequence[Webhook]:
        """Return an owner's webhooks, the oldest first."""

    def remove(self, owner: str, webhook_id: str) -> None:
        """Forget a webhook. Raises ``KeyError`` for one that is not there."""

    def rotate(self, owner: str, webhook_id: str, previous_until: datetime | None) -> Webhook:
        """Count its secrets one further and return it. Raises ``KeyError``."""

    def disable(self, owner: str, webhook_id: str, at: datetime) -> None:
        """Tell it no more; one that is not there is fine."""

    def delivery(self, webhook_id: str, delivery_id: str) -> Delivery | None:
        """Return a delivery, read consistently."""

    def save(self, delivery: Delivery) -> Delivery:
        """Write a delivery, a new one or one that nobody wrote since it was read, and return it as written.

        Raises ``StaleError``.
        """

    def page(self, webhook_id: str, limit: int, after: str | None) -> DeliveryPage:
        """Return at most ``limit`` deliveries that come after ``after``, a page's ``last``."""


def delivery_id(event_id: str, webhook_id: str, at: datetime) -> str:
    """Return the id of what an event is to a webhook: a UUID of version 7 with a hash for its random bits.

    The same whenever it is asked for, and ids are in the order of time.
    """
    milliseconds = int(at.timestamp() * 1000).to_bytes(6, "big")
    digest = bytearray(milliseconds + hashlib.sha256(f"{event_id}:{webhook_id}".encode()).digest()[:10])
    digest[6] = digest[6] & 0x0F | 0x70
    digest[8] = digest[8] & 0x3F | 0x80
    return str(UUID(bytes=bytes(digest)))


def due(webhook: Webhook, event: RequestStatusChanged) -> WebhookDue:
    """Return the message that has ``webhook`` told of ``event``."""
    told = StatusChanged.of(event)
    name = delivery_id(event.metadata.event_id, webhook.webhook_id, event.metadata.occurred_at)
    data = WebhookDueData(
        webhook_id=webhook.webhook_id, delivery_id=name, kind=event.data.status, body=told.model_dump_json()
    )
    return WebhookDue.follow(event, data, occurred_at=event.metadata.occurred_at, qualifier=webhook.webhook_id)


def ping(webhook: Webhook, ping_id: str, now: datetime) -> WebhookDue:
    """Return the message that has ``webhook`` told that it is heard; ``ping_id`` is a UUID of its own."""
    body = Ping(id=ping_id, timestamp=now).model_dump_json()
    name = delivery_id(ping_id, webhook.webhook_id, now)
    data = WebhookDueData(webhook_id=webhook.webhook_id, delivery_id=name, kind="webhook.ping", body=body)
    return WebhookDue.first(ping_id, webhook.owner, data, occurred_at=now)


def again(delivery: Delivery) -> WebhookDue:
    """Return the message for a delivery that was ``resent``."""
    data = WebhookDueData(
        webhook_id=delivery.webhook_id,
        delivery_id=delivery.delivery_id,
        kind=delivery.kind,
        body=delivery.body,
        resends=delivery.resends,
    )
    message = WebhookDue.first(delivery.request_id, delivery.owner, data, occurred_at=delivery.created_at)
    # What follows from a delivery, not from its request: of one request there may be many.
    event_id = derive_id(delivery.delivery_id, WebhookDue.detail_type, delivery.resends)
    cause = {"event_id": event_id, "cause_id": delivery.delivery_id}
    trace = {"traceparent": traceparent(delivery.request_id, event_id)}
    return message.model_copy(update={"metadata": message.metadata.model_copy(update={**cause, **trace})})


def round_of(message: WebhookDue) -> int:
    """Return the round a message belongs to: later resends and replays have higher ones."""
    return message.data.resends * MOST_REPLAYS + message.metadata.replays


def opened(message: WebhookDue) -> Delivery:
    """Return the record of a delivery that nobody has tried yet."""
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
