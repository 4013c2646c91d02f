"""Responses in the format of the first version of the API: ``{success, data, message}``."""

from datetime import date
from typing import Any, Final, Literal

from aws_lambda_powertools.event_handler import Response
from pydantic import Field

from kit.deprecation import Deprecation
from kit.http_api import json_response
from kit.problems import ApiProblem
from kit.schemas import Schema
from kit.telemetry import current_call_id

_DEPRECATED: Final = date(2026, 11, 28)
_SUNSET: Final = date(2027, 11, 28)


def replaced_by(path: str) -> Deprecation:
    """Return the deprecation of a route of the first version that ``path`` replaces."""
    return Deprecation(_DEPRECATED, _SUNSET, path)


class Failure(Schema):
    """The error body, instead of a problem document."""

    success: Literal[False] = False
    """False in every error."""
    message: str
    """An explanation, for people."""
    errors: list[dict[str, Any]] = Field(default_factory=list)
    """As in a problem document: field, rule and allowed values."""
    call_id: str
    """The id of the call, which also is in the header `x-call-id` and in our logs."""


def render_failure(problem: ApiProblem) -> Response[str]:
    """Return ``problem`` in the format of the first version, with the same status and headers."""
    errors = [dict(error) for error in problem.errors]
    body = Failure(message=problem.detail, errors=errors, call_id=current_call_id())
    return json_response(problem.status, body, problem.headers)
