"""An operator decided an appeal."""

from typing import ClassVar, Literal

from ..envelope import Event, Id, Payload

AppealDecision = Literal["granted", "refused"]


class AppealDecidedData(Payload):
    """The decision. Its reason is not in the event: the owner reads it with the HTTP API."""

    decision: AppealDecision
    """``granted``: the rejection was wrong. ``refused``: it stands."""
    granted_request_id: Id | None = None
    """The new request with the same parameters. Present if and only if the appeal was granted."""
    webhook_id: str | None = None
    """The webhook that the rejected request named."""


class AppealDecided(Event):
    """An operator decided the appeal of a rejected request. The status of that request stays ``rejected``."""

    source: ClassVar[str] = "genai-images.intake"
    detail_type: ClassVar[str] = "AppealDecided"
    version: ClassVar[int] = 1

    data: AppealDecidedData
