"""Decides which models fit a request, and resolves the request into generation parameters."""

import secrets
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from decimal import Decimal
from math import isclose
from typing import Any, Final

from events.model_catalog import Model, ModelCatalog, Range, SizeRule
from events.options import Quality
from events.parameters import ModelPlan
from kit.text import length_rule
from services.intake.schemas import MAX_COUNT, NewRequest

RATIO_TOLERANCE: Final = 0.04
"""The largest relative difference between a size and the requested ratio: 1344x768 is accepted for 16:9."""
MAX_CHOSEN_SEED: Final = 858_993_459 - MAX_COUNT
"""Every model accepts seeds up to here, including those of further images."""

Errors = list[dict[str, Any]]


class UnsupportedParametersError(ValueError):
    """The requested model does not support the parameters. ``errors`` name field, rule and allowed values."""

    def __init__(self, errors: Errors) -> None:
        super().__init__(", ".join(error["field"] for error in errors))
        self.errors = errors


class ModelEndOfLifeError(ValueError):
    """The requested model has reached its end of life, and no successor fits the request."""

    def __init__(self, model: str, successor: str | None) -> None:
        super().__init__(f"{model} has reached its end of life")
        self.model = model
        self.successor = successor
        """The next model that is still served."""


@dataclass(frozen=True)
class Shape:
    """A size that a model generates, and the aspect ratio to request if the model takes ratios."""

    width: int
    height: int
    aspect_ratio: str | None = None

    @classmethod
    def of(cls, size: str, aspect_ratio: str | None = None) -> "Shape":
        """Return the shape of ``WIDTHxHEIGHT``."""
        width, height = size.split("x")
        return cls(int(width), int(height), aspect_ratio)

    @property
    def ratio(self) -> float:
        """Width divided by height: as requested, or else of the pixels."""
        return _ratio(self.aspect_ratio) if self.aspect_ratio else self.width / self.height


@dataclass(frozen=True)
class Plan:
    """What intake chooses for a request."""

    seed: int
    models: list[ModelPlan]
    """In the order of use."""


@dataclass(frozen=True)
class FitResult:
    """Whether a model fits a request: the plan if it does, otherwise the reasons why not."""

    plan: ModelPlan | None = None
    errors: Errors = field(default_factory=list)


def resolve(
    request: NewRequest, catalog: ModelCatalog, price_ceiling: Decimal, unavailable: AbstractSet[str] = frozenset()
) -> Plan:
    """Choose the seed of a request, and the models that may serve it in order.

    A successor is listed if it fits the request and costs at most ``price_ceiling`` USD per image, or no more than the
    requested model. Models that are ``unavailable`` are left out. Raise ``UnsupportedParametersError`` if the requested
    model does not fit, ``ModelEndOfLifeError`` if no model is left.
    """
    model = catalog.get(request.model or catalog.default)
    if model is None:
        raise UnsupportedParametersError([_error("model", "is not in the catalog", allowed=catalog.keys())])
    requested = fit(request, model)
    if requested.plan is None:
        raise UnsupportedParametersError(requested.errors)
    candidates = [requested.plan]
    if request.failover:
        candidates += _stand_ins(request, requested.plan, catalog.successors(model), price_ceiling)
    plans = [plan for plan in candidates if plan.model not in unavailable]
    if not plans:
        served = (successor.key for successor in catalog.successors(model) if successor.key not in unavailable)
        raise ModelEndOfLifeError(model.key, next(served, None))
    return Plan(request.seed if request.seed is not None else 1 + secrets.randbelow(MAX_CHOSEN_SEED), plans)


def _stand_ins(
    request: NewRequest, requested: ModelPlan, successors: list[Model], price_ceiling: Decimal
) -> Iterator[ModelPlan]:
    for successor in successors:
        plan = fit(request, successor, instead_of=requested).plan
        if plan is not None and plan.price_usd <= max(price_ceiling, requested.price_usd):
            yield plan


def fit(request: NewRequest, model: Model, instead_of: ModelPlan | None = None) -> FitResult:
    """Decide whether a model fits a request.

    With ``instead_of``, the plan of the requested model, the model is a successor: it may use another size of the same
    ratio, and it ignores steps and guidance.
    """
    shape, errors = _shape(request, model) if instead_of is None else _stand_in_shape(request, model, instead_of)
    errors = [*errors, *_limit_errors(request, model)]
    if instead_of is None:
        errors += _tuning_errors(request, model)
    if errors or shape is None:
        return FitResult(errors=errors)
    return FitResult(_plan(model, shape, request.quality))


def _plan(model: Model, shape: Shape, quality: Quality) -> ModelPlan:
    return ModelPlan(
        model=model.key,
        width=shape.width,
        height=shape.height,
        aspect_ratio=shape.aspect_ratio,
        price_usd=model.price_usd[quality],
    )


def _error(field: str, rule: str, **details: Any) -> dict[str, Any]:
    return {"field": field, "rule": rule, "code": "not_supported_by_model", **details}


def _ratio(text: str) -> float:
    width, height = text.split(":")
    return int(width) / int(height)


