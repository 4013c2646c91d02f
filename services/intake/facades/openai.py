"""OpenAI's Images API in front of ours: its names and its errors, so that clients written to it draw here unchanged."""

import base64
from collections.abc import Callable, Iterator
from datetime import date
from typing import Final, Literal

from aws_lambda_powertools.event_handler import Response
from pydantic import BaseModel, ConfigDict, Field

from events.model_catalog import ModelCatalog
from kit.http_api import ApiProblem, field_error, json_response
from kit.text import Text
from services.intake.facades import translation
from services.intake.facades.endings import image_urls, stored_at
from services.intake.parameters import MAX_COUNT, NewRequest
from services.intake.views import RequestView

MAX_BASE64: Final = 5_900_000
"""Characters of all images together: Lambda's answers end at 6 MiB (6,291,456 bytes), with envelope and headers."""
BEST_QUALITIES: Final = frozenset({"hd", "high"})


class ImageGeneration(BaseModel):
    """The body of OpenAI's `images.generate`. What else its clients send is ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True, defer_build=True)

    prompt: Text
    model: str | None = None
    """One of ours, or Bedrock's id of it; any other name, such as gpt-image-1, means the default."""
    n: int | None = Field(None, ge=1, le=MAX_COUNT)
    size: str | None = Field(None, pattern=r"^(auto|[1-9]\d{1,3}x[1-9]\d{1,3})$")
    """WIDTHxHEIGHT or auto. The model draws the nearest ratio that it knows."""
    response_format: Literal["url", "b64_json"] | None = None
    """Short-lived URLs where absent. b64_json only up to what one answer can hold."""
    quality: str | None = None
    """hd and high are our premium, where the model has it; everything else is our standard."""
    style: str | None = None
    """Counts where the model knows it."""
    stream: Literal[False] | None = None


class ImageData(BaseModel):
    """One image: its address or its content, as asked."""

    model_config = ConfigDict(defer_build=True)

    url: str | None = None
    b64_json: str | None = None


class Images(BaseModel):
    """The answer. Fewer images than asked for where some were filtered."""

    model_config = ConfigDict(defer_build=True)

    created: int
    """Seconds since 1970."""
    data: list[ImageData]


class OpenAIFailure(BaseModel):
    """What went wrong, as OpenAI's clients read it."""

    model_config = ConfigDict(defer_build=True)

    message: str
    type: str
    param: str | None = None
    code: str


class OpenAIError(BaseModel):
    """The body of every error."""

    model_config = ConfigDict(defer_build=True)

    error: OpenAIFailure


def new_request(body: ImageGeneration, catalog: ModelCatalog, today: date) -> NewRequest:
    """Return what is asked for in our own terms."""
    named = translation.find_model(body.model, catalog, today) if body.model else None
    model = named or translation.default_model(catalog, today)
    return NewRequest(
        prompt=body.prompt,
        model=model.key,
        count=body.n or 1,
        quality=translation.quality(model, best=body.quality in BEST_QUALITIES),
        style=translation.style(model, body.style),
        **translation.shape(model, None if body.size == "auto" else body.size),
    )


def tell(problem: ApiProblem) -> Response[str]:
    """Return ``problem`` in OpenAI's shape.

    Its client repeats what failed by 409, 429 or 5xx. Only after a 429 nothing was accepted for sure: everything else
    says not to, or a image would be paid for twice.
    """
    status = 400 if problem.status == 422 else problem.status
    first = problem.errors[0] if problem.errors else {}
    rules = "; ".join(f"{error['field']}: {error['rule']}" for error in problem.errors)
    failure = OpenAIFailure(
        message=f"{problem.title}: {rules}" if rules else problem.title,
        type=_type(status),
        param=first.get("field") if first.get("field") != "body" else None,
        code="rate_limit_exceeded" if status == 429 else problem.code,
    )
    retry = {} if status == 429 else {"x-should-retry": "false"}
    return json_response(status, OpenAIError(error=failure), {**problem.headers, **retry})


def _type(status: int) -> str:
    if status == 429:
        return "rate_limit_error"
    return "server_error" if status >= 500 else "invalid_request_error"


def images(view: RequestView, fetch: Callable[[str], bytes] | None = None) -> Images:
    """Return a finished request as OpenAI's answer.

    With ``fetch``, which takes what ``view`` has for URLs, it holds the images themselves.
    Raises ``ApiProblem`` where it ended without a image, or where the images are too large for one answer.
    """
    urls = image_urls(view)
    data = (
        [ImageData(b64_json=text) for text in _encoded(view, urls, fetch)]
        if fetch
        else [ImageData(url=u) for u in urls]
    )
    return Images(created=int(stored_at(view).timestamp()), data=data)


def unfinished(request_id: str) -> ApiProblem:
    """Return what to tell where the time ran out before the request ended."""
    address = f"/v1/requests/{request_id}"
    return ApiProblem(
        504,
        "request_in_progress",
        f"The image is not finished yet. Nothing is lost: do not ask again, look at GET {address}",
        headers={"Location": address},
    )


def _encoded(view: RequestView, keys: list[str], fetch: Callable[[str], bytes]) -> Iterator[str]:
    """Yield each file in base64, as long as all of them fit into one answer."""
    total = 0
    for key in keys:
        text = base64.b64encode(fetch(key)).decode()
        total += len(text)
        if total > MAX_BASE64:
            raise ApiProblem(
                400,
                "answer_too_large",
                f"The images are drawn, look at GET {view.links.self}, but in base64 they do not fit into one answer",
                errors=[field_error("response_format", f"use url: b64_json ends at {MAX_BASE64} characters")],
                headers={"Location": view.links.self},
            )
        yield text
