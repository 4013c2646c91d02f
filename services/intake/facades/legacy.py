"""`POST /api/images/generate` as the API's first version had it, for clients that were written to it.

Fields are named as they are on the wire.
"""

from datetime import date, datetime
from typing import Annotated, Any, Final, Literal

from aws_lambda_powertools.event_handler import Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from events.model_catalog import ModelCatalog
from kit.http_api import ApiProblem
from kit.legacy_api import tell_failure
from kit.text import Text
from services.intake.facades import translation
from services.intake.facades.endings import image_urls, stored_at
from services.intake.parameters import NewRequest
from services.intake.views import Accepted, RequestView

OLD_NAMES: Final = {"model": "modelId", "negative_prompt": "negativePrompt", "guidance": "cfgScale"}


def _blank_is_none(value: Any) -> Any:
    return None if isinstance(value, str) and not value.strip() else value


class LegacyRequest(BaseModel):
    """The body. Fields it does not know are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True, defer_build=True)

    prompt: Text
    modelId: str | None = None
    """Bedrock's id of a model, or its name here. One that Bedrock has ended is stood in for by its successor."""
    size: str | None = Field(None, pattern=r"^[1-9]\d{1,3}x[1-9]\d{1,3}$", examples=["1024x1024"])
    """WIDTHxHEIGHT. The model draws the nearest ratio that it knows."""
    steps: int | None = None
    """Counts where the model takes it, as do cfgScale and style."""
    cfgScale: float | None = Field(None, allow_inf_nan=False)
    style: str | None = None
    negativePrompt: Annotated[Text | None, BeforeValidator(_blank_is_none)] = None


class LegacyAcceptedData(BaseModel):
    """Where to look for what was asked."""

    model_config = ConfigDict(defer_build=True)

    id: str
    status: str
    statusUrl: str
    """Relative to the API."""


class LegacyAccepted(BaseModel):
    """202: it is on its way."""

    model_config = ConfigDict(defer_build=True)

    success: Literal[True] = True
    data: LegacyAcceptedData
    message: str


class LegacyImageData(BaseModel):
    """A finished image."""

    model_config = ConfigDict(defer_build=True)

    id: str
    """The request's."""
    prompt: str
    url: str
    """Short-lived."""
    generationTime: int
    """Milliseconds from accepted to stored."""
    timestamp: datetime
    """When it was stored."""


class LegacyImage(BaseModel):
    """200: it was waited for."""

    model_config = ConfigDict(defer_build=True)

    success: Literal[True] = True
    data: LegacyImageData
    message: str


def new_request(body: LegacyRequest, catalog: ModelCatalog, today: date) -> NewRequest:
    """Return what is asked for in our own terms. A model nobody knows is passed on, to be refused by name."""
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


def accepted(body: Accepted) -> LegacyAccepted:
    """Return the answer to what is on its way."""
    data = LegacyAcceptedData(id=body.id, status=body.status, statusUrl=body.links.self)
    return LegacyAccepted(data=data, message="The image is on its way: look at statusUrl")


def finished(view: RequestView) -> LegacyImage:
    """Return the answer to what was waited for. Raises ``ApiProblem`` where it ended without a image."""
    url = image_urls(view)[0]
    finished_at = stored_at(view)
    data = LegacyImageData(
        id=view.id,
        prompt=str(view.request["prompt"]),
        url=url,
        generationTime=round((finished_at - view.created_at).total_seconds() * 1000),
        timestamp=finished_at,
    )
    return LegacyImage(data=data, message="The image is finished")


def tell(problem: ApiProblem) -> Response[str]:
    """Return ``problem`` as the first version would have told it, its fields by their old names."""
    errors = [{**error, "field": OLD_NAMES.get(error["field"], error["field"])} for error in problem.errors]
    return tell_failure(ApiProblem(problem.status, problem.code, problem.title, errors=errors, headers=problem.headers))
