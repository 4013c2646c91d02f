"""The HTTP routes of analytics."""

from typing import Final

from kit.http_api import Route
from services.analytics.schemas import DailyQuery, DailyReport

SHOW_DAYS: Final = Route(
    "GET",
    "/v1/analytics/daily",
    "analytics:read",
    "List the daily counters of all owners",
    responses={200: DailyReport},
    query=DailyQuery,
    problems=(422,),
)
