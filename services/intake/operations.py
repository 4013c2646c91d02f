"""The routes of the request API: what guards, describes and answers them."""

from typing import Final

from events.api import Operation
from services.intake.parameters import NewRequest
from services.intake.views import Accepted, RequestView

CREATE_REQUEST: Final = Operation(
    "POST",
    "/v1/requests",
    "requests:write",
    "Ask for pictures",
    answers={202: Accepted},
    body=NewRequest,
    problems=(400, 413, 422),
)
SHOW_REQUEST: Final = Operation(
    "GET",
    "/v1/requests/{request_id}",
    "requests:read",
    "Show a request: status, timeline and pictures",
    answers={200: RequestView},
    problems=(404,),
)
