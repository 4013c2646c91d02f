"""The shape of the moderation policy in ``policy.json``."""

from functools import cache
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict

DATA: Final = Path(__file__).with_name("policy.json")


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Category(_Data):
    """One category of content that is blocked."""

    description: str
    """For Claude and for people; the keyword filter uses the terms only."""
    anywhere: list[str] = []
    """Terms without an innocent use: blocked in the prompt and in the negative prompt."""
    prompt: list[str] = []
    """Terms blocked in the prompt only: in a negative prompt they ask for the absence of something."""

    def terms_for(self, field: str) -> list[str]:
        """Return the terms that are blocked in ``field``."""
        return [*self.anywhere, *self.prompt] if field == "prompt" else self.anywhere


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
