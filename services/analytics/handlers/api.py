"""HTTP: `GET /v1/analytics/daily`."""

from datetime import UTC, datetime

import boto3
from aws_lambda_powertools.event_handler import Response

from kit.http_api import HttpApi, json_response
from services.analytics.repository.counters import CounterTable
from services.analytics.routes import SHOW_DAYS
from services.analytics.schemas import DailyQuery, DailyReport
from services.analytics.settings import ApiSettings

settings = ApiSettings.load()
table = CounterTable(boto3.client("dynamodb"), settings.table_name)
handler = HttpApi()


@handler.serve(SHOW_DAYS)
def show_days() -> Response[str]:
    """Return the counters of each day, with one query per shard."""
    days = handler.query(DailyQuery).days(datetime.now(UTC).date())
    counted = table.days(table.generations().current, days[0].isoformat(), days[-1].isoformat())
    return json_response(200, DailyReport.of(days, counted))
