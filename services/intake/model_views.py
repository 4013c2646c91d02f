"""What a caller sees of the model catalog."""

from datetime import date
from typing import Literal

from pydantic import BaseModel

from events.model_catalog import Model, ModelCatalog, Range, SizeRule
from services.intake.figures import Estimates

Lifecycle = Literal["active", "legacy", "ended"]


class Limits(BaseModel):
    """What may be asked of a model. Lengths in characters."""

    prompt_max: int
    negative_prompt_max: int
    seed_max: int
    steps: Range | None = None
    guidance: Range | None = None


class ModelView(BaseModel):
    """One model: what may be asked of it, what it costs, and how long it will be there."""

    key: str
    """What a request names it by."""
    name: str
    default: bool
    """Whether it draws where a request names none."""
    lifecycle: Lifecycle
    """``legacy`` has an end in sight; of one that has ``ended``, its successor draws instead."""
    end_of_life: date | None = None
    successor: str | None = None
    price_usd: dict[str, str]
    """Of one image, by quality."""
    sizes: list[str]
    """``WIDTHxHEIGHT``, the first where none is asked for. With a ``size_rule``, suggestions."""
    size_rule: SizeRule | None = None
    aspect_ratios: dict[str, str]
    """Of a model that takes a ratio instead of a size: ratio to the size it answers with."""
    styles: list[str]
    limits: Limits
    estimated_seconds: int | None = None


class ModelList(BaseModel):
    """All models."""

    models: list[ModelView]


def model_view(model: Model, catalog: ModelCatalog, estimates: Estimates, today: date) -> ModelView:
    """Return all that a caller may know of ``model``. Its id with Bedrock may name an account."""
    return ModelView(
        key=model.key,
        name=model.name,
        default=model.key == catalog.default,
        lifecycle=lifecycle(model, today),
        end_of_life=model.end_of_life,
        successor=model.successor,
        price_usd={quality: str(price) for quality, price in model.price_usd.items()},
        sizes=model.sizes,
        size_rule=model.size_rule,
        aspect_ratios=model.aspect_ratios,
        styles=model.styles,
        limits=Limits(
            prompt_max=model.prompt_max,
            negative_prompt_max=model.negative_prompt_max,
            seed_max=model.seed_max,
            steps=model.steps,
            guidance=model.guidance,
        ),
        estimated_seconds=None if model.ended(today) else estimates.seconds([model.key]),
    )


def lifecycle(model: Model, today: date) -> Lifecycle:
    """Return where a model stands in its life."""
    if model.ended(today):
        return "ended"
    return "active" if model.end_of_life is None else "legacy"
