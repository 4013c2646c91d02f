"""The routes of the request API: what guards, describes and answers them."""

from typing import Final

from pydantic import BaseModel, ConfigDict, Field, RootModel

from events.api import Operation
from events.legacy_api import Failure
from services.intake.facades.legacy import LegacyAccepted, LegacyPicture, LegacyRequest
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


CREATE_REQUEST: Final = Operation(
    "POST",
    "/v1/requests",
    "requests:write",
    "Ask for pictures",
    answers={202: Accepted, 200: EndedOrDryRun},
    body=NewRequest,
    query=CreateQuery,
    headers={"Idempotency-Key": IDEMPOTENCY_KEY, "Prefer": PREFER},
    problems=(400, 413, 422, 429),
    answer_headers={
        202: ("Location", "Retry-After", "RateLimit-Policy"),
        429: ("RateLimit-Policy", "RateLimit", "Retry-After"),
    },
)
LIST_REQUESTS: Final = Operation(
    "GET",
    "/v1/requests",
    "requests:read",
    "List requests, newest first",
    answers={200: RequestList},
    query=ListQuery,
    problems=(422,),
)
SHOW_REQUEST: Final = Operation(
    "GET",
    "/v1/requests/{request_id}",
    "requests:read",
    "Show a request: status, timeline and pictures",
    answers={200: RequestView},
    problems=(404,),
)
CANCEL_REQUEST: Final = Operation(
    "POST",
    "/v1/requests/{request_id}/cancel",
    "requests:write",
    "Take a request back, before a picture is drawn",
    answers={200: RequestView},
    problems=(404, 409),
)
LIST_MODELS: Final = Operation(
    "GET",
    "/v1/models",
    "requests:read",
    "List the models: limits, prices, lifecycle",
    answers={200: ModelList},
)
SHOW_MODEL: Final = Operation(
    "GET",
    "/v1/models/{key}",
    "requests:read",
    "Show a model",
    answers={200: ModelView},
    problems=(404,),
)
GENERATE_IMAGES: Final = Operation(
    "POST",
    "/v1/images/generations",
    "requests:write",
    "Draw in one call, as OpenAI's Images API does",
    answers={200: Images},
    body=ImageGeneration,
    headers={"Idempotency-Key": IDEMPOTENCY_KEY},
    problems=(400, 409, 410, 413, 429, 500, 504),
    answer_headers={
        200: ("RateLimit-Policy",),
        409: ("x-should-retry",),
        429: ("RateLimit-Policy", "RateLimit", "Retry-After"),
        500: ("x-should-retry",),
        504: ("x-should-retry", "Location"),
    },
    error_body=OpenAIError,
)
GENERATE_AS_BEFORE: Final = Operation(
    "POST",
    "/api/images/generate",
    "requests:write",
    "Ask for a picture, as the API's first version did",
    answers={200: LegacyPicture, 202: LegacyAccepted},
    body=LegacyRequest,
    headers={"Idempotency-Key": IDEMPOTENCY_KEY, "Prefer": f"{PREFER} `wait` alone is 25 seconds."},
    problems=(400, 409, 410, 413, 422, 429, 500),
    answer_headers={
        202: ("Location", "Retry-After", "RateLimit-Policy"),
        429: ("RateLimit-Policy", "RateLimit", "Retry-After"),
    },
    error_body=Failure,
)
