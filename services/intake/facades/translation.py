"""Translates models, sizes and qualities of other APIs into parameters that one of our models supports."""

from datetime import date
from math import log
from typing import Any

from events.model_catalog import Model, ModelCatalog
from events.options import Quality
from services.intake.model_fit import size_violation


def find_model(name: str, catalog: ModelCatalog, today: date) -> Model | None:
    """Return the model with this key or Bedrock id, or None if there is none.

    Old clients name models at their end of life. Then return the nearest successor that is still served, so that its
    limits apply.
    """
    model = catalog.get(name) or next((m for m in catalog if name in _bedrock_names(m)), None)
    if model is None or not model.ended(today):
        return model
    return next((successor for successor in catalog.successors(model) if not successor.ended(today)), model)


def default_model(catalog: ModelCatalog, today: date) -> Model:
    """Return the model that serves requests without a model."""
    model = find_model(catalog.default, catalog, today)
    assert model is not None  # noqa: S101 - the default is in the catalog
    return model


def _bedrock_names(model: Model) -> set[str]:
    """Return a model's Bedrock id with and without the revision after its colon, which clients leave out."""
    return {model.model_id} if model.model_id.startswith("arn:") else {model.model_id, model.model_id.partition(":")[0]}


def shape(model: Model, size: str | None) -> dict[str, Any]:
    """Return a size or ratio as parameters: the size itself if the model supports it, otherwise the nearest.

    The nearest has the closest aspect ratio, then the closest number of pixels; for a ratio, the model's order
    decides instead of pixels. No size and ``auto`` are the model's default.
    """
    if size is None or size == "auto":
        return {}
    width, height = _sides(size)
    if model.aspect_ratios:
        ratios = {ratio: _sides(ratio) for ratio in model.aspect_ratios}
        return {"aspect_ratio": min(ratios, key=lambda ratio: _distance(ratios[ratio], (width, height)))}
    if size in model.sizes or (model.size_rule and not size_violation(width, height, model.size_rule)):
        return {"size": size}

    def distance(supported: str) -> tuple[float, int]:
        sides = _sides(supported)
        pixels = 0 if ":" in size else abs(sides[0] * sides[1] - width * height)
        return round(_distance(sides, (width, height)), 3), pixels

    return {"size": min(model.sizes, key=distance)}


def style(model: Model, requested: str | None) -> str | None:
    """Return the requested style if the model supports it. Clients of other APIs send styles to every model."""
    return requested if requested in model.styles else None


def quality(model: Model, *, best: bool) -> Quality:
    """Return ``premium`` if the ``best`` quality is requested and the model supports it."""
    return "premium" if best and "premium" in model.price_usd else "standard"


def _sides(size: str) -> tuple[int, int]:
    width, height = size.replace(":", "x").split("x")
    return int(width), int(height)


def _distance(one: tuple[int, int], other: tuple[int, int]) -> float:
    """Return the distance of two aspect ratios; 1:2 is as far from 1:1 as 2:1 is."""
    return abs(log(one[0] / one[1]) - log(other[0] / other[1]))
