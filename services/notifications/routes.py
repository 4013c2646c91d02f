"""The HTTP routes of notifications."""

from typing import Final

from kit.http_api import Route
from services.notifications.schemas import (
    DeliveryList,
    DeliveryQuery,
    DeliveryView,
    NewWebhook,
    SecretRotation,
    Ticket,
    WebhookList,
    WebhookWithSecret,
)

CREATE_TICKET: Final = Route(
    "POST",
    "/v1/tickets",
    "requests:read",
    "Create a ticket for a WebSocket with status changes; it expires after one use or one minute",
    responses={201: Ticket},
)
CREATE_WEBHOOK: Final = Route(
    "POST",
    "/v1/webhooks",
    "requests:write",
    "Create a webhook for status changes; the secret is shown only this once",
    responses={201: WebhookWithSecret},
    body=NewWebhook,
    problems=(409,),
)
LIST_WEBHOOKS: Final = Route(
    "GET",
    "/v1/webhooks",
    "requests:read",
    "List your webhooks, oldest first",
    responses={200: WebhookList},
)
DELETE_WEBHOOK: Final = Route(
    "DELETE",
    "/v1/webhooks/{webhook_id}",
    "requests:write",
    "Delete a webhook",
    responses={204: None},
    problems=(404,),
)
ROTATE_WEBHOOK_SECRET: Final = Route(
    "POST",
    "/v1/webhooks/{webhook_id}/rotate",
    "requests:write",
    "Rotate the secret of a webhook; for the grace period, messages are signed with both secrets",
    responses={200: WebhookWithSecret},
    body=SecretRotation,
    problems=(404,),
)
PING_WEBHOOK: Final = Route(
    "POST",
    "/v1/webhooks/{webhook_id}/ping",
    "requests:write",
    "Send a signed `webhook.ping` to a webhook",
    responses={201: DeliveryView},
    problems=(404, 409),
)
LIST_DELIVERIES: Final = Route(
    "GET",
    "/v1/webhooks/{webhook_id}/deliveries",
    "requests:read",
    "List the deliveries of a webhook with their attempts, newest first; they are kept for 30 days",
    responses={200: DeliveryList},
    query=DeliveryQuery,
    optional_headers={200: ("Link",)},
    problems=(404,),
)
RESEND_DELIVERY: Final = Route(
    "POST",
    "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/resend",
    "requests:write",
    "Resend a delivery with the same `webhook-id` and a new series of attempts",
    responses={200: DeliveryView},
    problems=(404, 409),
)
