"""What every HTTP API here has in common: JSON in, JSON or `application/problem+json` (RFC 9457) out."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from pydantic import BaseModel, ValidationError

from events import startup
from events.telemetry import logger

PROBLEM: Final = "application/problem+json"


class ApiProblem(Exception):
    """An error the caller is told about. ``code`` is stable; ``errors`` name fields and the rule each broke."""

    def __init__(
        self,
        status: int,
        code: str,
        title: str,
        *,
        errors: Sequence[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(title)
        self.status, self.code, self.title = status, code, title
        self.errors, self.headers = list(errors), dict(headers or {})

    def response(self) -> Response[str]:
        """Return the problem document."""
        body: dict[str, Any] = {
            "type": "about:blank",
            "status": self.status,
            "code": self.code,
            "title": self.title,
        }
        if self.errors:
            body["errors"] = self.errors
        return Response(self.status, PROBLEM, json.dumps(body), headers=dict(self.headers))


def field_error(field: str, rule: str, **details: Any) -> dict[str, Any]:
    """Return one entry of a problem's ``errors``: its field, its rule, and say the ``allowed`` values."""
    return {"field": field, "rule": rule, **details}


def field_errors(error: ValidationError) -> list[dict[str, Any]]:
    """Return pydantic's findings as problem ``errors``, without quoting what the caller sent."""
    found = []
    for item in error.errors(include_url=False, include_input=False):
        where = ".".join(str(part) for part in item["loc"]) or "body"
        limits = {key: value for key, value in item.get("ctx", {}).items() if isinstance(value, int | float | str)}
        found.append(field_error(where, item["msg"], code=item["type"], **limits))
    return found


def read_json(resolver: APIGatewayHttpResolver, *, max_bytes: int) -> Any:
    """Return the request's JSON body.

    Raises ``ApiProblem``: 413 over ``max_bytes``, 400 where the body is not UTF-8 or not JSON.
    """
    event = resolver.current_event
    raw = event.body or ""
    try:
        content = event.decoded_body if event.is_base64_encoded else raw
        if len((content or "").encode()) > max_bytes:
            raise ApiProblem(
                413,
                "body_too_large",
                "The body is too large",
                errors=[field_error("body", f"at most {max_bytes} bytes")],
            )
        return json.loads(content or "")
    except UnicodeError as error:
        raise ApiProblem(
            400, "not_utf8", "The body is not UTF-8", errors=[field_error("body", "must be UTF-8 text")]
        ) from error
    except (ValueError, RecursionError) as error:
        raise ApiProblem(
            400, "not_json", "The body is not JSON", errors=[field_error("body", "must be a JSON document")]
        ) from error


def json_response(status: int, body: BaseModel, headers: Mapping[str, str] | None = None) -> Response[str]:
    """Return ``body`` as JSON."""
    return Response(status, "application/json", body.model_dump_json(exclude_none=True), headers=dict(headers or {}))


def owner(resolver: APIGatewayHttpResolver) -> str:
    """Return who is calling: the authorizer's ``owner``, or ``public`` on a stage that has no authorizer."""
    context = resolver.current_event.request_context.authorizer
    found = (context.get_lambda or {}).get("owner") if context else None
    return str(found or "public")


def make_resolver() -> APIGatewayHttpResolver:
    """Return a Powertools resolver whose every error is a problem document."""
    resolver = APIGatewayHttpResolver()

    @resolver.exception_handler(ApiProblem)
    def told(problem: ApiProblem) -> Response[str]:
        return problem.response()

    @resolver.exception_handler(ValidationError)
    def invalid(error: ValidationError) -> Response[str]:
        return ApiProblem(422, "validation_failed", "The request is not valid", errors=field_errors(error)).response()

    @resolver.not_found
    def unknown(_error: Exception) -> Response[str]:
        return ApiProblem(404, "not_found", "There is nothing at this address").response()

    @resolver.exception_handler(Exception)
    def broken(error: Exception) -> Response[str]:
        # The exception's text may quote what the caller sent; its type and place are enough to find it.
        logger.error("unhandled", error=type(error).__name__, path=resolver.current_event.path)
        return ApiProblem(500, "internal_error", "Something broke on our side").response()

    startup.finished()
    return resolver
