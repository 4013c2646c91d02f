"""What callers see of tickets, webhooks and deliveries."""

from dataclasses import asdict
from datetime import datetime

from pydantic import BaseModel

from services.notifications.parameters import cursor_of
from services.notifications.webhooks import Delivery, DeliveryPage, Requests, State, Webhook


class Ticket(BaseModel):
    """The right to open one WebSocket."""

    url: str
    """The WebSocket's address with the ticket in it. It opens once."""
    expires_at: datetime
    """Until when it opens."""


class WebhookView(BaseModel):
    """A webhook, without its secret: nobody is told that twice."""

    webhook_id: str
    url: str
    description: str
    statuses: list[str]
    requests: Requests
    """`named`: only those that are sent with its `webhook_id`."""
    created_at: datetime
    previous_until: datetime | None
    """Until when messages are signed with the secret before the last rotation as well."""
    disabled_at: datetime | None
    """When it answered 410: it is told nothing any more. Register it again to have it told."""

    @classmethod
    def of(cls, webhook: Webhook, now: datetime) -> "WebhookView":
        """Return what is shown of ``webhook``."""
        return cls(**_shown(webhook, now))


class WebhookWithSecret(WebhookView):
    """A webhook that was just registered or given a new secret, with it: it is shown this once."""

    secret: str
    """For the Standard Webhooks library of your language."""

    @classmethod
    def with_secret(cls, webhook: Webhook, secret: str, now: datetime) -> "WebhookWithSecret":
        """Return what is shown of ``webhook`` to who registered it."""
        return cls(**_shown(webhook, now), secret=secret)


class WebhookList(BaseModel):
    """All webhooks of an owner, the oldest first."""

    webhooks: list[WebhookView]


class AttemptView(BaseModel):
    """One call of a webhook."""

    at: datetime
    duration_ms: int
    status: int | None
    """The HTTP status that was answered; absent where there was no answer."""
    error: str | None
    """What went wrong; absent where it was accepted."""


class DeliveryView(BaseModel):
    """One message for one webhook, and what became of it."""

    delivery_id: str
    """The header `webhook-id` of every attempt."""
    request_id: str
    kind: str
    """The status that was told, or `webhook.ping`."""
    state: State
    """`failed`: given up."""
    created_at: datetime
    next_attempt_at: datetime | None
    """Absent where it is over."""
    attempts: list[AttemptView]
    """The latest 20, the newest last."""

    @classmethod
    def of(cls, delivery: Delivery) -> "DeliveryView":
        """Return what is shown of ``delivery``."""
        return cls(
            delivery_id=delivery.delivery_id,
            request_id=delivery.request_id,
            kind=delivery.kind,
            state=delivery.state,
            created_at=delivery.created_at,
            next_attempt_at=delivery.due_at if delivery.state == "pending" else None,
            attempts=[AttemptView(**asdict(each)) for each in delivery.attempts],
        )


class DeliveryList(BaseModel):
    """A page of deliveries, newest first. They are kept for 30 days."""

    deliveries: list[DeliveryView]
    next_cursor: str | None
    """Where the next page begins; absent on the last one."""

    @classmethod
    def of(cls, page: DeliveryPage) -> "DeliveryList":
        """Return what is shown of ``page``."""
        cursor = cursor_of(page.last) if page.last else None
        return cls(deliveries=[DeliveryView.of(each) for each in page.deliveries], next_cursor=cursor)


def _shown(webhook: Webhook, now: datetime) -> dict[str, object]:
    in_overlap = len(webhook.generations(now)) > 1
    return {
        "webhook_id": webhook.webhook_id,
        "url": webhook.url,
        "description": webhook.description,
        "statuses": list(webhook.statuses),
        "requests": webhook.requests,
        "created_at": webhook.created_at,
        "previous_until": webhook.previous_until if in_overlap else None,
        "disabled_at": webhook.disabled_at,
    }
