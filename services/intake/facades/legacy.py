"""The facade of `POST /api/images/generate`, for clients of the first version of this API."""

from datetime import date
from typing import Final

from aws_lambda_powertools.event_handler import Response

from events.model_catalog import ModelCatalog
from kit.legacy_api import render_failure
from kit.problems import ApiProblem
from services.intake.facades import translation
from services.intake.facades.results import image_urls, stored_at
from services.intake.facades.schemas import (
    LegacyAccepted,
    LegacyAcceptedData,
    LegacyImage,
    LegacyImageData,
    LegacyRequest,
)
from services.intake.schemas import AcceptedView, NewRequest, RequestView

LEGACY_NAMES: Final = {"model": "modelId", "negative_prompt": "negativePrompt", "guidance": "cfgScale"}


def new_request(body: LegacyRequest, catalog: ModelCatalog, today: date) -> NewRequest:
    """Return the request as one of ours. An unknown model is kept, so that it is refused by its name."""
    if body.modelId is None:
        model = translation.default_model(catalog, today)
    elif (found := translation.find_model(body.modelId, catalog, today)) is not None:
        model = found
    else:
        return NewRequest(prompt=body.prompt, model=body.modelId)
    return NewRequest(
        prompt=body.prompt,
        negative_prompt=body.negativePrompt,
        model=model.key,
        style=translation.style(model, body.style),
        steps=body.steps if model.steps else None,
        guidance=body.cfgScale if model.guidance else None,
        **translation.shape(model, body.size),
    )


def accepted(body: AcceptedView) -> LegacyAccepted:
    """Return the response for a request that is not finished yet."""
    data = LegacyAcceptedData(id=body.id, status=body.status, statusUrl=body.links.self)
    return LegacyAccepted(data=data, message="The request is accepted. Poll statusUrl.")


def finished(view: RequestView) -> LegacyImage:
    """Return the response for a finished request. Raise ``ApiProblem`` if it has no image."""
    url = image_urls(view)[0]
    finished_at = stored_at(view)
    data = LegacyImageData(
        id=view.id,
        prompt=view.request.prompt,
        url=url,
        generationTime=round((finished_at - view.created_at).total_seconds() * 1000),
        timestamp=finished_at,
    )
    return LegacyImage(data=data, message="The image is finished.")


def render_problem(problem: ApiProblem) -> Response[str]:
    """Return a problem as the first version rendered it, with its names of the fields."""
    errors = [{**error, "field": LEGACY_NAMES.get(error["field"], error["field"])} for error in problem.errors]
    return render_failure(ApiProblem(problem.code, problem.detail, errors=errors, headers=problem.headers))
