"""The routes of the request API: what guards, describes and answers them."""

from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from events.api import Operation
from services.intake.listing import ListQuery
from services.intake.model_views import ModelList, ModelView
from services.intake.parameters import NewRequest
from services.intake.views import Accepted, DryRun, RequestList, RequestView

IDEMPOTENCY_KEY: Final = (
    "1 to 255 visible ASCII characters of your choice. "
    "For 24 hours the same key with the same body is the same request."
)


class CreateQuery(BaseModel):
    """The query of `POST /v1/requests`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dry_run: bool = Field(False, description="Check and price the request, and draw nothing.")


CREATE_REQUEST: Final = Operation(
    "POST",
    "/v1/requests",
    "requests:write",
    "Ask for pictures",
    answers={202: Accepted, 200: DryRun},
    body=NewRequest,
    query=CreateQuery,
    headers={"Idempotency-Key": IDEMPOTENCY_KEY},
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
