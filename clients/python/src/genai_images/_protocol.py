"""The rules of the API over HTTP, which the async and the sync client share: no input or output happens here."""

import os
import platform
import random
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final, Literal, TypedDict, TypeVar
from urllib.parse import quote

import httpx2 as httpx
from pydantic import BaseModel, Field, ValidationError

from genai_images.errors import (
    ApiError,
    AuthenticationError,
    ConflictError,
    FieldError,
    ImagesError,
    InvalidRequestError,
    NotFoundError,
    RateLimitedError,
    UnavailableError,
    UnknownAnswerError,
)
from genai_images.models import PreferencesResponse

M = TypeVar("M", bound=BaseModel)

TIMEOUT_SECONDS: Final = 30.0
"""For one call."""
MAX_RETRIES: Final = 4
RETRY_BASE_SECONDS: Final = 0.5
"""The longest pause before the first retry. It doubles with each retry, up to the ceiling."""
RETRY_CEILING_SECONDS: Final = 8.0
RETRY_AFTER_MAX_SECONDS: Final = 60.0
"""The longest ``Retry-After`` that is waited for. Longer ones, such as until midnight, are left to the caller."""
MAX_WAIT_SECONDS: Final = 25
"""The most that the API waits for ``Prefer: wait``."""
POLL_SECONDS: Final = 1.0
"""Between two polls, if the answer has no ``Retry-After``."""
SUFFIXES: Final = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}
_ERRORS: Final[dict[int, type[ApiError]]] = {
    **dict.fromkeys((401, 403), AuthenticationError),
    404: NotFoundError,
    **dict.fromkeys((409, 412), ConflictError),
    429: RateLimitedError,
}
try:
    VERSION = version("genai-images-client")
except PackageNotFoundError:  # not installed: imported from the source
    VERSION = "source"
USER_AGENT: Final = f"genai-images-client/{VERSION} Python/{platform.python_version()}"


class RequestOptions(TypedDict, total=False):
    """What a request may contain besides its prompt. What the model supports is in ``client.models``."""

    negative_prompt: str
    model: str
    """A key of the model catalog. Default: the default model of the installation."""
    failover: bool
    """False: no other model may serve the request."""
    size: str
    """Such as ``1024x1024``. A model takes either sizes or aspect ratios."""
    aspect_ratio: str
    """Such as ``16:9``."""
    style: str
    seed: int
    count: int
    """Number of images, 1 to 4. Default: 1."""
    quality: Literal["standard", "premium"]
    steps: int
    guidance: float
    output_format: Literal["png", "jpeg", "webp"]
    """Of the original file. Default: PNG."""
    output_compression: int
    """For JPEG and WebP: 0 is the smallest file, 100 (the default) the best image."""
    webhook_id: str
    """Notify this webhook of yours about the request."""


class VersionedPreferences(PreferencesResponse):
    """Preferences as they were read."""

    etag: str | None = Field(None, exclude=True)
    """Their version. While it is set, they replace only this version; None replaces any."""


def setting(given: str | None, name: str) -> str:
    """Return what was given, or the environment variable. Raises ``ImagesError`` if there is neither."""
    if found := given or os.environ.get(name):
        return found
    raise ImagesError(f"The client needs the {'key' if name == 'API_KEY' else 'address'} of the API: set ${name}.")


def present(**values: Any) -> dict[str, Any]:
    """Return the values that are not None."""
    return {name: value for name, value in values.items() if value is not None}


def parse(response: httpx.Response, model: type[M]) -> M:
    """Return the body of an answer. Raises ``UnknownAnswerError``."""
    try:
        return model.model_validate_json(response.content)
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, each["loc"])) or "body" for each in error.errors()[:3])
        raise UnknownAnswerError(
            f"{response.request.method} {response.request.url.path} returned no {model.__name__} that this version "
            f"knows ({fields}). Is {response.request.url.host} the API, and the package current?"
        ) from None  # the error contains the answer, and so perhaps a prompt


def parse_preferences(response: httpx.Response) -> VersionedPreferences:
    """Return the preferences of an answer with their version."""
    found = parse(response, VersionedPreferences)
    found.etag = response.headers.get("etag")
    return found


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of ``Retry-After``, or None without them."""
    try:
        return max(0.0, float(headers["retry-after"]))
    except (KeyError, ValueError):
        return None


def pause_before_retry(error: ImagesError, attempt: int) -> float | None:
    """Return the seconds until the next attempt, or None if the same call cannot be expected to succeed soon.

    The pause is full jitter below an exponential ceiling, in addition to what the API asks for.
    """
    asked = 0.0
    if isinstance(error, ApiError):
        asked = error.retry_after or 0.0
        if asked > RETRY_AFTER_MAX_SECONDS or (error.status != 429 and error.status < 500):
            return None
    return asked + random.uniform(0, min(RETRY_CEILING_SECONDS, RETRY_BASE_SECONDS * 2**attempt))  # noqa: S311 - no secret


def segment(text: str) -> str:
    """Return ``text`` as one segment of a path."""
    return quote(text, safe="")


def error_of(response: httpx.Response) -> ApiError:
    """Return the error for a refused call, from a problem document or whatever was returned instead."""
    try:
        body = response.json()
    except ValueError:
        body = None
    problem = body if isinstance(body, dict) else {}
    status = response.status_code
    kind = _ERRORS.get(status) or (UnavailableError if status >= 500 else InvalidRequestError)
    call_id = response.headers.get("x-call-id") or response.headers.get("apigw-requestid")
    return kind(
        status,
        str(problem.get("title") or problem.get("message") or response.reason_phrase),
        code=problem.get("code"),
        detail=problem.get("detail"),
        errors=tuple(
            FieldError(str(each.get("field")), str(each.get("rule")), each.get("code"), tuple(each.get("allowed", ())))
            for each in problem.get("errors", ())
        ),
        call_id=problem.get("call_id") or call_id,
        retry_after=retry_after(response.headers),
    )
