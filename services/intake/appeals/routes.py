"""The routes of appeals."""

from typing import Final

from kit.http_api import Route
from services.intake.appeals.schemas import AppealQuery, AppealQueue, AppealReview, AppealView, NewAppeal, NewDecision

APPEAL_REQUEST: Final = Route(
    "POST",
    "/v1/requests/{request_id}/appeal",
    "requests:write",
    "Appeal the rejection of a request, once",
    responses={201: AppealView},
    body=NewAppeal,
    problems=(400, 404, 409, 413, 422),
    needs_consent=True,  # a granted appeal creates a request
)
SHOW_APPEAL: Final = Route(
    "GET",
    "/v1/requests/{request_id}/appeal",
    "requests:read",
    "Get the appeal of a request and its state",
    responses={200: AppealView},
    problems=(404,),
)
LIST_APPEALS: Final = Route(
    "GET",
    "/v1/operations/appeals",
    "admin",
    "List the appeals that wait for a decision, oldest first",
    responses={200: AppealQueue},
    query=AppealQuery,
    problems=(422,),
)
REVIEW_APPEAL: Final = Route(
    "GET",
    "/v1/operations/appeals/{request_id}",
    "admin",
    "Get an appeal and the texts of its request",
    responses={200: AppealReview},
    problems=(404,),
)
DECIDE_APPEAL: Final = Route(
    "POST",
    "/v1/operations/appeals/{request_id}/decision",
    "admin",
    "Grant or refuse an appeal",
    responses={200: AppealView},
    body=NewDecision,
    problems=(400, 404, 409, 413, 422, 429),
    response_headers={429: ("RateLimit-Policy", "RateLimit", "Retry-After")},
)
