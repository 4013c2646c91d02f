"""What `push` asks of `webhook` through the queue between them. It stays off the bus: nobody else has a use for it."""

from typing import ClassVar

from events.envelope import Event, Payload


class WebhookDueData(Payload):
    """What to tell, and whom."""

    webhook_id: str
    delivery_id: str
    kind: str
    body: str
    resends: int = 0


class WebhookDue(Event):
    """A webhook is to be told something."""

    source: ClassVar[str] = "genai-images.notifications"
    detail_type: ClassVar[str] = "WebhookDue"
    version: ClassVar[int] = 1

    data: WebhookDueData
