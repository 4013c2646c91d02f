"""The routes of the request API, of the models and of the first version."""

from typing import Final

from kit.http_api import Route
from kit.legacy_api import Failure, replaced_by
from services.intake.facades.schemas import LegacyAccepted, LegacyImage, LegacyRequest, OpenAIError
from services.intake.model_schemas import ModelCard, ModelList, OpenAIModel, OpenAIModels
from services.intake.schemas import (
    IDEMPOTENCY_KEY,
    IF_NONE_MATCH,
    PREFER,
    AcceptedView,
    CreateQuery,
    ListQuery,
    NewRequest,
    RequestList,
    RequestOrDryRun,
    RequestView,
)

CREATE_REQUEST: Final = Route(
    "POST",
    "/v1/requests",
    "requests:write",
    "Create a request for images",
    responses={202: AcceptedView, 200: RequestOrDryRun},
    body=NewRequest,
    query=CreateQuery,
    headers={"Idempotency-Key": IDEMPOTENCY_KEY, "Prefer": PREFER},
    problems=(400, 413, 422, 429),
    response_headers={
        202: ("Location", "Retry-After", "RateLimit-Policy"),
        429: ("RateLimit-Policy", "RateLimit", "Retry-After"),
    },
    optional_headers={200: ("Preference-Applied",), 202: ("Preference-Applied",)},
    needs_consent=True,
)
LIST_REQUESTS: Final = Route(
    "GET",
    "/v1/requests",
    "requests:read",
    "List requests, newest first",
    responses={200: RequestList},
    query=ListQuery,
    optional_headers={200: ("Link",)},
    problems=(422,),
)
SHOW_REQUEST: Final = Route(
    "GET",
    "/v1/requests/{request_id}",
    "requests:read",
    "Get a request: status, timeline and images",
    responses={200: RequestView, 304: None},
    headers={"If-None-Match": IF_NONE_MATCH},
    response_headers={200: ("ETag",), 304: ("ETag",)},
    optional_headers={200: ("Retry-After",), 304: ("Retry-After",)},
    problems=(404,),
)
CANCEL_REQUEST: Final = Route(
    "POST",
    "/v1/requests/{request_id}/cancel",
    "requests:write",
    "Cancel a request before an image is generated",
    responses={200: RequestView},
    problems=(404, 409),
)
DELETE_REQUEST: Final = Route(
    "DELETE",
    "/v1/requests/{request_id}",
    "requests:write",
    "Erase a request with its prompt and images, permanently; if it is in progress, it is cancelled",
    responses={204: None},
    problems=(404,),
)
LIST_MODELS: Final = Route(
    "GET",
    "/v1/models",
    "requests:read",
    "List the models with their limits, prices and lifecycle",
    responses={200: ModelList, 304: None},
    headers={"If-None-Match": IF_NONE_MATCH},
    response_headers={200: ("ETag",), 304: ("ETag",)},
)
SHOW_MODEL: Final = Route(
    "GET",
    "/v1/models/{key}",
    "requests:read",
    "Get a model with its card: provider, terms, known limits, safety layers",
    responses={200: ModelCard, 304: None},
    headers={"If-None-Match": IF_NONE_MATCH},
    response_headers={200: ("ETag",), 304: ("ETag",)},
    problems=(404,),
)
OPENAI_LIST_MODELS: Final = Route(
    "GET",
    "/openai/v1/models",
    "requests:read",
    "List the models that are served, compatible with OpenAI's API",
    responses={200: OpenAIModels},
    error_body=OpenAIError,
)
OPENAI_SHOW_MODEL: Final = Route(
    "GET",
    "/openai/v1/models/{model}",
    "requests:read",
    "Get a model that is served, compatible with OpenAI's API",
    responses={200: OpenAIModel},
    problems=(404,),
    error_body=OpenAIError,
)
GENERATE_AS_BEFORE: Final = Route(
    "POST",
    "/api/images/generate",
    "requests:write",
    "Create a request for an image, compatible with the first version of this API",
    responses={200: LegacyImage, 202: LegacyAccepted},
    body=LegacyRequest,
    headers={"Idempotency-Key": IDEMPOTENCY_KEY, "Prefer": f"{PREFER} `wait` without a number is 25 seconds."},
    problems=(400, 409, 410, 413, 422, 429, 500),
    response_headers={
        202: ("Location", "Retry-After", "RateLimit-Policy"),
        429: ("RateLimit-Policy", "RateLimit", "Retry-After"),
    },
    optional_headers={200: ("Preference-Applied",), 202: ("Preference-Applied",)},
    error_body=Failure,
    deprecation=replaced_by(CREATE_REQUEST.path),
    needs_consent=True,
)
