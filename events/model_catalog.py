"""The model catalog: limits, prices and lifecycle of each model. The data is in `model_catalog.json`."""

import json
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

Family = Literal["sdxl", "titan", "nova", "stability"]
"""The wire format of a model's InvokeModel bodies."""

DATA: Final = Path(__file__).with_name("model_catalog.json")
_LOADING: Final = Lock()
"""Pydantic builds a deferred model on first use, which is not thread-safe."""


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True, hide_input_in_errors=True)


class Range(_Data):
    """Inclusive bounds of a number, and its default."""

    min: float
    """Lowest value."""
    max: float
    """Highest value."""
    default: float
    """Value of requests without the parameter."""


class SizeRule(_Data):
    """Limits of a model that takes any size, in pixels. ``ratio_max`` 4 means 1:4 to 4:1."""

    side_min: int
    """Shortest side."""
    side_max: int
    """Longest side."""
    multiple_of: int
    """Every side must be a multiple of this."""
    ratio_max: float
    """Ratio of the longer side to the shorter one."""
    pixels_max: int
    """Width times height."""


class Model(_Data):
    """Limits, price, lifecycle and successor of a model."""

    key: str
    name: str
    model_id: str
    """Bedrock's id, or the ARN of a custom model."""
    family: Family
    regions: list[str] = Field(default_factory=list)
    """Regions in which Bedrock offers it. Empty: the region of the stack."""
    end_of_life: date | None = None
    successor: str | None = None
    price_usd: dict[str, Decimal]
    """Price of one image by quality."""
    prompt_max: int
    """Characters."""
    negative_prompt_max: int
    sizes: list[str] = Field(default_factory=list)
    """``WIDTHxHEIGHT``. The first is the default. With a ``size_rule`` they are only suggestions."""
    size_rule: SizeRule | None = None
    aspect_ratios: dict[str, str] = Field(default_factory=dict)
    """For a model that takes a ratio instead of a size: ratio → size of its images. The first is the default."""
    seed_max: int
    steps: Range | None = None
    guidance: Range | None = None
    styles: list[str] = Field(default_factory=list)

    def ended(self, today: date) -> bool:
        """Return whether Bedrock no longer serves the model."""
        return self.end_of_life is not None and self.end_of_life <= today


class CustomModel(_Data):
    """A custom model. Its ARN reveals neither the wire format nor the price, so family and price are configured."""

    arn: str = Field(pattern=r"^arn:aws[a-z-]*:bedrock:[a-z0-9-]+:\d{12}:[a-z-]+/.+$")
    family: Family
    price_usd: Decimal = Field(gt=0, allow_inf_nan=False)
    """Of one image. The daily budget counts it."""
    successor: str | None = None


class ModelCatalog:
    """The models by key, including custom ones."""

    def __init__(self, models: dict[str, Model], default: str, moderation: str) -> None:
        self._models = models
        self.default = default
        """Key of the model that is used if the caller names none."""
        self.moderation = moderation
        """Bedrock id of the model that screens prompts."""

    @classmethod
    def load(cls, custom: str = "") -> Self:
        """Read `model_catalog.json` and add ``custom``: a JSON object of name → ``{"arn", "family", "price_usd"}``.

        A custom model has the limits of the first catalog model of its family.
        Raises ``ValueError`` with a sentence if ``custom`` is malformed or uses a key of the catalog.
        """
        data = json.loads(DATA.read_text(encoding="utf-8"))
        models = {key: Model.model_validate({"key": key, **values}) for key, values in data["models"].items()}
        for key, own in custom_models(custom).items():
            if key in models:
                raise ValueError(f"CustomModels: {key} is the name of a catalog model. Give it another name.")
            models[key] = _custom(key, own, models)
        for model in models.values():
            if model.successor is not None and model.successor not in models:
                raise ValueError(f"CustomModels: {model.key}.successor: {model.successor} is not in the catalog.")
        return cls(models, data["default"], data["moderation"])

    def __iter__(self) -> Iterator[Model]:
        return iter(self._models.values())

    def get(self, key: str) -> Model | None:
        """Return the model, or None if the key is unknown."""
        return self._models.get(key)

    def keys(self) -> list[str]:
        """Return the keys that callers may use."""
        return list(self._models)

    def with_ends(self, ends: Mapping[str, date | None]) -> Self:
        """Return the catalog with the ends of life of ``ends``, by key, in place of the listed ones."""
        models = {
            key: model.model_copy(update={"end_of_life": ends[key]}) if key in ends else model
            for key, model in self._models.items()
        }
        return type(self)(models, self.default, self.moderation)

    def successors(self, model: Model) -> list[Model]:
        """Return the successors of ``model``, nearest first, each once."""
        found: list[Model] = []
        seen = {model.key}
        key = model.successor
        while key is not None and key not in seen:
            seen.add(key)
            following = self._models[key]
            found.append(following)
            key = following.successor
        return found


def custom_models(text: str) -> dict[str, CustomModel]:
    """Return the models of the template parameter ``CustomModels``: a JSON object, or nothing.

    Raises ``ValueError`` with a sentence that names the field and says what to change.
    """
    try:
        return TypeAdapter(dict[str, CustomModel]).validate_json(text) if text.strip() else {}
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "JSON"
        if where.endswith("price_usd"):
            where += ' (the price of one image in US dollars, such as "price_usd": "0.04"; the daily budget counts it)'
        raise ValueError(f"CustomModels: {where}: {first['msg']}.") from None


def _custom(key: str, own: CustomModel, models: dict[str, Model]) -> Model:
    base = next(model for model in models.values() if model.family == own.family)
    changes: dict[str, Any] = {
        "key": key,
        "name": key,
        "model_id": own.arn,
        "regions": [own.arn.split(":")[3]],
        "end_of_life": None,
        "successor": own.successor,
        "price_usd": dict.fromkeys(base.price_usd, own.price_usd),
    }
    return base.model_copy(update=changes)


@cache
def model_catalog(custom: str = "") -> ModelCatalog:
    """Return the catalog, which is read once per process. Thread-safe."""
    with _LOADING:
        return ModelCatalog.load(custom)


def invoke_arns(model: Model, partition: str = "aws") -> list[str]:
    """Return the resources for which a role needs ``bedrock:InvokeModel`` to use ``model``."""
    if model.model_id.startswith("arn:"):
        return [model.model_id]
    return [f"arn:{partition}:bedrock:{region}::foundation-model/{model.model_id}" for region in model.regions]
