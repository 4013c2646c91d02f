"""Request and response bodies of the moderation API."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Annotated, Final, Literal

from pydantic import Field

from events.catalog.prompt_rejected import Strength
from kit.schemas import QueryParameters, RequestBody, Schema
from kit.text import Text, at_most
from services.moderation.models import TEXT_MAX, Change, PromptVerdict, TextField
from services.moderation.shadow import ShadowChange, summarise

LimitedText = Annotated[Text, *at_most(TEXT_MAX)]


SHADOW_DAYS_MAX: Final = 60
"""As long as verdicts are kept."""


class NewCheck(RequestBody):
    """The body of `POST /v1/moderations`."""

    prompt: LimitedText
    """The prompt to check."""
    negative_prompt: LimitedText | None = None
    """The negative prompt to check."""


class LegacyCheck(RequestBody):
    """The body of `POST /api/moderation/check`, as in the first version of this API."""

    prompt: LimitedText
    """The prompt to check."""


class KeywordHit(Schema):
    """What the keyword filter found. Its terms match words, not meaning."""

    category: str
    """A category of the policy."""
    field: TextField
    """Where the term was found."""
    strength: Strength
    """``block``: the term has no innocent use, and decided. ``review``: the model of the next layer decided."""


class Check(Schema):
    """Whether images may be generated for a prompt. ``category`` and ``field`` are present if they may not."""

    allowed: bool
    """Whether images may be generated."""
    layer: str
    """The layer that decided, which is the last one that screened the prompt."""
    category: str | None = None
    """A category of the policy, or ``unclassified`` if the layer did not name one."""
    field: TextField | None = None
    """The text that is not allowed."""
    hit: KeywordHit | None = None
    """Absent if the keyword filter found nothing."""
    policy_version: str
    """Version of the moderation policy: its name and a digest of its content, and the guardrail, if there is one."""

    @classmethod
    def of(cls, verdict: PromptVerdict) -> "Check":
        """Return the response for ``verdict``."""
        finding = verdict.finding
        return cls(
            allowed=finding is None,
            layer=verdict.layers[-1],
            category=finding.category if finding else None,
            field=finding.field if finding else None,
            hit=KeywordHit.model_validate(verdict.hit.model_dump()) if verdict.hit else None,
            policy_version=verdict.policy_version,
        )


class LegacyCheckResponse(Schema):
    """A check in the envelope of the first version of this API."""

    success: Literal[True] = True
    """True in every response without an error."""
    data: Check
    """The result of the check."""
    message: str
    """A sentence, for people."""


class ShadowQuery(QueryParameters):
    """The period of the report."""

    days: int = Field(7, ge=1, le=SHADOW_DAYS_MAX)
    """Number of days (UTC), with today."""


class ShadowChangeView(Schema):
    """Decisions that the shadow policy would change in the same way."""

    subject: Literal["prompt", "images"]
    """What was decided about."""
    policy_version: str
    """Version of the policy that decided."""
    shadow_version: str
    """Version of the shadow policy."""
    change: Change
    """``newly_blocked``, ``newly_allowed``, or ``newly_asked``: the keyword filter blocked, and would ask Claude."""
    category: str
    """If newly blocked, the category of the shadow policy, otherwise the one of the policy that decided."""
    count: int
    """Number of decisions."""
    samples: list[str]
    """Ids of the latest requests."""


class ShadowReport(Schema):
    """What the shadow policy would change."""

    first_day: date
    """First day (UTC)."""
    last_day: date
    """Last day, today."""
    complete: bool
    """False: there are more changes; only the latest were counted."""
    changes: list[ShadowChangeView]
    """Empty if nothing would change, or if there is no shadow policy."""

    @classmethod
    def of(cls, last: date, days: int, changes: Sequence[ShadowChange], limit: int) -> "ShadowReport":
        """Return the report of the period. ``changes``: newest first; only ``limit`` of them are counted."""
        return cls(
            first_day=last - timedelta(days=days - 1),
            last_day=last,
            complete=len(changes) <= limit,
            changes=[ShadowChangeView.model_validate(row, from_attributes=True) for row in summarise(changes[:limit])],
        )
