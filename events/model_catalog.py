"""The model catalog: what a caller may ask of each model. The data is in `model_catalog.json`."""

import json
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

Family = Literal["sdxl", "titan", "nova", "stability"]
"""A wire shape of InvokeModel."""

DATA: Final = Path(__file__).with_name("model_catalog.json")


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Range(_Data):
    """Bounds of a number, both included, and what the model takes where none is given."""

    min: float
    max: float
    default: float


class SizeRule(_Data):
    """For a model that takes any size within limits. Pixels; ``ratio_max`` 4 means 1:4 to 4:1."""

    side_min: int
    side_max: int
    multiple_of: int
    ratio_max: float
    pixels_max: int


class Model(_Data):
    """One model: its limits, price, lifecycle and successor."""

    key: str
    name: str
    model_id: str
    """Bedrock's id, or the ARN of a custom model."""
    family: Family
    regions: list[str] = Field(default_factory=list)
    """Where Bedrock offers it; empty: wherever the stack runs."""
    end_of_life: date | None = None
    successor: str | None = None
    price_usd: dict[str, Decimal]
    """Of one image, by quality."""
    prompt_max: int
    """Characters."""
    negative_prompt_max: int
    sizes: list[str] = Field(default_factory=list)
    """``WIDTHxHEIGHT``. The first is the default. With a ``size_rule`` they are only suggestions."""
    size_rule: SizeRule | None = None
    aspect_ratios: dict[str, str] = Field(default_factory=dict)
    """For a model that takes a ratio instead of a size: ratio → the size it answers with. The first is the default."""
    seed_max: int
    steps: Range | None = None
    guidance: Range | None = None
    styles: list[str] = Field(default_factory=list)

    def ended(self, today: date) -> bool:
        """Tell whether Bedrock no longer serves the model."""
        return self.end_of_life is not None and self.end_of_life <= today


class CustomModel(_Data):
    """A model of one's own: the ARN does not tell the body's shape, so the family is said beside it."""

    arn: str = Field(pattern=r"^arn:aws[a-z-]*:bedrock:[a-z0-9-]+:\d{12}:[a-z-]+/.+$")
    family: Family
    price_usd: Decimal = Decimal(0)
    successor: str | None = None


class ModelCatalog:
    """The models by key, custom ones included."""

    def __init__(self, models: dict[str, Model], default: str, moderation: str) -> None:
        self._models = models
        self.default = default
        """Key of the model that draws when the caller names none."""
        self.moderation = moderation
        """Bedrock id of the model that screens prompts."""

    @classmethod
    def load(cls, custom: str = "") -> Self:
        """Read `model_catalog.json` and add ``custom``: a JSON object of name → ``{"arn", "family"}``.

        A custom model has the limits of the first catalog model of its family.
        Raises ``ValueError`` where ``custom`` is malformed or takes a name of the catalog.
        """
        data = json.loads(DATA.read_text(encoding="utf-8"))
        models = {key: Model.model_validate({"key": key, **values}) for key, values in data["models"].items()}
        adapter = TypeAdapter(dict[str, CustomModel])
        for key, own in (adapter.validate_json(custom) if custom.strip() else {}).items():
            if key in models:
                raise ValueError(f"custom models: {key} is the name of a catalog model")
            models[key] = _of_its_family(key, own, models)
        return cls(models, data["default"], data["moderation"])

    def __iter__(self) -> Iterator[Model]:
        return iter(self._models.values())

    def get(self, key: str) -> Model | None:
        """Return the model, or None where there is none of that name."""
        return self._models.get(key)

    def keys(self) -> list[str]:
        """Return the names a caller may ask for."""
        return list(self._models)

    def with_ends(self, ends: Mapping[str, date | None]) -> Self:
        """Return the catalog with the ends of life that are known by now, by key, in place of the listed ones."""
        models = {
            key: model.model_copy(update={"end_of_life": ends[key]}) if key in ends else model
            for key, model in self._models.items()
        }
        return type(self)(models, self.default, self.moderation)

    def successors(self, model: Model) -> list[Model]:
        """Return the models that follow on ``model``, nearest first, each once."""
        found: list[Model] = []
        seen = {model.key}
        key = model.successor
        while key is not None and key not in seen:
            seen.add(key)
            following = self._models[key]
            found.append(following)
            key = following.successor
        return found


def _of_its_family(key: str, own: CustomModel, models: dict[str, Model]) -> Model:
    kin = next(model for model in models.values() if model.family == own.family)
    changes: dict[str, Any] = {
        "key": key,
        "name": key,
        "model_id": own.arn,
        "regions": [own.arn.split(":")[3]],
        "end_of_life": None,
        "successor": own.successor,
        "price_usd": dict.fromkeys(kin.price_usd, own.price_usd),
    }
    return kin.model_copy(update=changes)


@cache
def model_catalog(custom: str = "") -> ModelCatalog:
    """Return the catalog, read once a process."""
    return ModelCatalog.load(custom)


def invoke_arns(model: Model, partition: str = "aws") -> list[str]:
    """Return the resources that ``bedrock:InvokeModel`` must be allowed on for ``model``."""
    if model.model_id.startswith("arn:"):
        return [model.model_id]
    return [f"arn:{partition}:bedrock:{region}::foundation-model/{model.model_id}" for region in model.regions]
