"""What a caller may ask for, and what that means in each model's own terms."""

import secrets
from collections.abc import Set as AbstractSet
from decimal import Decimal
from math import isclose
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, model_validator

from events.images import GenerationParameters, ModelPlan, Quality
from events.model_catalog import Model, ModelCatalog, Range, SizeRule
from kit.text import Text

RATIO_TOLERANCE: Final = 0.04
"""How far a size may be from the ratio asked for: 1344x768 passes for 16:9."""
MAX_COUNT: Final = 4
ANY_SEED: Final = 858_993_459 - MAX_COUNT
"""Within every model's range, the seeds of further images included."""


class NewRequest(BaseModel):
    """The body of `POST /v1/requests`. Only ``prompt`` is required; unknown fields are refused, not ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    prompt: Text
    negative_prompt: Text | None = None
    model: str | None = None
    """Key in the model catalog; the stack's default where absent."""
    failover: bool = True
    """False: this model only, even where it has ended."""
    size: str | None = Field(None, pattern="^[1-9][0-9]{1,3}x[1-9][0-9]{1,3}$", examples=["1024x1024"])
    aspect_ratio: str | None = Field(None, pattern="^[1-9][0-9]?:[1-9][0-9]?$", examples=["16:9"])
    style: str | None = None
    seed: int | None = Field(None, ge=0)
    count: int = Field(1, ge=1, le=MAX_COUNT)
    quality: Quality = "standard"
    steps: int | None = None
    guidance: float | None = Field(None, allow_inf_nan=False)
    webhook_id: str | None = Field(None, pattern="^[a-z2-7]{16}$", examples=["w3bhookexample22"])
    """Tell this webhook of yours, one for named requests, what becomes of it. Whether there is one is not checked."""

    @model_validator(mode="after")
    def _one_shape(self) -> "NewRequest":
        if self.size and self.aspect_ratio:
            raise ValueError("size and aspect_ratio exclude each other")
        return self


class ParameterError(ValueError):
    """What a model cannot do. ``errors`` name the field, the rule, and the allowed values."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__(", ".join(error["field"] for error in errors))
        self.errors = errors


class ModelEndedError(ValueError):
    """The model asked for is served no longer, and none that follows on it can draw this."""

    def __init__(self, model: str, successor: str | None) -> None:
        super().__init__(f"{model} has ended")
        self.model = model
        self.successor = successor
        """The next model that is still served."""


def resolve(
    request: NewRequest, catalog: ModelCatalog, price_ceiling: Decimal, ended: AbstractSet[str] = frozenset()
) -> GenerationParameters:
    """Turn a request into what is to be drawn, with the models that may serve it in order.

    Successors are listed where they can draw the same thing and cost at most ``price_ceiling`` USD an image
    (or no more than the model asked for). Those that have ``ended`` are passed over.
    Raises ``ParameterError`` where the model asked for cannot do it, ``ModelEndedError`` where none is left.
    """
    model = catalog.get(request.model or catalog.default)
    if model is None:
        raise ParameterError([_error("model", "is not a model of this service", allowed=catalog.keys())])
    shape, errors = _shape(request, model)
    errors += [*_limits(request, model), *_tuning(request, model)]
    if errors or shape is None:
        raise ParameterError(errors)
    plans = [_plan(model, shape, request.quality)]
    ratio = plans[0].width / plans[0].height
    for successor in catalog.successors(model) if request.failover else []:
        fitting = _successor_shape(request, successor, ratio)
        if fitting is None or _limits(request, successor):
            continue
        plan = _plan(successor, fitting, request.quality)
        if plan.price_usd <= max(price_ceiling, plans[0].price_usd):
            plans.append(plan)
    plans = [plan for plan in plans if plan.model not in ended]
    if not plans:
        living = (successor.key for successor in catalog.successors(model) if successor.key not in ended)
        raise ModelEndedError(model.key, next(living, None))
    return GenerationParameters(
        prompt=request.prompt,
        negative_prompt=request.negative_prompt,
        style=request.style,
        quality=request.quality,
        count=request.count,
        seed=request.seed if request.seed is not None else 1 + secrets.randbelow(ANY_SEED),
        steps=request.steps,
        guidance=request.guidance,
        models=plans,
    )


def _error(field: str, rule: str, **details: Any) -> dict[str, Any]:
    return {"field": field, "rule": rule, "code": "not_supported_by_model", **details}


_Shape = tuple[str, str | None]
"""A size, and the ratio to ask for where the model takes ratios."""


def _plan(model: Model, shape: _Shape, quality: Quality) -> ModelPlan:
    size, ratio = shape
    width, height = _sides(size)
    return ModelPlan(
        model=model.key, width=width, height=height, aspect_ratio=ratio, price_usd=model.price_usd[quality]
    )


def _sides(size: str) -> tuple[int, int]:
    width, height = size.split("x")
    return int(width), int(height)


def _ratio(text: str) -> float:
    across, down = text.split(":")
    return int(across) / int(down)


def _nearest(model: Model, ratio: float) -> _Shape | None:
    """Return the model's shape for a ratio, the closest within the tolerance, the largest among equals."""
    choices: list[_Shape] = [(size, key) for key, size in model.aspect_ratios.items()]
    choices = choices or [(size, None) for size in model.sizes]

    def distance(shape: _Shape) -> tuple[float, int]:
        width, height = _sides(shape[0])
        exact = _ratio(shape[1]) if shape[1] else width / height
        return round(abs(exact / ratio - 1), 4), -width * height

    best = min(choices, key=distance)
    return best if distance(best)[0] <= RATIO_TOLERANCE else None


