"""A shadow policy: a candidate that is evaluated beside the policy that decides, and decides nothing.

It takes no call: its keyword filter reads the same texts, and what Claude and Rekognition returned is used again. So a
candidate's terms, labels and confidence are evaluated exactly. Its descriptions of categories are not, because Claude
reads those of the other policy only.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from services.moderation.models import UNCLASSIFIED, Change, Hit, PromptVerdict, ShadowVerdict, TextField
from services.moderation.policy import Policy

SAMPLES: Final = 5
"""Request ids per row of the report."""


class TermSearch(Protocol):
    """Layer 1: the keyword filter."""

    def find(self, texts: Mapping[TextField, str]) -> Hit | None:
        """Return the gravest hit, or None."""


@dataclass(frozen=True)
class Outcome:
    """What a policy decides about a prompt."""

    decision: Literal["allowed", "blocked", "asked"]
    """``asked``: Claude would be asked, and has not answered about this prompt."""
    category: str | None = None
    """Present if and only if ``decision`` is ``blocked``."""


@dataclass(frozen=True)
class PromptPolicy:
    """A policy for prompts of which a verdict is recorded."""

    policy: Policy
    keywords: TermSearch

    def outcome(self, texts: Mapping[TextField, str], recorded: PromptVerdict) -> Outcome:
        """Return what this policy decides about ``texts``, with the answer of Claude in the verdict about them."""
        hit = self.keywords.find(texts)
        if hit is not None and hit.strength == "block":
            return Outcome("blocked", hit.category)
        finding = recorded.finding
        if finding is not None and recorded.layers[-1] == "guardrail":  # which decides under every policy
            return Outcome("blocked", finding.category)
        if not recorded.asked_claude:
            return Outcome("asked")
        if finding is None or finding.category not in self.policy.categories:
            return Outcome("allowed")
        return Outcome("blocked", finding.category)


@dataclass(frozen=True)
class PromptShadow(PromptPolicy):
    """The shadow policy for prompts."""

    def compare(
        self, texts: Mapping[TextField, str], live: PromptVerdict, request_id: str, decided: Outcome | None = None
    ) -> ShadowVerdict:
        """Return what the shadow policy would change in ``live``, the verdict about ``texts``.

        ``decided``: compare with this instead of the decision of ``live``.
        """
        if live.finding is not None and live.finding.category == UNCLASSIFIED:  # not because of the policy
            return ShadowVerdict(policy_version=self.policy.version)
        if decided is None:
            decided = Outcome("blocked", live.finding.category) if live.finding else Outcome("allowed")
        change, category = _change(decided, self.outcome(texts, live))
        return ShadowVerdict(
            policy_version=self.policy.version,
            change=change,
            category=category,
            request_id=request_id if change else None,
        )


def _change(live: Outcome, shadow: Outcome) -> tuple[Change | None, str | None]:
    match live.decision, shadow.decision:
        case "allowed", "blocked":
            return "newly_blocked", shadow.category
        case "blocked", "allowed":
            return "newly_allowed", live.category
        case "blocked", "asked":
            return "newly_asked", live.category
        case _:
            return None, None


def compare_images(
    policy: Policy, labels: Mapping[int, Mapping[str, float]], blocked: Mapping[int, str], request_id: str
) -> ShadowVerdict:
    """Return the first change that the shadow policy would make among images.

    ``labels``: the confidence of each label, by the index of the image. ``blocked``: the categories that decided.
    """
    for index, found in labels.items():
        category = policy.image_category(found)
        if (category is None) != (index not in blocked):
            change: Change = "newly_blocked" if category else "newly_allowed"
            return ShadowVerdict(
                policy_version=policy.version,
                change=change,
                category=category or blocked[index],
                request_id=request_id,
            )
    return ShadowVerdict(policy_version=policy.version)


@dataclass(frozen=True)
class ShadowChange:
    """A recorded verdict that the shadow policy would change."""

    subject: str
    """``prompt`` or ``images``."""
    policy_version: str
    shadow: ShadowVerdict


@dataclass(frozen=True)
class ShadowRow:
    """Verdicts with the same policies, subject, change and category."""

    subject: str
    policy_version: str
    shadow_version: str
    change: str
    category: str
    count: int
    samples: tuple[str, ...]
    """Ids of the latest requests."""


def summarise(changes: Iterable[ShadowChange]) -> list[ShadowRow]:
    """Return the changes by policies, subject, change and category, with samples. ``changes``: newest first."""
    groups: defaultdict[tuple[str, str, str, str, str], list[str]] = defaultdict(list)
    for each in changes:
        shadow = each.shadow
        key = (each.policy_version, shadow.policy_version, each.subject, str(shadow.change), str(shadow.category))
        groups[key].append(str(shadow.request_id))
    return [
        ShadowRow(subject, version, shadow_version, change, category, len(ids), tuple(dict.fromkeys(ids))[:SAMPLES])
        for (version, shadow_version, subject, change, category), ids in sorted(groups.items())
    ]
