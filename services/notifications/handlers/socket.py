"""The WebSocket API: connections with tickets, pings, disconnections."""

from datetime import UTC, datetime
from typing import Any

import boto3

from kit import startup
from kit.telemetry import begin_call, logger
from services.notifications.gateways import WebSocketGateway
from services.notifications.repository.connections import ConnectionTable
from services.notifications.settings import SocketSettings
from services.notifications.sockets import RefusedError, digest_of, reply_to

settings = SocketSettings.load()
connections = ConnectionTable(boto3.client("dynamodb"), settings.table_name)
gateway = WebSocketGateway(settings.management_url)
startup.finished()


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Handle an event of a connection. Every refusal is a 403 in the handshake."""
    begin_call(event)
    about = event["requestContext"]
    connection_id = about["connectionId"]
    match about["eventType"]:
        case "CONNECT":
            return {"statusCode": 200 if _connect(event, connection_id) else 403}
        case "MESSAGE":
            gateway.send(connection_id, reply_to(event.get("body") or "").model_dump_json())
        case "DISCONNECT":
            connections.disconnect(connection_id)
    return {"statusCode": 200}


def _connect(event: dict[str, Any], connection_id: str) -> bool:
    ticket = (event.get("queryStringParameters") or {}).get("ticket", "")
    try:
        connection = connections.connect(digest_of(ticket), connection_id, datetime.now(UTC))
    except RefusedError as refused:
        logger.info("connection refused", reason=refused.reason)
        return False
    logger.info("connected", owner=connection.owner, connection_id=connection_id)
    return True