def _shape(request: NewRequest, model: Model) -> tuple[_Shape | None, list[dict[str, Any]]]:
    """Return the model's size and ratio for what the caller asked, or the errors."""
    if model.aspect_ratios:
        allowed = list(model.aspect_ratios)
        if request.size:
            return None, [_error("size", f"{model.key} takes an aspect_ratio instead", allowed_aspect_ratios=allowed)]
        ratio = request.aspect_ratio or allowed[0]
        if ratio not in model.aspect_ratios:
            return None, [_error("aspect_ratio", f"is not one {model.key} knows", allowed=allowed)]
        return (model.aspect_ratios[ratio], ratio), []
    if request.aspect_ratio:
        found = _nearest(model, _ratio(request.aspect_ratio))
        if found is None:
            return None, [_error("aspect_ratio", f"{model.key} has no size close to it", allowed_sizes=model.sizes)]
        return found, []
    size = request.size or model.sizes[0]
    if size in model.sizes:
        return (size, None), []
    if model.size_rule is None:
        return None, [_error("size", f"is not one {model.key} draws", allowed=model.sizes)]
    broken = broken_rule(*_sides(size), model.size_rule)
    return (None, [_error("size", broken, suggested=model.sizes)]) if broken else ((size, None), [])


def broken_rule(width: int, height: int, rule: SizeRule) -> str | None:
    if not all(rule.side_min <= side <= rule.side_max for side in (width, height)):
        return f"each side must be {rule.side_min} to {rule.side_max} pixels"
    if width % rule.multiple_of or height % rule.multiple_of:
        return f"each side must be a multiple of {rule.multiple_of}"
    if max(width / height, height / width) > rule.ratio_max:
        return f"the sides' ratio must be within 1:{rule.ratio_max:g} and {rule.ratio_max:g}:1"
    if width * height > rule.pixels_max:
        return f"at most {rule.pixels_max} pixels in all"
    return None


def _successor_shape(request: NewRequest, successor: Model, ratio: float) -> _Shape | None:
    """Return the successor's shape for the same image: the very size where it knows it, else the same ratio."""
    if request.size and not successor.aspect_ratios:
        shape, errors = _shape(request, successor)
        return None if errors else shape
    found = _nearest(successor, ratio)
    if found and isclose(ratio, 1) and not found[1]:
        return successor.sizes[0], None
    return found


def _limits(request: NewRequest, model: Model) -> list[dict[str, Any]]:
    """Return what of the request a model could not draw faithfully."""
    errors = []
    for field, limit in (("prompt", model.prompt_max), ("negative_prompt", model.negative_prompt_max)):
        text = getattr(request, field)
        if text is not None and len(text) > limit:
            errors.append(_error(field, f"at most {limit} characters for {model.key}", max_length=limit))
    if request.style is not None and request.style not in model.styles:
        rule = f"is not one {model.key} knows" if model.styles else f"{model.key} has no styles"
        errors.append(_error("style", rule, allowed=model.styles))
    if request.quality not in model.price_usd:
        errors.append(_error("quality", f"is not one {model.key} knows", allowed=list(model.price_usd)))
    if request.seed is not None and request.seed > model.seed_max:
        errors.append(_error("seed", f"at most {model.seed_max} for {model.key}", maximum=model.seed_max))
    return errors


def _tuning(request: NewRequest, model: Model) -> list[dict[str, Any]]:
    """Return what the model asked for does not know of steps and guidance. A successor simply goes without them."""
    errors = []
    for field, known in (("steps", model.steps), ("guidance", model.guidance)):
        value = getattr(request, field)
        if value is not None and (known is None or not known.min <= value <= known.max):
            errors.append(_out_of_range(field, model, known))
    return errors


def _out_of_range(field: str, model: Model, known: Range | None) -> dict[str, Any]:
    if known is None:
        return _error(field, f"{model.key} does not take it", allowed=[])
    rule = f"must be {known.min:g} to {known.max:g} for {model.key}"
    return _error(field, rule, minimum=known.min, maximum=known.max)
