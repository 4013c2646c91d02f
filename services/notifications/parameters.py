"""What an owner may ask of webhooks. Unknown fields are refused, not ignored."""

import base64
import binascii
import re
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from kit.text import Text
from services.notifications.addresses import LONGEST_URL
from services.notifications.webhooks import ENDINGS, STATUSES, Requests, Status

DAY: Final = 24 * 3600
WEBHOOK_ID: Final = "[a-z2-7]{16}"
DELIVERY_ID: Final = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


class NewWebhook(BaseModel):
    """The body of `POST /v1/webhooks`."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    url: str = Field(min_length=1, max_length=LONGEST_URL, examples=["https://example.com/hooks/images"])
    """Https, on port 443 or 8443, at a public address."""
    statuses: list[Status] = Field(list(ENDINGS), min_length=1, max_length=len(STATUSES))
    """It is told when a request moves to one of these; where absent, when it has ended."""
    requests: Requests = "all"
    """Which requests it is told of: all of yours, or only those that are sent with its ``webhook_id``."""
    description: Annotated[Text, Field(max_length=100)] = ""
    """What it is for."""


class SecretRotation(BaseModel):
    """The body of `POST /v1/webhooks/{webhook_id}/rotate`; `{}` for an old secret that stops at once."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    grace_seconds: int = Field(0, ge=0, le=7 * DAY)
    """How long messages are signed with the old secret as well."""


class DeliveryQuery(BaseModel):
    """The query of `GET /v1/webhooks/{webhook_id}/deliveries`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: int = Field(20, ge=1, le=100)
    cursor: str | None = Field(None, max_length=100)
    """``next_cursor`` of the page before."""


def is_webhook_id(text: str) -> bool:
    """Tell whether ``text`` is of the shape of a webhook's id."""
    return bool(re.fullmatch(WEBHOOK_ID, text))


def is_delivery_id(text: str) -> bool:
    """Tell whether ``text`` is of the shape of a delivery's id."""
    return bool(re.fullmatch(DELIVERY_ID, text))


def cursor_of(place: str) -> str:
    """Return a cursor for the place where a page ends."""
    return base64.urlsafe_b64encode(place.encode()).decode()


def place_of(cursor: str) -> str:
    """Return the place that a cursor of ours names. Raises ``ValueError`` for any other text."""
    try:
        place = base64.urlsafe_b64decode(cursor.encode()).decode()
    except (binascii.Error, UnicodeError) as error:
        raise ValueError("no cursor") from error
    if not is_delivery_id(place):
        raise ValueError("no cursor")
    return place
