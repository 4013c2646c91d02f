"""The facade of OpenAI's Images API: its names and errors, so that its clients can be used unchanged."""

import base64
from collections.abc import Callable, Sequence
from datetime import date
from typing import Final

from aws_lambda_powertools.event_handler import Response

from events.model_catalog import ModelCatalog
from kit.http_api import json_response
from kit.problems import ApiProblem
from kit.telemetry import current_call_id
from services.intake.facades import translation
from services.intake.facades.results import image_urls, stored_at
from services.intake.facades.schemas import ImageData, ImageGeneration, Images, OpenAIError, OpenAIFailure
from services.intake.schemas import NewRequest, RequestView
from services.intake.waiting import MAX_WAITS

MAX_BASE64: Final = 5_900_000
"""Characters of all images together. Lambda's limit is 6 MiB (6,291,456 bytes) including envelope and headers."""
RETRY_SECONDS: Final = "5"
"""About as long as an image takes."""
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
    ``ApiProblem`` if the request has no images.
    """
    urls = image_urls(view)
    if read_file is None:
        data = [ImageData(url=url) for url in urls]
    else:
        data = [ImageData(b64_json=text) for text in _contents(view, read_file)]
    return Images(created=int(stored_at(view).timestamp()), data=data)


def _contents(view: RequestView, read_file: Callable[[str], bytes]) -> list[str]:
    """Return the images in base64: the originals if they fit into one response, otherwise smaller files of all images.

    The images are paid for by now, so that they are too large must not be an error.
    """
    images = [image for image in view.images if image.url]
    originals, displays, thumbnails = zip(*((i.url, i.display_url, i.thumbnail_url) for i in images), strict=True)
    contents = _fitting(originals, read_file) or _fitting(displays, read_file) or _fitting(thumbnails, read_file)
    assert contents is not None  # noqa: S101 - thumbnails always fit
    return contents


def _fitting(keys: Sequence[str], read_file: Callable[[str], bytes]) -> list[str] | None:
    """Return the files in base64, or None if they exceed one response."""
    contents, left = [], MAX_BASE64
    for key in keys:
        contents.append(base64.b64encode(read_file(key)).decode())
        left -= len(contents[-1])
        if left < 0:
            return None
    return contents


def too_many_waits() -> ApiProblem:
    """Return the problem that as many calls of the owner wait as are allowed. Nothing was accepted."""
    detail = f"At most {MAX_WAITS} of your calls may wait for images at the same time. Nothing was accepted."
    return ApiProblem("too_many_waits", detail, headers={"Retry-After": RETRY_SECONDS})


def unfinished(request_id: str) -> ApiProblem:
    """Return the problem that the request did not finish in time."""
    path = f"/v1/requests/{request_id}"
    return ApiProblem(
        "request_in_progress",
        f"The images are not finished yet. Do not send the request again; poll GET {path}.",
        headers={"Location": path},
        instance=path,
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
        message=f"{problem.detail} {rules}" if rules else problem.detail,
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
