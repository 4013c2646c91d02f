"""A shadow policy: a candidate that is evaluated beside the policy that decides, and decides nothing.

It takes no call: its keyword filter reads the same texts, and what Claude and Rekognition returned is used again. So a
candidate's terms, labels and confidence are evaluated exactly. Its descriptions of categories are not, because Claude
reads those of the other policy only.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from services.moderation.models import UNCLASSIFIED, Change, Hit, PromptVerdict, ShadowVerdict, TextField
from services.moderation.policy import Policy

SAMPLES: Final = 5
"""Request ids per row of the report."""


class TermSearch(Protocol):
    """Layer 1: the keyword filter."""

    def find(self, texts: Mapping[TextField, str]) -> Hit | None:
        """Return the gravest hit, or None."""


@dataclass(frozen=True)
class PromptShadow:
    """The shadow policy for prompts."""

    policy: Policy
    keywords: TermSearch

    def compare(self, texts: Mapping[TextField, str], live: PromptVerdict, request_id: str) -> ShadowVerdict:
        """Return what the shadow policy would change in ``live``, the verdict about ``texts``."""
        change, category = self._change(texts, live)
        return ShadowVerdict(
            policy_version=self.policy.version,
            change=change,
            category=category,
            request_id=request_id if change else None,
        )

    def _change(self, texts: Mapping[TextField, str], live: PromptVerdict) -> tuple[Change | None, str | None]:
        finding = live.finding
        if finding is not None and finding.category == UNCLASSIFIED:  # not because of the policy
            return None, None
        hit = self.keywords.find(texts)
        if hit is not None and hit.strength == "block":
            return ("newly_blocked", hit.category) if finding is None else (None, None)
        if finding is None:
            return None, None
        if live.layers[-1] == "guardrail":  # which decides under every policy
            return None, None
        if not live.asked_claude:
            return "newly_asked", finding.category
        return (None, None) if finding.category in self.policy.categories else ("newly_allowed", finding.category)


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
