"""HTTP: tickets for the socket."""

from datetime import UTC, datetime

import boto3
from aws_lambda_powertools.event_handler import Response

from events.api import Api, json_response
from services.notifications import sockets
from services.notifications.adapters.connections import ConnectionTable
from services.notifications.operations import CREATE_TICKET
from services.notifications.settings import ApiSettings
from services.notifications.views import Ticket

settings = ApiSettings.load()
connections = ConnectionTable(boto3.client("dynamodb"), settings.table_name)
handler = Api()


@handler.serve(CREATE_TICKET)
def create_ticket() -> Response[str]:
    """Sell a ticket to the caller's owner."""
    text, expires_at = sockets.buy_ticket(connections, handler.caller.owner, datetime.now(UTC))
    return json_response(201, Ticket(url=f"{settings.socket_url}?ticket={text}", expires_at=expires_at))
