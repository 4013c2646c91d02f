"""Request and response bodies of the moderation API."""

from typing import Annotated, Literal

from events.catalog.prompt_rejected import Strength
from kit.schemas import RequestBody, Schema
from kit.text import Text, at_most
from services.moderation.models import TEXT_MAX, PromptVerdict, TextField

LimitedText = Annotated[Text, *at_most(TEXT_MAX)]


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
    """Version of the moderation policy: its name and a digest of its content."""

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
