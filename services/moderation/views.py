"""What a caller sends to have a prompt checked, and what comes back."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from kit.text import Text
from services.moderation.service import PromptVerdict

TEXT_MAX = 10_000
"""Characters: what the most patient model takes."""


class NewCheck(BaseModel):
    """The body of `POST /v1/moderations`."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)

    prompt: Text = Field(max_length=TEXT_MAX)
    negative_prompt: Text | None = Field(None, max_length=TEXT_MAX)


class LegacyCheck(BaseModel):
    """The body of `POST /api/moderation/check`, as the API's first version had it."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)

    prompt: Text = Field(max_length=TEXT_MAX)


class Check(BaseModel):
    """Whether a prompt may be drawn. ``category`` and ``field`` are there where it may not."""

    model_config = ConfigDict(defer_build=True)

    allowed: bool
    layer: str
    """The layer that decided: the last that looked."""
    category: str | None = None
    """Of the policy, or ``unclassified`` where the layer would not say."""
    field: Literal["prompt", "negative_prompt"] | None = None
    policy_version: str

    @classmethod
    def of(cls, verdict: PromptVerdict) -> "Check":
        """Return what a caller is told of ``verdict``."""
        finding = verdict.finding
        return cls(
            allowed=finding is None,
            layer=verdict.layers[-1],
            category=finding.category if finding else None,
            field=finding.field if finding else None,
            policy_version=verdict.policy_version,
        )


class LegacyAnswer(BaseModel):
    """A check in the envelope of the API's first version."""

    model_config = ConfigDict(defer_build=True)

    success: Literal[True] = True
    data: Check
    message: str
