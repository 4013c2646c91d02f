"""Moderation policies: data in `policies/<name>.json`. `policy_rules` has the rules that a file must keep.

The version of a policy is its name and a digest of its file, so that no content shares a version with another.
"""

from collections.abc import Collection, Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from events.catalog.prompt_rejected import Strength
from services.moderation.models import UNCLASSIFIED, TextField
from services.moderation.policy_rules import problems_of, resolve_words

POLICIES: Final = Path(__file__).with_name("policies")
LIVE: Final = "default"
"""The policy that decides, unless the parameter ``ModerationPolicy`` names another one."""
GUARDRAIL_LABEL: Final = "guardrail:"
"""Starts the labels of what a guardrail found in an image, so that they are none of Rekognition's."""


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True, hide_input_in_errors=True)


class Terms(_Data):
    """Terms of the keyword filter, by the fields in which they count."""

    anywhere: list[str] = []
    """In the prompt and in the negative prompt."""
    prompt: list[str] = []
    """In the prompt only: in a negative prompt they ask for the absence of something."""

    def in_field(self, field: TextField) -> list[str]:
        """Return the terms that count in ``field``."""
        return [*self.anywhere, *self.prompt] if field == "prompt" else self.anywhere


class Pair(_Data):
    """Words that are a hit together: one of each list in one sentence or clause of the prompt, in any order."""

    strength: Strength
    one: list[str] = Field(min_length=1)
    """Single words, and names of groups after an ``@``."""
    other: list[str] = Field(min_length=1)
    """As in ``one``."""


class Category(_Data):
    """One category of content that is blocked."""

    description: str
    """For Claude and for people; the keyword filter uses the terms only."""
    grave: bool = False
    """A block by the keyword filter alone counts against the API key's limit of blocked requests."""
    block: Terms = Field(default_factory=Terms)
    """Terms without any innocent use: they decide."""
    review: Terms = Field(default_factory=Terms)
    """Terms with an innocent use: Claude decides, and is told the category."""
    pairs: list[Pair] = []
    """Single words with all their forms, because meaning often lies in how words combine."""

    def terms(self, strength: Strength, field: TextField) -> list[str]:
        """Return the terms of this strength that count in ``field``."""
        return (self.block if strength == "block" else self.review).in_field(field)


class ImagePolicy(_Data):
    """What the image check blocks."""

    min_confidence: int = Field(ge=1, le=100)
    """Percent."""
    labels: dict[str, str]
    """Rekognition label (any level of its taxonomy) → category. Other labels are allowed."""


class PolicyFile(_Data):
    """A moderation policy: the categories, terms, phrases and labels that are blocked."""

    schema_path: str = Field("../policy.schema.json", alias="$schema")
    """For editors, which check the file while it is written."""
    groups: dict[str, list[str]] = {}
    """Words that several pairs share. A group may include others: their names after an ``@``."""
    categories: dict[str, Category] = Field(min_length=1)
    """Most severe first: if several apply, the first is reported."""
    innocent: list[str]
    """Phrases inside which a term is allowed."""
    image: ImagePolicy
    guardrail: dict[str, str] = {}
    """What a guardrail of Amazon Bedrock blocks → category: the type of a content filter (``SEXUAL``), the name of a
    denied topic, ``WORDS``, ``PERSONAL_DATA``. Anything else that it blocks is ``unclassified``."""


class Policy(PolicyFile):
    """A policy that keeps all rules. Its pairs contain words only, without names of groups."""

    version: str
    """Name and digest, such as ``default@3f9c2a1b7d0e``, and the guardrail, if there is one: ``+a1b2c3d4e5f6:3``."""

    def with_guardrail(self, guardrail: str) -> "Policy":
        """Return the policy with ``guardrail``, an id and a version, in its version. Empty: the same policy."""
        return self.model_copy(update={"version": f"{self.version}+{guardrail}"}) if guardrail else self

    @property
    def digest(self) -> str:
        """The digest of the file: equal for policies with the same content."""
        return self.version.rpartition("@")[2]

    def image_category(self, labels: Mapping[str, float], allowed: Collection[str] = ()) -> str | None:
        """Return the most severe category of labels, given with their confidence in percent, or None.

        ``allowed``: categories that are ignored.
        """
        found = {
            self._category(label)
            for label, confidence in labels.items()
            if confidence >= self.image.min_confidence or label.startswith(GUARDRAIL_LABEL)
        }
        return self.most_severe(found.difference(allowed))

    def guardrail_category(self, interventions: Collection[str]) -> str | None:
        """Return the most severe category of what a guardrail blocked, or None if it blocked nothing."""
        return self.most_severe({self.guardrail.get(each, UNCLASSIFIED) for each in interventions})

    def most_severe(self, found: Collection[str | None]) -> str | None:
        """Return the most severe of some categories, or None."""
        return next((category for category in [*self.categories, UNCLASSIFIED] if category in found), None)

    def _category(self, label: str) -> str | None:
        if label.startswith(GUARDRAIL_LABEL):
            return self.guardrail.get(label.removeprefix(GUARDRAIL_LABEL), UNCLASSIFIED)
        return self.image.labels.get(label)


class PolicyError(ValueError):
    """A policy file that cannot be used. ``problems`` has a sentence per problem, with its place in the file."""

    def __init__(self, name: str, problems: list[str]) -> None:
        super().__init__("\n".join(f"policy {name}: {problem}" for problem in problems))
        self.problems = problems


def policy_names() -> list[str]:
    """Return the names of the policies of this build."""
    return sorted(path.stem for path in POLICIES.glob("*.json"))


def parse_policy(name: str, content: bytes) -> Policy:
    """Return the policy in ``content``. Raises ``PolicyError`` with every problem."""
    try:
        file = PolicyFile.model_validate_json(content)
    except ValidationError as error:
        raise PolicyError(name, [f"{_place(each['loc'])}: {each['msg']}" for each in error.errors()]) from None
    if problems := problems_of(file):
        raise PolicyError(name, problems)
    version = f"{name}@{sha256(content).hexdigest()[:12]}"
    categories = {key: _resolved(category, file.groups) for key, category in file.categories.items()}
    return Policy.model_construct(**{**dict(file), "categories": categories}, version=version)


@cache
def load_policy(name: str = LIVE) -> Policy:
    """Return a policy of this build. Raises ``PolicyError`` if there is none with this name, or if it is not valid."""
    if name not in policy_names():
        raise PolicyError(name, [f"there is no policies/{name}.json; use one of: {', '.join(policy_names())}"])
    return parse_policy(name, (POLICIES / f"{name}.json").read_bytes())


def _resolved(category: Category, groups: dict[str, list[str]]) -> Category:
    pairs = [
        pair.model_copy(update={"one": resolve_words(pair.one, groups), "other": resolve_words(pair.other, groups)})
        for pair in category.pairs
    ]
    return category.model_copy(update={"pairs": pairs})


def _place(location: tuple[Any, ...]) -> str:
    return ".".join(map(str, location)) or "the file"
