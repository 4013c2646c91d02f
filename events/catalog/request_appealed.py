"""The owner of a rejected request appealed the rejection."""

from typing import ClassVar

from ..envelope import Event, Payload
from ..parameters import AppealSubject


class RequestAppealedData(Payload):
    """What the rejection was about. The reason of the owner is not in the event."""

    subject: AppealSubject
    """``prompt`` or ``images``."""
    category: str
    """The category of the moderation policy, as in the rejection."""
    policy_version: str
    """Version of the moderation policy that rejected."""


class RequestAppealed(Event):
    """The owner of a rejected request appealed the rejection. An operator decides."""

    source: ClassVar[str] = "genai-images.intake"
    detail_type: ClassVar[str] = "RequestAppealed"
    version: ClassVar[int] = 1

    data: RequestAppealedData
