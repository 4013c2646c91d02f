"""The routes of analytics: what guards, describes and answers them."""

from typing import Final

from kit.http_api import Route
from services.analytics.views import DailyQuery, DailyReport

SHOW_DAYS: Final = Route(
    "GET",
    "/v1/analytics/daily",
    "analytics:read",
    "Show what was counted, day by day, over all owners",
    responses={200: DailyReport},
    query=DailyQuery,
    problems=(422,),
)
