"""What callers see of tickets and webhooks."""

from datetime import datetime

from pydantic import BaseModel


class Ticket(BaseModel):
    """The right to open one WebSocket."""

    url: str
    """The WebSocket's address with the ticket in it. It opens once."""
    expires_at: datetime
    """Until when it opens."""
