"""Being told instead of asking: what guards, describes and answers the routes."""

from typing import Final

from events.api import Operation
from services.notifications.views import Ticket

CREATE_TICKET: Final = Operation(
    "POST",
    "/v1/tickets",
    "requests:read",
    "Get the address of a WebSocket that tells when the status of a request moves; it opens once, within a minute",
    answers={201: Ticket},
)
