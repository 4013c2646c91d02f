"""The routes of analytics: what guards, describes and answers them."""

from typing import Final

from events.api import Operation
from services.analytics.views import DailyQuery, DailyReport

SHOW_DAYS: Final = Operation(
    "GET",
    "/v1/analytics/daily",
    "analytics:read",
    "Show what was counted, day by day, over all owners",
    answers={200: DailyReport},
    query=DailyQuery,
    problems=(422,),
)
