"""Deprecated routes: what callers are told, in headers (RFC 9745, RFC 8594) and in the OpenAPI document."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.utils import format_datetime


@dataclass(frozen=True)
class Deprecation:
    """A route that will be removed. It works until ``sunset`` at least, a year or more after ``since``."""

    since: date
    sunset: date
    successor: str
    """Path of the route that replaces it."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of every response of the route."""
        return {
            "Deprecation": f"@{_midnight(self.since).timestamp():.0f}",
            "Sunset": format_datetime(_midnight(self.sunset), usegmt=True),
            "Link": f'<{self.successor}>; rel="successor-version"',
        }


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
