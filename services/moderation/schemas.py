"""Request and response bodies of the moderation API."""

from typing import Literal

from pydantic import Field

from events.catalog.prompt_rejected import Strength
from kit.schemas import RequestBody, Schema
from kit.text import Text
from services.moderation.models import PromptVerdict, TextField

TEXT_MAX = 10_000
"""Characters: the longest prompt that any model of the catalog accepts."""


class NewCheck(RequestBody):
    """The body of `POST /v1/moderations`."""

    prompt: Text = Field(max_length=TEXT_MAX)
    negative_prompt: Text | None = Field(None, max_length=TEXT_MAX)


class LegacyCheck(RequestBody):
    """The body of `POST /api/moderation/check`, as in the first version of this API."""

    prompt: Text = Field(max_length=TEXT_MAX)


class KeywordHit(Schema):
    """What the keyword filter found. Its terms match words, not meaning."""

    category: str
    """A category of the policy."""
    field: TextField
    strength: Strength
    """``block``: the term has no innocent use, and decided. ``review``: the model of the next layer decided."""


class Check(Schema):
    """Whether images may be generated for a prompt. ``category`` and ``field`` are present if they may not."""

    allowed: bool
    layer: str
    """The layer that decided, which is the last one that screened the prompt."""
    category: str | None = None
    """A category of the policy, or ``unclassified`` if the layer did not name one."""
    field: TextField | None = None
    hit: KeywordHit | None = None
    policy_version: str

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
    data: Check
    message: str
