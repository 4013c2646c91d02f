"""Builds the responses about models."""

from collections.abc import Set
from datetime import date
from typing import get_args

from events.model_cards import model_card
from events.model_catalog import Model, ModelCatalog
from services.intake.durations import Estimates
from services.intake.model_schemas import FactView, Lifecycle, Limits, ModelCard, ModelView, SafetyLayer


def model_view(model: Model, catalog: ModelCatalog, estimates: Estimates, today: date) -> ModelView:
    """Return the response for a model. Its Bedrock id is left out, because an ARN contains an account id."""
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


def model_card_view(
    model: Model, catalog: ModelCatalog, estimates: Estimates, today: date, without: Set[SafetyLayer]
) -> ModelCard:
    """Return the response for a model with its card. ``without``: the layers that are off in this installation."""
    card = model_card(model)
    layers = [layer for layer in get_args(SafetyLayer) if layer not in without]
    return ModelCard(
        **dict(model_view(model, catalog, estimates, today)),
        provider=card.provider,
        terms_url=card.terms_url,
        regions=model.regions,
        safety_layers=layers,
        known_limits=card.known_limits,
        facts=[FactView(text=fact.text, source=fact.source) for fact in card.facts],
    )


def lifecycle(model: Model, today: date) -> Lifecycle:
    """Return the lifecycle status of a model."""
    if model.ended(today):
        return "end_of_life"
    return "active" if model.end_of_life is None else "legacy"
