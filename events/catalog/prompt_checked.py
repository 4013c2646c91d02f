"""A prompt was checked without a request for images."""

from decimal import Decimal
from typing import ClassVar

from ..envelope import Event, Payload


class PromptCheckedData(Payload):
    """The price of the check, without the prompt or the verdict."""

    moderation_usd: Decimal
    """List price of the check in US dollars."""


class PromptChecked(Event):
    """Claude checked a prompt for a caller of `POST /v1/moderations`. The daily budget counts it.

    The event belongs to no request: ``request_id`` identifies the check.
    """

    source: ClassVar[str] = "genai-images.moderation"
    detail_type: ClassVar[str] = "PromptChecked"
    version: ClassVar[int] = 1

    data: PromptCheckedData