def _shape(request: NewRequest, model: Model) -> tuple[Shape | None, Errors]:
    """Return the model's shape for the requested size or aspect ratio, or the errors."""
    if model.aspect_ratios:
        return _shape_by_ratio(request, model)
    if request.aspect_ratio:
        shape = _nearest(model, _ratio(request.aspect_ratio))
        if shape is None:
            rule = f"{model.key} has no size close to it"
            return None, [_error("aspect_ratio", rule, allowed_sizes=model.sizes)]
        return shape, []
    size = request.size or model.sizes[0]
    shape = Shape.of(size)
    if size in model.sizes:
        return shape, []
    if model.size_rule is None:
        return None, [_error("size", f"is not supported by {model.key}", allowed=model.sizes)]
    violation = size_violation(shape.width, shape.height, model.size_rule)
    return (None, [_error("size", violation, suggested=model.sizes)]) if violation else (shape, [])


def _shape_by_ratio(request: NewRequest, model: Model) -> tuple[Shape | None, Errors]:
    allowed = list(model.aspect_ratios)
    if request.size:
        rule = f"{model.key} takes an aspect_ratio instead"
        return None, [_error("size", rule, allowed_aspect_ratios=allowed)]
    ratio = request.aspect_ratio or allowed[0]
    if ratio not in model.aspect_ratios:
        return None, [_error("aspect_ratio", f"is not supported by {model.key}", allowed=allowed)]
    return Shape.of(model.aspect_ratios[ratio], ratio), []


def _stand_in_shape(request: NewRequest, successor: Model, requested: ModelPlan) -> tuple[Shape | None, Errors]:
    """Return the successor's shape for the same image: the requested size if it supports sizes, else the same ratio."""
    if request.size and not successor.aspect_ratios:
        return _shape(request, successor)
    ratio = requested.width / requested.height
    shape = _nearest(successor, ratio)
    if shape is None:
        return None, [_error("aspect_ratio", f"{successor.key} has no size close to it")]
    if isclose(ratio, 1) and not shape.aspect_ratio:
        return Shape.of(successor.sizes[0]), []
    return shape, []


def _nearest(model: Model, ratio: float) -> Shape | None:
    """Return the model's shape closest to a ratio within the tolerance, the largest of equally close ones."""
    choices = [Shape.of(size, key) for key, size in model.aspect_ratios.items()]
    choices = choices or [Shape.of(size) for size in model.sizes]

    def difference(shape: Shape) -> float:
        return round(abs(shape.ratio / ratio - 1), 4)

    best = min(choices, key=lambda shape: (difference(shape), -shape.width * shape.height))
    return best if difference(best) <= RATIO_TOLERANCE else None


def size_violation(width: int, height: int, rule: SizeRule) -> str | None:
    """Return the part of a size rule that a size breaks, or None."""
    if not all(rule.side_min <= side <= rule.side_max for side in (width, height)):
        return f"each side must be {rule.side_min} to {rule.side_max} pixels"
    if width % rule.multiple_of or height % rule.multiple_of:
        return f"each side must be a multiple of {rule.multiple_of}"
    if max(width / height, height / width) > rule.ratio_max:
        return f"the aspect ratio must be between 1:{rule.ratio_max:g} and {rule.ratio_max:g}:1"
    if width * height > rule.pixels_max:
        return f"must have at most {rule.pixels_max} pixels"
    return None


def _limit_errors(request: NewRequest, model: Model) -> Errors:
    """Return the limits of a model that a request exceeds. They hold for successors too."""
    errors = []
    for name, limit in (("prompt", model.prompt_max), ("negative_prompt", model.negative_prompt_max)):
        text = getattr(request, name)
        if text is not None and len(text) > limit:
            errors.append(_error(name, length_rule(limit, f" for {model.key}"), max_length=limit))
    if request.style is not None and request.style not in model.styles:
        rule = f"is not supported by {model.key}" if model.styles else f"{model.key} has no styles"
        errors.append(_error("style", rule, allowed=model.styles))
    if request.quality not in model.price_usd:
        errors.append(_error("quality", f"is not supported by {model.key}", allowed=list(model.price_usd)))
    if request.seed is not None and request.seed > model.seed_max:
        errors.append(_error("seed", f"must be at most {model.seed_max} for {model.key}", maximum=model.seed_max))
    return errors


def _tuning_errors(request: NewRequest, model: Model) -> Errors:
    """Return the errors in steps and guidance."""
    errors = []
    for name, supported in (("steps", model.steps), ("guidance", model.guidance)):
        value = getattr(request, name)
        if value is not None and (supported is None or not supported.min <= value <= supported.max):
            errors.append(_out_of_range(name, model, supported))
    return errors


def _out_of_range(name: str, model: Model, supported: Range | None) -> dict[str, Any]:
    if supported is None:
        return _error(name, f"is not supported by {model.key}", allowed=[])
    rule = f"must be {supported.min:g} to {supported.max:g} for {model.key}"
    return _error(name, rule, minimum=supported.min, maximum=supported.max)
