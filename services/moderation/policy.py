"""The moderation policy: data in ``policy.json``, its shape here."""

from functools import cache
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict

DATA: Final = Path(__file__).with_name("policy.json")


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Category(_Data):
    """One kind of content that is not drawn."""

    description: str
    """For Claude and for people; the keyword filter knows the terms only."""
    anywhere: list[str] = []
    """Terms with no innocent use: blocked in the prompt and in the negative prompt."""
    prompt: list[str] = []
    """Terms blocked in the prompt only: a negative prompt that names them asks for their absence."""

    def terms_for(self, field: str) -> list[str]:
        """Return the terms that are blocked in ``field``."""
        return [*self.anywhere, *self.prompt] if field == "prompt" else self.anywhere


class ImageRules(_Data):
    """What the image check blocks."""

    min_confidence: int
    """Percent."""
    labels: dict[str, str]
    """Rekognition label (any level of its taxonomy) → category. A label that is not here is allowed."""


class Policy(_Data):
    """Everything that may change what is blocked. A change of the file is a new version."""

    version: str
    categories: dict[str, Category]
    """In order of gravity: where several apply, the first is named."""
    innocent: list[str]
    """Phrases inside which a term does not count."""
    image: ImageRules

    def labels_by_gravity(self) -> dict[str, str]:
        """Return the image check's labels with their categories, gravest category first."""
        ranks = list(self.categories)
        return dict(sorted(self.image.labels.items(), key=lambda item: ranks.index(item[1])))


@cache
def load() -> Policy:
    """Return the policy this build was shipped with."""
    return Policy.model_validate_json(DATA.read_bytes())
