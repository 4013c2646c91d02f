"""The shape of the moderation policy in ``policy.json``."""

from functools import cache
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from events.catalog.prompt_rejected import Strength
from services.moderation.models import TextField

DATA: Final = Path(__file__).with_name("policy.json")


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
    one: list[str]
    other: list[str]


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

    min_confidence: int
    """Percent."""
    labels: dict[str, str]
    """Rekognition label (any level of its taxonomy) → category. Other labels are allowed."""


class Policy(_Data):
    """The categories, phrases and labels that are blocked. Every change of the file needs a new version."""

    version: str
    categories: dict[str, Category]
    """Most severe first: if several apply, the first is reported."""
    innocent: list[str]
    """Phrases inside which a term is allowed."""
    image: ImagePolicy

    def labels_by_severity(self) -> dict[str, str]:
        """Return the labels of the image check with their categories, most severe category first."""
        ranks = list(self.categories)
        return dict(sorted(self.image.labels.items(), key=lambda item: ranks.index(item[1])))


@cache
def load_policy() -> Policy:
    """Return the policy of this build."""
    return Policy.model_validate_json(DATA.read_bytes())
