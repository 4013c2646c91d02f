"""HTTP: tickets for WebSockets, webhooks and their deliveries."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import uuid4

import boto3
from aws_lambda_powertools.event_handler import Response

from kit.http_api import HttpApi, json_response
from kit.problems import ApiProblem, field_error, invalid
from kit.secrets import CachedKeyring
from kit.telemetry import logger
from services.notifications import signing, sockets
from services.notifications.addresses import RefusedTargetError, TargetPolicy
from services.notifications.gateways import SqsDueQueue
from services.notifications.repository.connections import ConnectionTable
from services.notifications.repository.webhooks import WebhookTable
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
from services.notifications.schemas import (
    DeliveryList,
    DeliveryQuery,
    DeliveryView,
    NewWebhook,
    SecretRotation,
    Ticket,
    WebhookList,
    WebhookView,
    WebhookWithSecret,
    is_delivery_id,
    is_webhook_id,
    position_of,
)
from services.notifications.settings import ApiSettings
from services.notifications.webhooks import HOUR, SENDS_MAX, StaleError, TooManyError, Webhook, again, opened, ping

ID_ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz234567"

settings = ApiSettings.load()
dynamodb, secrets_manager = boto3.client("dynamodb"), boto3.client("secretsmanager")
connections = ConnectionTable(dynamodb, settings.table_name)
webhooks = WebhookTable(dynamodb, settings.table_name, timedelta(days=settings.delivery_retention_days))
queue = SqsDueQueue(boto3.client("sqs"), settings.webhook_queue_url)
policy = TargetPolicy(loopback=settings.webhook_loopback)
masters = CachedKeyring(secrets_manager, settings.master_secret_id)
handler = HttpApi()


@handler.serve(CREATE_TICKET)
def create_ticket() -> Response[str]:
    """Create a ticket for the caller's owner."""
    text, expires_at = sockets.create_ticket(connections, handler.caller.owner, datetime.now(UTC))
    return json_response(201, Ticket(url=f"{settings.socket_url}?ticket={text}", expires_at=expires_at))


@handler.serve(CREATE_WEBHOOK)
def create_webhook() -> Response[str]:
    """Create a webhook."""
    wanted, now = handler.body(NewWebhook), datetime.now(UTC)
    try:
        policy.check(wanted.url)
    except RefusedTargetError as error:
        raise invalid(field_error("url", str(error))) from error
    webhook = Webhook(
        webhook_id="".join(secrets.choice(ID_ALPHABET) for _ in range(16)),
        owner=handler.caller.owner,
        url=wanted.url,
        description=wanted.description,
        statuses=tuple(dict.fromkeys(wanted.statuses)),
        created_at=now,
        requests=wanted.requests,
        master=masters.current().number,
    )
    try:
        webhooks.add(webhook)
    except TooManyError as error:
        raise ApiProblem("too_many_webhooks", "Too many webhooks. Delete one first.") from error
    logger.info("webhook created", webhook_id=webhook.webhook_id, by=handler.caller.key_id)
    return json_response(201, _with_secret(webhook, now))


@handler.serve(LIST_WEBHOOKS)
def list_webhooks() -> Response[str]:
    """List the owner's webhooks."""
    now = datetime.now(UTC)
    found = webhooks.webhooks(handler.caller.owner)
    return json_response(200, WebhookList(webhooks=[WebhookView.of(webhook, now) for webhook in found]))


@handler.serve(DELETE_WEBHOOK)
def delete_webhook(webhook_id: str) -> Response[str]:
    """Delete a webhook."""
    try:
        webhooks.remove(handler.caller.owner, webhook_id)
    except KeyError:
        raise _unknown() from None
    return Response(204)


@handler.serve(ROTATE_WEBHOOK_SECRET)
def rotate(webhook_id: str) -> Response[str]:
    """Rotate the secret of a webhook."""
    wanted, now = handler.body(SecretRotation), datetime.now(UTC)
    until = now + timedelta(seconds=wanted.grace_seconds) if wanted.grace_seconds else None
    try:
        webhook = webhooks.rotate(handler.caller.owner, webhook_id, masters.current().number, until)
    except KeyError:
        raise _unknown() from None
    logger.info("webhook secret rotated", webhook_id=webhook_id, by=handler.caller.key_id)
    return json_response(200, _with_secret(webhook, now))


@handler.serve(PING_WEBHOOK)
def ping_webhook(webhook_id: str) -> Response[str]:
    """Record a ping and queue it."""
    webhook = _enabled(webhook_id)
    _count_send()
    message = ping(webhook, str(uuid4()), datetime.now(UTC))
    delivery = webhooks.save(opened(message))
    queue.send(message)
    return json_response(201, DeliveryView.of(delivery))


@handler.serve(LIST_DELIVERIES)
def list_deliveries(webhook_id: str) -> Response[str]:
    """List the deliveries of a webhook."""
    query = handler.query(DeliveryQuery)
    try:
        after = position_of(query.cursor) if query.cursor is not None else None
    except ValueError as error:
        raise invalid(field_error("cursor", "must be the next_cursor of a previous page")) from error
    webhook = _known(webhook_id)
    page = DeliveryList.of(webhooks.page(webhook.webhook_id, query.limit, after))
    return json_response(200, page, handler.next_link(page.next_cursor))


@handler.serve(RESEND_DELIVERY)
def resend(webhook_id: str, delivery_id: str) -> Response[str]:
    """Queue a delivery again. It replaces the current round of attempts."""
    webhook = _enabled(webhook_id)
    found = webhooks.delivery(webhook.webhook_id, delivery_id) if is_delivery_id(delivery_id) else None
    if found is None:
        raise ApiProblem("delivery_not_found", "The webhook has no delivery with this id.")
    _count_send()
    try:
        delivery = webhooks.save(found.resent(datetime.now(UTC)))
    except StaleError as error:
        raise ApiProblem("delivery_in_progress", "The delivery is being sent. Retry in a minute.") from error
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
        raise ApiProblem("webhook_disabled", "The webhook is disabled because its URL returned 410.")
    return found


def _count_send() -> None:
    now = datetime.now(UTC)
    try:
        webhooks.count_send(handler.caller.owner, now)
    except TooManyError as error:
        detail = f"At most {SENDS_MAX} pings and resends per hour. Try again after the time in Retry-After."
        left = HOUR - int(now.timestamp()) % HOUR
        raise ApiProblem("too_many_sends", detail, headers={"Retry-After": str(left)}) from error


def _with_secret(webhook: Webhook, now: datetime) -> WebhookWithSecret:
    return WebhookWithSecret.with_secret(
        webhook, signing.secret_text(masters(), webhook.webhook_id, webhook.secret), now
    )


def _unknown() -> ApiProblem:
    return ApiProblem("webhook_not_found", "No webhook of yours has this id.")
