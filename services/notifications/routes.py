"""Being told instead of asking: what guards, describes and answers the routes."""

from typing import Final

from kit.http_api import Route
from services.notifications.parameters import DeliveryQuery, NewWebhook, SecretRotation
from services.notifications.views import DeliveryList, DeliveryView, Ticket, WebhookList, WebhookWithSecret

CREATE_TICKET: Final = Route(
    "POST",
    "/v1/tickets",
    "requests:read",
    "Get the address of a WebSocket that tells when the status of a request moves; it opens once, within a minute",
    responses={201: Ticket},
)
CREATE_WEBHOOK: Final = Route(
    "POST",
    "/v1/webhooks",
    "requests:write",
    "Have an address of yours told when the status of a request moves; the secret is shown this once",
    responses={201: WebhookWithSecret},
    body=NewWebhook,
    problems=(409,),
)
LIST_WEBHOOKS: Final = Route(
    "GET",
    "/v1/webhooks",
    "requests:read",
    "List your webhooks, the oldest first",
    responses={200: WebhookList},
)
DELETE_WEBHOOK: Final = Route(
    "DELETE",
    "/v1/webhooks/{webhook_id}",
    "requests:write",
    "Have a webhook told nothing any more",
    responses={204: None},
    problems=(404,),
)
ROTATE_WEBHOOK_SECRET: Final = Route(
    "POST",
    "/v1/webhooks/{webhook_id}/rotate",
    "requests:write",
    "Give a webhook a new secret, shown this once; until the grace asked for is over messages are signed with both",
    responses={200: WebhookWithSecret},
    body=SecretRotation,
    problems=(404,),
)
PING_WEBHOOK: Final = Route(
    "POST",
    "/v1/webhooks/{webhook_id}/ping",
    "requests:write",
    "Send a webhook a signed `webhook.ping`; its deliveries tell what became of it",
    responses={201: DeliveryView},
    problems=(404, 409),
)
LIST_DELIVERIES: Final = Route(
    "GET",
    "/v1/webhooks/{webhook_id}/deliveries",
    "requests:read",
    "List what a webhook was told in the last 30 days, every attempt, newest first",
    responses={200: DeliveryList},
    query=DeliveryQuery,
    problems=(404,),
)
RESEND_DELIVERY: Final = Route(
    "POST",
    "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/resend",
    "requests:write",
    "Send a message again, now, with all its tries; its `webhook-id` stays what it was",
    responses={200: DeliveryView},
    problems=(404, 409),
)
