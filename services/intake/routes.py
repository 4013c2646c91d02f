"""The routes of the request API: what guards, describes and answers them."""

from typing import Final

from pydantic import BaseModel, ConfigDict, Field, RootModel

from kit.http_api import Route
from kit.legacy_api import Failure
from services.intake.facades.legacy import LegacyAccepted, LegacyImage, LegacyRequest
from services.intake.facades.openai import ImageGeneration, Images, OpenAIError
from services.intake.listing import ListQuery
from services.intake.model_views import ModelList, ModelView
from services.intake.parameters import NewRequest
from services.intake.views import Accepted, DryRun, RequestList, RequestView

IDEMPOTENCY_KEY: Final = (
    "1 to 255 visible ASCII characters of your choice. "
    "For 24 hours the same key with the same body is the same request."
)
PREFER: Final = "`wait=N`: answer with the finished request if it ends within N seconds, 25 at most; else as without."


class CreateQuery(BaseModel):
    """The query of `POST /v1/requests`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dry_run: bool = Field(False, description="Check and price the request, and draw nothing.")


class EndedOrDryRun(RootModel[RequestView | DryRun]):
    """A request that was waited for and has ended, or what a dry run found."""

    model_config = ConfigDict(defer_build=True)


CREATE_REQUEST: Final = Route(
    "POST",
    "/v1/requests",
    "requests:write",
    "Ask for images",
    responses={202: Accepted, 200: EndedOrDryRun},
    body=NewRequest,
    query=CreateQuery,
    headers={"Idempotency-Key": IDEMPOTENCY_KEY, "Prefer": PREFER},
    problems=(400, 413, 422, 429),
    response_headers={
        202: ("Location", "Retry-After", "RateLimit-Policy"),
        429: ("RateLimit-Policy", "RateLimit", "Retry-After"),
    },
)
LIST_REQUESTS: Final = Route(
    "GET",
    "/v1/requests",
    "requests:read",
    "List requests, newest first",
    responses={200: RequestList},
    query=ListQuery,
    problems=(422,),
)
SHOW_REQUEST: Final = Route(
    "GET",
    "/v1/requests/{request_id}",
    "requests:read",
    "Show a request: status, timeline and images",
    responses={200: RequestView},
    problems=(404,),
)
CANCEL_REQUEST: Final = Route(
    "POST",
    "/v1/requests/{request_id}/cancel",
    "requests:write",
    "Take a request back, before a image is drawn",
    responses={200: RequestView},
    problems=(404, 409),
)
LIST_MODELS: Final = Route(
    "GET",
    "/v1/models",
    "requests:read",
    "List the models: limits, prices, lifecycle",
    responses={200: ModelList},
)
SHOW_MODEL: Final = Route(
    "GET",
    "/v1/models/{key}",
    "requests:read",
    "Show a model",
    responses={200: ModelView},
    problems=(404,),
)
GENERATE_IMAGES: Final = Route(
    "POST",
    "/v1/images/generations",
    "requests:write",
    "Draw in one call, as OpenAI's Images API does",
    responses={200: Images},
    body=ImageGeneration,
    headers={"Idempotency-Key": IDEMPOTENCY_KEY},
    problems=(400, 409, 410, 413, 429, 500, 504),
    response_headers={
        200: ("RateLimit-Policy",),
        409: ("x-should-retry",),
        429: ("RateLimit-Policy", "RateLimit", "Retry-After"),
        500: ("x-should-retry",),
        504: ("x-should-retry", "Location"),
    },
    error_body=OpenAIError,
)
GENERATE_AS_BEFORE: Final = Route(
    "POST",
    "/api/images/generate",
    "requests:write",
    "Ask for a image, as the API's first version did",
    responses={200: LegacyImage, 202: LegacyAccepted},
    body=LegacyRequest,
    headers={"Idempotency-Key": IDEMPOTENCY_KEY, "Prefer": f"{PREFER} `wait` alone is 25 seconds."},
    problems=(400, 409, 410, 413, 422, 429, 500),
    response_headers={
        202: ("Location", "Retry-After", "RateLimit-Policy"),
        429: ("RateLimit-Policy", "RateLimit", "Retry-After"),
    },
    error_body=Failure,
)
