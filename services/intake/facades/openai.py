"""The facade of OpenAI's Images API: its names and errors, so that its clients can be used unchanged."""

import base64
from collections.abc import Callable, Iterator
from datetime import date
from typing import Final

from aws_lambda_powertools.event_handler import Response

from events.model_catalog import ModelCatalog
from kit.http_api import ApiProblem, field_error, json_response
from kit.telemetry import current_call_id
from services.intake.facades import translation
from services.intake.facades.results import image_urls, stored_at
from services.intake.facades.schemas import ImageData, ImageGeneration, Images, OpenAIError, OpenAIFailure
from services.intake.schemas import NewRequest, RequestView

MAX_BASE64: Final = 5_900_000
"""Characters of all images together. Lambda's limit is 6 MiB (6,291,456 bytes) including envelope and headers."""
BEST_QUALITIES: Final = frozenset({"hd", "high"})


def new_request(body: ImageGeneration, catalog: ModelCatalog, today: date) -> NewRequest:
    """Return the request as one of ours."""
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


def images(view: RequestView, read_file: Callable[[str], bytes] | None = None) -> Images:
    """Return the response for a finished request.

    With ``read_file``, the URLs of ``view`` are keys of files and the response contains the images themselves. Raise
    ``ApiProblem`` if the request has no images, or if they are too large for one response.
    """
    urls = image_urls(view)
    if read_file is None:
        data = [ImageData(url=url) for url in urls]
    else:
        data = [ImageData(b64_json=text) for text in _encoded(view, urls, read_file)]
    return Images(created=int(stored_at(view).timestamp()), data=data)


def _encoded(view: RequestView, keys: list[str], read_file: Callable[[str], bytes]) -> Iterator[str]:
    """Yield each file in base64. Raise ``ApiProblem`` if they exceed the size of one response."""
    total = 0
    for key in keys:
        text = base64.b64encode(read_file(key)).decode()
        total += len(text)
        if total > MAX_BASE64:
            rule = f"use url: b64_json is limited to {MAX_BASE64} characters"
            raise ApiProblem(
                400,
                "answer_too_large",
                f"The images are too large for one response in base64. They are finished: see GET {view.links.self}.",
                errors=[field_error("response_format", rule)],
                headers={"Location": view.links.self},
            )
        yield text


def unfinished(request_id: str) -> ApiProblem:
    """Return the problem that the request did not finish in time."""
    path = f"/v1/requests/{request_id}"
    return ApiProblem(
        504,
        "request_in_progress",
        f"The images are not finished yet. Do not send the request again; poll GET {path}.",
        headers={"Location": path},
    )


def render_problem(problem: ApiProblem) -> Response[str]:
    """Return a problem as OpenAI renders errors.

    OpenAI's client retries 409, 429 and 5xx. Only a 429 guarantees that nothing was accepted, so every other error
    asks the client not to retry: a retry could pay for an image twice.
    """
    status = 400 if problem.status == 422 else problem.status
    first = problem.errors[0] if problem.errors else {}
    rules = "; ".join(f"{error['field']}: {error['rule']}" for error in problem.errors)
    failure = OpenAIFailure(
        message=f"{problem.title} {rules}" if rules else problem.title,
        type=_type(status),
        param=first.get("field") if first.get("field") != "body" else None,
        code="rate_limit_exceeded" if status == 429 else problem.code,
        call_id=current_call_id(),
    )
    no_retry = {} if status == 429 else {"x-should-retry": "false"}
    return json_response(status, OpenAIError(error=failure), {**problem.headers, **no_retry})


def _type(status: int) -> str:
    if status == 429:
        return "rate_limit_error"
    return "server_error" if status >= 500 else "invalid_request_error"
