"""The facade of OpenAI's list of models, so that its clients find the models that are served."""

from datetime import date

from events.model_cards import provider_of
from events.model_catalog import ModelCatalog
from services.intake.facades.openai_errors import unknown_model
from services.intake.model_schemas import OpenAIModel, OpenAIModels


def list_models(catalog: ModelCatalog, today: date) -> OpenAIModels:
    """Return the models that are served."""
    return OpenAIModels(
        data=[
            OpenAIModel(id=model.key, owned_by=provider_of(model), shutdown_date=model.end_of_life)
            for model in catalog
            if not model.ended(today)
        ]
    )


def find_model(name: str, catalog: ModelCatalog, today: date) -> OpenAIModel:
    """Return one of the models that are served. Raise ``ApiProblem`` if it is not one of them."""
    found = next((model for model in list_models(catalog, today).data if model.id == name), None)
    if found is None:
        raise unknown_model(catalog, today)
    return found
