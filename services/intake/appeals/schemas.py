"""Request and response bodies about appeals."""

from datetime import datetime
from typing import Annotated, Final

from pydantic import Field

from events.catalog.appeal_decided import AppealDecision
from events.parameters import AppealSubject
from kit.schemas import QueryParameters, RequestBody, Schema
from kit.text import Text, at_most
from services.intake.models import AppealStatus

REASON_MAX: Final = 2000
Reason = Annotated[Text, *at_most(REASON_MAX)]


class NewAppeal(RequestBody):
    """The appeal of a rejected request."""

    reason: Reason
    """Why the rejection was wrong. Operators read it."""


class NewDecision(RequestBody):
    """The decision about an appeal."""

    decision: AppealDecision
    """``granted``: a new request with the same parameters is created. ``refused``: the rejection stands."""
    reason: Reason
    """Why. The owner reads it."""


class AppealView(Schema):
    """The appeal of a rejected request."""

    request_id: str
    """Id of the rejected request."""
    status: AppealStatus
    """``pending`` until an operator decides."""
    subject: AppealSubject
    """What was rejected: ``prompt`` or ``images``."""
    category: str
    """The category of the content policy."""
    policy_version: str
    """Version of the moderation policy that rejected."""
    reason: str
    """Why the owner appealed."""
    appealed_at: datetime
    """When it was appealed."""
    decided_at: datetime | None = None
    """When it was decided. Absent while it is pending."""
    decision_reason: str | None = None
    """Why it was decided so. Absent while it is pending."""
    granted_request_id: str | None = None
    """Id of the new request with the same parameters. Present if the appeal was granted."""


class AppealQuery(QueryParameters):
    """The query parameters of `GET /v1/operations/appeals`."""

    limit: int = Field(50, ge=1, le=100)
    """Maximum number of appeals."""


class PendingAppeal(Schema):
    """An appeal that waits for a decision, without texts."""

    request_id: str
    """Id of the rejected request."""
    owner: str
    """Id of the owner."""
    subject: AppealSubject
    """What was rejected: ``prompt`` or ``images``."""
    category: str
    """The category of the content policy."""
    policy_version: str
    """Version of the moderation policy that rejected."""
    appealed_at: datetime
    """When it was appealed."""


class AppealQueue(Schema):
    """The appeals that wait for a decision, oldest first."""

    appeals: list[PendingAppeal]
    """At most ``limit``."""


class AppealReview(AppealView):
    """An appeal and the texts of its request, for operators. The audit trail records that they were read."""

    owner: str
    """Id of the owner."""
    prompt: str
    """The prompt of the request."""
    negative_prompt: str | None = None
    """The negative prompt of the request."""
