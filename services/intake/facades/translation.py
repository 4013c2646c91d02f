"""From the names that other APIs have for models, sizes and qualities to what one of our models can do."""

from datetime import date
from math import log
from typing import Any

from events.images import Quality
from events.model_catalog import Model, ModelCatalog
from services.intake.parameters import broken_rule


def find_model(name: str, catalog: ModelCatalog, today: date) -> Model | None:
    """Return the model that ``name``, our key or Bedrock's id, stands for, or None for a name nobody has.

    Clients written long ago name models that have ended: the nearest successor that has not stands in, so that its
    own limits count and not those of a model that will never draw again.
    """
    model = catalog.get(name) or next((m for m in catalog if name in _bedrock_names(m)), None)
    if model is None or not model.ended(today):
        return model
    return next((heir for heir in catalog.successors(model) if not heir.ended(today)), model)


def default_model(catalog: ModelCatalog, today: date) -> Model:
    """Return the model that draws when the caller names none."""
    model = find_model(catalog.default, catalog, today)
    assert model is not None  # noqa: S101 - the default is one of the catalog's
    return model


def _bedrock_names(model: Model) -> set[str]:
    """Return a model's id with and without the number behind its last colon, which clients leave out."""
    return {model.model_id} if model.model_id.startswith("arn:") else {model.model_id, model.model_id.partition(":")[0]}


def shape(model: Model, size: str | None) -> dict[str, Any]:
    """Return ``size`` (WIDTHxHEIGHT) as a request's parameters: itself where the model draws it, else the nearest.

    Nearest is by ratio first, then by the number of pixels. No size is the model's default.
    """
    if size is None:
        return {}
    width, height = _sides(size)
    if model.aspect_ratios:
        ratios = {ratio: _sides(ratio.replace(":", "x")) for ratio in model.aspect_ratios}
        return {"aspect_ratio": min(ratios, key=lambda ratio: _distance(ratios[ratio], (width, height)))}
    if size in model.sizes or (model.size_rule and not broken_rule(width, height, model.size_rule)):
        return {"size": size}

    def distance(known: str) -> tuple[float, int]:
        across, down = _sides(known)
        return round(_distance((across, down), (width, height)), 3), abs(across * down - width * height)

    return {"size": min(model.sizes, key=distance)}


def style(model: Model, wanted: str | None) -> str | None:
    """Return ``wanted`` where the model knows it. Other APIs send a style along whether it counts or not."""
    return wanted if wanted in model.styles else None


def quality(model: Model, *, best: bool) -> Quality:
    """Return the better quality where ``best`` is wanted and the model has one."""
    return "premium" if best and "premium" in model.price_usd else "standard"


def _sides(size: str) -> tuple[int, int]:
    width, height = size.split("x")
    return int(width), int(height)


def _distance(one: tuple[int, int], other: tuple[int, int]) -> float:
    """Return how far two ratios are apart; 1:2 is as far from 1:1 as 2:1 is."""
    return abs(log(one[0] / one[1]) - log(other[0] / other[1]))
