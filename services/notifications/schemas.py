"""Request and response bodies of tickets, webhooks and deliveries."""

import base64
import binascii
import re
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Final

from pydantic import AfterValidator, Field, WithJsonSchema

from events.pipeline import TERMINAL, Status
from kit.schemas import QueryParameters, RequestBody, Schema
from kit.text import Text
from services.notifications.addresses import URL_MAX
from services.notifications.webhooks import Delivery, DeliveryPage, Requests, State, Webhook

DAY: Final = 24 * 3600
WEBHOOK_ID: Final = "[a-z2-7]{16}"
DELIVERY_ID: Final = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


STATUSES: Final = tuple(status for status in Status if status is not Status.ACCEPTED)
"""The statuses to which a request can change."""


def _can_change_to(status: Status) -> Status:
    if status not in STATUSES:
        raise ValueError(f"must be one of {', '.join(STATUSES)}")
    return status


NotifiedStatus = Annotated[
    Status,
    Field(strict=False),
    AfterValidator(_can_change_to),
    WithJsonSchema({"type": "string", "enum": list(STATUSES)}),
]


class NewWebhook(RequestBody):
    """The body of `POST /v1/webhooks`."""

    url: str = Field(min_length=1, max_length=URL_MAX)
    """HTTPS URL on port 443 or 8443 with a public address."""
    statuses: list[NotifiedStatus] = Field(
        [status for status in STATUSES if status in TERMINAL], min_length=1, max_length=len(STATUSES)
    )
    """Statuses of which the webhook is notified. Default: the terminal statuses."""
    requests: Requests = "all"
    """``all``: all your requests. ``named``: only requests with this webhook's ``webhook_id``."""
    description: Annotated[Text, Field(max_length=100)] = ""
    """Purpose of the webhook."""


class SecretRotation(RequestBody):
    """The body of `POST /v1/webhooks/{webhook_id}/rotate`. With `{}`, the old secret becomes invalid immediately."""

    grace_seconds: int = Field(0, ge=0, le=7 * DAY)
    """Seconds for which messages are also signed with the old secret."""


class DeliveryQuery(QueryParameters):
    """The query of `GET /v1/webhooks/{webhook_id}/deliveries`."""

    limit: int = Field(20, ge=1, le=100)
    """Maximum number of deliveries."""
    cursor: str | None = Field(None, max_length=100)
    """``next_cursor`` of the previous page."""


def is_webhook_id(text: str) -> bool:
    """Return whether ``text`` has the format of a webhook's id."""
    return bool(re.fullmatch(WEBHOOK_ID, text))


def is_delivery_id(text: str) -> bool:
    """Return whether ``text`` has the format of a delivery's id."""
    return bool(re.fullmatch(DELIVERY_ID, text))


def cursor_of(position: str) -> str:
    """Return the cursor of the position at which a page ends."""
    return base64.urlsafe_b64encode(position.encode()).decode()


def position_of(cursor: str) -> str:
    """Return the position of a cursor. Raises ``ValueError`` for any other text."""
    try:
        position = base64.urlsafe_b64decode(cursor.encode()).decode()
    except (binascii.Error, UnicodeError) as error:
        raise ValueError("invalid cursor") from error
    if not is_delivery_id(position):
        raise ValueError("invalid cursor")
    return position


class Ticket(Schema):
    """Permission to open one WebSocket."""

    url: str
    """URL of the WebSocket with the ticket. It can be opened once."""
    expires_at: datetime
    """When the ticket expires."""


class WebhookView(Schema):
    """A webhook without its secret, which is shown only once."""

    webhook_id: str
    """Id of the webhook."""
    url: str
    """The URL that is called."""
    description: str
    """Purpose of the webhook."""
    statuses: list[NotifiedStatus]
    """Statuses of which it is notified."""
    requests: Requests
    """`named`: only requests with its `webhook_id`."""
    created_at: datetime
    """When it was created."""
    previous_until: datetime | None
    """Until when messages are also signed with the secret before the last rotation."""
    disabled_at: datetime | None
    """When the URL returned 410. The webhook is no longer called; create a new one to resume."""

    @classmethod
    def of(cls, webhook: Webhook, now: datetime) -> "WebhookView":
        """Return the view of ``webhook``."""
        return cls(**_values(webhook, now))


class WebhookWithSecret(WebhookView):
    """A webhook with its new secret, which is shown only this once."""

    secret: str
    """Secret for a Standard Webhooks library."""

    @classmethod
    def with_secret(cls, webhook: Webhook, secret: str, now: datetime) -> "WebhookWithSecret":
        """Return the view of ``webhook`` with its secret."""
        return cls(**_values(webhook, now), secret=secret)


class WebhookList(Schema):
    """All webhooks of an owner, oldest first."""

    webhooks: list[WebhookView]
    """The webhooks."""


class AttemptView(Schema):
    """One call of a webhook."""

    at: datetime
    """When the call was made."""
    duration_ms: int
    """Duration of the call in milliseconds."""
    status: int | None
    """HTTP status of the response. Absent without a response."""
    error: str | None
    """Description of the failure. Absent if the call succeeded."""


class DeliveryView(Schema):
    """One message to one webhook and its attempts."""

    delivery_id: str
    """The header `webhook-id` of every attempt."""
    request_id: str
    """Id of the request that the message is about."""
    kind: str
    """The status, or `webhook.ping`."""
    state: State
    """`failed`: abandoned after the last attempt."""
    created_at: datetime
    """When the message was created."""
    next_attempt_at: datetime | None
    """When the next attempt follows. Absent if none does."""
    attempts: list[AttemptView]
    """The last 20 attempts, newest last."""

    @classmethod
    def of(cls, delivery: Delivery) -> "DeliveryView":
        """Return the view of ``delivery``."""
        return cls(
            delivery_id=delivery.delivery_id,
            request_id=delivery.request_id,
            kind=delivery.kind,
            state=delivery.state,
            created_at=delivery.created_at,
            next_attempt_at=delivery.due_at if delivery.state == "pending" else None,
            attempts=[AttemptView(**asdict(each)) for each in delivery.attempts],
        )


class DeliveryList(Schema):
    """A page of deliveries, newest first. They are kept for 30 days."""

    deliveries: list[DeliveryView]
    """The deliveries of this page."""
    next_cursor: str | None
    """The `cursor` of the next page. Absent on the last page."""

    @classmethod
    def of(cls, page: DeliveryPage) -> "DeliveryList":
        """Return the view of ``page``."""
        cursor = cursor_of(page.last) if page.last else None
        return cls(deliveries=[DeliveryView.of(each) for each in page.deliveries], next_cursor=cursor)


def _values(webhook: Webhook, now: datetime) -> dict[str, object]:
    in_overlap = len(webhook.secrets(now)) > 1
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
