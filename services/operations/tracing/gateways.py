"""Searches the functions' logs in CloudWatch for one request."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from services.operations.tracing.trace import Line

if TYPE_CHECKING:
    from mypy_boto3_logs.client import CloudWatchLogsClient

PARALLEL_SEARCHES: Final = 8
PAGES_MAX: Final = 20
"""Per log group. A search returns a page per part of the log, even an empty one."""


class CloudWatchLogs:
    """Implements ``Logs`` for the log groups of the installation's functions."""

    def __init__(self, client: "CloudWatchLogsClient", prefix: str) -> None:
        self._client = client
        self._prefix = f"/aws/lambda/{prefix}-"

    def about(self, request_id: str, since: datetime, until: datetime) -> list[Line]:
        """Return the JSON lines that contain ``request_id``, in order of time."""
        window = {"startTime": int(since.timestamp() * 1000), "endTime": int(until.timestamp() * 1000)}

        def search(group: str) -> list[Line]:
            pages = self._client.get_paginator("filter_log_events").paginate(
                logGroupName=group,
                filterPattern=f'"{request_id}"',
                **window,  # type: ignore[arg-type] # two of its numbers
            )
            return [line for page in islice(pages, PAGES_MAX) for line in _lines(page, request_id)]

        with ThreadPoolExecutor(PARALLEL_SEARCHES) as pool:
            found = [line for lines in pool.map(search, self._groups()) for line in lines]
        return sorted(found, key=lambda line: line.at)

    def _groups(self) -> list[str]:
        pages = self._client.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=self._prefix)
        return [group["logGroupName"] for page in pages for group in page["logGroups"]]


def _lines(page: Any, request_id: str) -> Iterator[Line]:
    for event in page["events"]:
        text = event["message"]
        try:
            values = json.loads(text[text.index("{") :])
        except ValueError:
            continue
        if isinstance(values, dict) and request_id in text:
            milliseconds = values.get("_aws", {}).get("Timestamp", event["timestamp"])
            yield Line(datetime.fromtimestamp(milliseconds / 1000, UTC), values)
