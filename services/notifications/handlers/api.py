"""HTTP: tickets for the socket; webhooks, what they were told, and telling them again."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import uuid4

import boto3
from aws_lambda_powertools.event_handler import Response

from kit.http_api import ApiProblem, HttpApi, field_error, json_response
from kit.secrets import secret_key
from kit.telemetry import logger
from services.notifications import signing, sockets
from services.notifications.adapters.connections import ConnectionTable
from services.notifications.adapters.outside import SqsDueQueue
from services.notifications.adapters.webhooks import WebhookTable
from services.notifications.addresses import RefusedTargetError, TargetPolicy
from services.notifications.parameters import (
    DeliveryQuery,
    NewWebhook,
    SecretRotation,
    is_delivery_id,
    is_webhook_id,
    place_of,
)
from services.notifications.routes import (
    CREATE_TICKET,
    CREATE_WEBHOOK,
    DELETE_WEBHOOK,
    LIST_DELIVERIES,
    LIST_WEBHOOKS,
    PING_WEBHOOK,
    RESEND_DELIVERY,
    ROTATE_WEBHOOK_SECRET,
)
from services.notifications.settings import ApiSettings
from services.notifications.views import (
    DeliveryList,
    DeliveryView,
    Ticket,
    WebhookList,
    WebhookView,
    WebhookWithSecret,
)
from services.notifications.webhooks import StaleError, TooManyError, Webhook, again, opened, ping

ID_ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz234567"

settings = ApiSettings.load()
dynamodb, secrets_manager = boto3.client("dynamodb"), boto3.client("secretsmanager")
connections = ConnectionTable(dynamodb, settings.table_name)
webhooks = WebhookTable(dynamodb, settings.table_name)
queue = SqsDueQueue(boto3.client("sqs"), settings.webhook_queue_url)
policy = TargetPolicy(loopback=settings.webhook_loopback)
master = secret_key(secrets_manager, settings.master_secret_arn)
handler = HttpApi()


@handler.serve(CREATE_TICKET)
def create_ticket() -> Response[str]:
    """Sell a ticket to the caller's owner."""
    text, expires_at = sockets.buy_ticket(connections, handler.caller.owner, datetime.now(UTC))
    return json_response(201, Ticket(url=f"{settings.socket_url}?ticket={text}", expires_at=expires_at))


@handler.serve(CREATE_WEBHOOK)
def create_webhook() -> Response[str]:
    """Register a webhook."""
    wanted, now = handler.body(NewWebhook), datetime.now(UTC)
    try:
        policy.check(wanted.url)
    except RefusedTargetError as error:
        raise _invalid("url", str(error)) from error
    webhook = Webhook(
        webhook_id="".join(secrets.choice(ID_ALPHABET) for _ in range(16)),
        owner=handler.caller.owner,
        url=wanted.url,
        description=wanted.description,
        statuses=tuple(dict.fromkeys(wanted.statuses)),
        created_at=now,
        requests=wanted.requests,
    )
    try:
        webhooks.add(webhook)
    except TooManyError as error:
        raise ApiProblem(409, "too_many_webhooks", "There are as many webhooks as one owner may have") from error
    logger.info("webhook registered", webhook_id=webhook.webhook_id, by=handler.caller.key_id)
    return json_response(201, _with_secret(webhook, now))


@handler.serve(LIST_WEBHOOKS)
def list_webhooks() -> Response[str]:
    """List the owner's webhooks."""
    now = datetime.now(UTC)
    found = webhooks.webhooks(handler.caller.owner)
    return json_response(200, WebhookList(webhooks=[WebhookView.of(webhook, now) for webhook in found]))


@handler.serve(DELETE_WEBHOOK)
def delete_webhook(webhook_id: str) -> Response[str]:
    """Forget a webhook."""
    try:
        webhooks.remove(handler.caller.owner, webhook_id)
    except KeyError:
        raise _unknown() from None
    return Response(204)


@handler.serve(ROTATE_WEBHOOK_SECRET)
def rotate(webhook_id: str) -> Response[str]:
    """Give a webhook a new secret."""
    wanted, now = handler.body(SecretRotation), datetime.now(UTC)
    until = now + timedelta(seconds=wanted.grace_seconds) if wanted.grace_seconds else None
    try:
        webhook = webhooks.rotate(handler.caller.owner, webhook_id, until)
    except KeyError:
        raise _unknown() from None
    logger.info("webhook secret rotated", webhook_id=webhook_id, by=handler.caller.key_id)
    return json_response(200, _with_secret(webhook, now))


@handler.serve(PING_WEBHOOK)
def ping_webhook(webhook_id: str) -> Response[str]:
    """Queue a ping, already in the log."""
    message = ping(_enabled(webhook_id), str(uuid4()), datetime.now(UTC))
    delivery = webhooks.save(opened(message))
    queue.send(message)
    return json_response(201, DeliveryView.of(delivery))


@handler.serve(LIST_DELIVERIES)
def list_deliveries(webhook_id: str) -> Response[str]:
    """Show the log of a webhook."""
    query = handler.query(DeliveryQuery)
    try:
        after = place_of(query.cursor) if query.cursor is not None else None
    except ValueError as error:
        raise _invalid("cursor", "must be the next_cursor of a page before") from error
    webhook = _known(webhook_id)
    return json_response(200, DeliveryList.of(webhooks.page(webhook.webhook_id, query.limit, after)))


@handler.serve(RESEND_DELIVERY)
def resend(webhook_id: str, delivery_id: str) -> Response[str]:
    """Queue a delivery anew. What it is in the middle of gives way to it."""
    webhook = _enabled(webhook_id)
    found = webhooks.delivery(webhook.webhook_id, delivery_id) if is_delivery_id(delivery_id) else None
    if found is None:
        raise ApiProblem(404, "delivery_not_found", "There is no such delivery")
    try:
        delivery = webhooks.save(found.resent(datetime.now(UTC)))
    except StaleError as error:
        raise ApiProblem(409, "delivery_in_progress", "It is being sent at this moment") from error
    queue.send(again(delivery))
    return json_response(200, DeliveryView.of(delivery))


def _known(webhook_id: str) -> Webhook:
    found = webhooks.webhook(handler.caller.owner, webhook_id) if is_webhook_id(webhook_id) else None
    if found is None:
        raise _unknown()
    return found


def _enabled(webhook_id: str) -> Webhook:
    found = _known(webhook_id)
    if found.disabled_at is not None:
        raise ApiProblem(409, "webhook_disabled", "The webhook answered 410 and is told nothing any more")
    return found


def _with_secret(webhook: Webhook, now: datetime) -> WebhookWithSecret:
    return WebhookWithSecret.with_secret(
        webhook, signing.secret_text(master(), webhook.webhook_id, webhook.generation), now
    )


def _unknown() -> ApiProblem:
    return ApiProblem(404, "webhook_not_found", "There is no such webhook")


def _invalid(field: str, rule: str) -> ApiProblem:
    return ApiProblem(422, "validation_failed", "The request is not valid", errors=[field_error(field, rule)])
