"""Domain types of moderation."""

from datetime import datetime, timedelta
from typing import Final, Literal, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict

from events.catalog.prompt_rejected import Strength
from events.envelope import Event

TEXT_MAX: Final = 10_000
"""Characters of one text, in its readable form: the longest prompt that any model of the catalog accepts."""

UNCLASSIFIED: Final = "unclassified"
"""The category of a finding if no layer named one of the policy."""

TextField = Literal["prompt", "negative_prompt"]
"""A field of a request that contains text."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, defer_build=True, hide_input_in_errors=True)


class Finding(_Record):
    """Why a text is blocked."""

    category: str
    """A category of the policy, or ``UNCLASSIFIED``."""
    field: TextField
    reason: Literal[
        "category_blocked",
        "screening_refused",
        "screening_unreadable",
        "text_too_long",
        "text_not_accepted",
        "guardrail_intervened",
    ]
    """``text_too_long``: no layer was called. ``text_not_accepted``: Bedrock answers a request with this text with an
    error, and with another text it does not. ``guardrail_intervened``: because of something that is in no category of
    the policy, such as a word list or personal data."""


class Hit(_Record):
    """A term of the policy that the keyword filter found. The term itself is not kept."""

    category: str
    field: TextField
    strength: Strength
    """``block``: the term has no innocent use, and decides. ``review``: it may have one, and Claude decides."""

    @property
    def finding(self) -> Finding | None:
        """Why the text is blocked, or None if a later layer decides."""
        if self.strength == "review":
            return None
        return Finding(category=self.category, field=self.field, reason="category_blocked")


Change = Literal["newly_blocked", "newly_allowed", "newly_asked"]
"""What a shadow policy would change. ``newly_asked``: the keyword filter would not decide any more, but ask Claude."""


class ShadowVerdict(_Record):
    """What the shadow policy says. It decides nothing."""

    policy_version: str
    change: Change | None = None
    """None: it comes to the same decision."""
    category: str | None = None
    """If ``newly_blocked``, the category of the shadow policy, otherwise the one of the policy that decided."""
    request_id: str | None = None
    """A sample for operators. Absent if nothing changes."""


class PromptVerdict(_Record):
    """The decision about a prompt and its negative prompt."""

    policy_version: str
    decided_at: datetime
    layers: list[str]
    """The layers that screened the texts, in order; the last one decided."""
    finding: Finding | None = None
    """None: approved."""
    hit: Hit | None = None
    """The gravest hit of the keyword filter, also if the prompt is approved."""
    shadow: ShadowVerdict | None = None
    """None: there was no shadow policy."""

    @property
    def asked_claude(self) -> bool:
        """Whether Claude screened the texts, which costs money."""
        return "claude" in self.layers


class ImageVerdict(_Record):
    """The decision about the images of one ``ImageGenerated``."""

    policy_version: str
    decided_at: datetime
    layers: list[str]
    blocked: dict[int, str] = {}
    """Index of an image → the category that it violates. The other images may be kept."""
    shadow: ShadowVerdict | None = None
    """None: there was no shadow policy. One for all images: the first image with a change."""


VerdictT = TypeVar("VerdictT", PromptVerdict, ImageVerdict)


class VerdictRepository(Protocol[VerdictT]):
    """The recorded verdicts, by the id of the event that they decide."""

    def find(self, event_id: str) -> VerdictT | None:
        """Return the recorded verdict, or None."""

    def record(self, event_id: str, verdict: VerdictT) -> VerdictT:
        """Record ``verdict`` unless the event has one. Return the recorded verdict."""


NEW_FOR: Final = timedelta(minutes=1)
"""An event younger than this has no recorded verdict yet if its message is delivered for the first time: a retry is a
later delivery, and the sweeper publishes an event again later. That saves one read per event, also while messages wait.
If a duplicate arrives so early, both are screened, and both publish the verdict that was recorded first."""


def is_new(event: Event, now: datetime, *, first_delivery: bool) -> bool:
    """Return whether the event has no recorded verdict yet."""
    return first_delivery and now - event.metadata.occurred_at < NEW_FOR


class CheckRefusedError(Exception):
    """The window has as many checks, or blocked checks, as the key may have."""

    def __init__(self, code: Literal["rate_limited", "too_many_blocked"]) -> None:
        super().__init__(code)
        self.code: Final = code
