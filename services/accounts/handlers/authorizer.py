"""The gateway's authorizer: it identifies the caller before every protected route."""

from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from kit import startup
from kit.secrets import CachedKeyring
from kit.telemetry import begin_call, logger
from services.accounts.admission import Gate, RefusedError, presented_key
from services.accounts.call_limits import CallLimits, calls_per_second
from services.accounts.consent import current_versions
from services.accounts.edge import Edge, is_public
from services.accounts.keys import Key
from services.accounts.repository.keys import KeyTable
from services.accounts.settings import AccountSettings

settings = AccountSettings.load()


def has_consent(key: Key) -> bool:
    """Return whether the key's owner agreed to the current versions, or need not."""
    return not settings.require_consent or key.agreed == current_versions()


_secrets = boto3.client("secretsmanager")
edge = Edge(CachedKeyring(_secrets, settings.edge_key_arn)) if settings.edge_key_arn else None
gate = Gate(
    KeyTable(boto3.client("dynamodb"), settings.table_name),
    CachedKeyring(_secrets, settings.hash_secret_id),
    is_reusable=has_consent,  # so that a consent takes effect at once
)
limits = CallLimits()
startup.finished()


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Return a simple response (payload format 2.0). Every use is logged with the key's id.

    An unavailable table raises: the gateway's 500 tells clients to retry, unlike a refusal. A key with too many calls
    is admitted, because a refusal would be the gateway's 403; with ``retry_after``, kit/http_api.py answers 429. So is
    a key without a required consent; with ``consent_required``, routes that need it answer 403 with the reason. And so
    is a call that bypasses the edge; with ``bypasses_edge``, every route answers 403 with the reason.
    """
    begin_call(event)
    now, route, headers = datetime.now(UTC), event["routeKey"], event.get("headers") or {}
    at_edge: dict[str, str] = {}
    if edge is not None:
        viewer = edge.viewer(headers)
        if viewer is None:
            logger.info("edge bypassed", route=route)
            address = event["requestContext"]["http"]["sourceIp"]
            return {"isAuthorized": True, "context": {"bypasses_edge": True, "address": address}}
        at_edge = {"address": viewer}
        if is_public(route):
            return {"isAuthorized": True, "context": at_edge}
    try:
        text = presented_key(headers) or ""
        key = gate.admit(text, now)
    except RefusedError as refused:
        logger.info("key refused", reason=refused.reason, key_id=refused.key_id, route=route)
        return {"isAuthorized": False, **({"context": at_edge} if at_edge else {})}
    context: dict[str, str | int] = {
        **at_edge,
        "owner": key.owner,
        "key_id": key.key_id,
        "scopes": " ".join(key.scopes),
        "limit": key.limit,
        "window": key.window,
    }
    if key.priority != "normal":
        context["priority"] = key.priority
    if key.analytics_opt_out:
        context["analytics_opt_out"] = True
    if not has_consent(key):
        context["consent_required"] = str(current_versions())
    if seconds := limits.seconds_to_wait(key):
        logger.info("key limited", key_id=key.key_id, owner=key.owner, route=route)
        calls = int(60 * calls_per_second(key))
        return {"isAuthorized": True, "context": {**context, "retry_after": seconds, "calls_per_minute": calls}}
    logger.info("key used", key_id=key.key_id, owner=key.owner, route=route)
    try:
        gate.note_use(key, text, now)
    except (ClientError, BotoCoreError) as error:  # not a reason to refuse the caller
        logger.warning("use not recorded", key_id=key.key_id, error=type(error).__name__)
    return {"isAuthorized": True, "context": context}
