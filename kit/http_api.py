"""The base of every HTTP API: JSON requests, JSON or `application/problem+json` (RFC 9457) responses."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeVar

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from pydantic import BaseModel, ValidationError

from kit import startup
from kit.errors import is_outage
from kit.telemetry import begin_call, current_call_id, logger, measure

PROBLEM: Final = "application/problem+json"
CALL_ID_HEADER: Final = "x-call-id"
"""The header with the id of the call. Not ``x-request-id``: a request is what a caller POSTs to generate images."""
RETRY_AFTER: Final = "2"
"""Seconds after which a caller may repeat a call that failed because a backend was unavailable."""
SECURITY_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
}
"""Headers of every response, unless the route sets its own. API Gateway serves HTTPS only."""


class ApiProblem(Exception):
    """An error response. ``code`` is stable; ``errors`` name the invalid fields and the rule of each."""

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
            "call_id": current_call_id(),
        }
        if self.errors:
            body["errors"] = self.errors
        return Response(self.status, PROBLEM, json.dumps(body), headers=dict(self.headers))


def field_error(field: str, rule: str, **details: Any) -> dict[str, Any]:
    """Return one entry of a problem's ``errors``: the field, the rule, and details such as the ``allowed`` values."""
    return {"field": field, "rule": rule, **details}


def field_errors(error: ValidationError) -> list[dict[str, Any]]:
    """Return pydantic's errors as problem ``errors``, without the values that the caller sent."""
    found = []
    for item in error.errors(include_url=False, include_input=False):
        where = ".".join(str(part) for part in item["loc"]) or "body"
        limits = {key: value for key, value in item.get("ctx", {}).items() if isinstance(value, int | float | str)}
        found.append(field_error(where, item["msg"].removeprefix("Value error, "), code=item["type"], **limits))
    return found


def read_json(resolver: APIGatewayHttpResolver, *, max_bytes: int) -> Any:
    """Return the JSON body of the request.

    Raises ``ApiProblem``: 413 above ``max_bytes``, 400 if the body is not UTF-8 or not JSON.
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
        return json.loads((content or "").removeprefix("\ufeff"))  # a byte order mark may be ignored (RFC 8259, 8.1)
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


Scope = Literal["requests:write", "requests:read", "images:read", "images:write", "analytics:read", "admin"]
"""A permission of an API key. ``admin`` is for operators and does not include the others."""


@dataclass(frozen=True)
class Caller:
    """The caller, as identified by the authorizer."""

    owner: str
    key_id: str
    scopes: frozenset[str]
    limit: int
    """Images that the key may request in ``window`` seconds."""
    window: int


@dataclass(frozen=True)
class Route:
    """A route. The handler, the authorization and the OpenAPI document derive from it.

    ``path`` has API Gateway's format, such as ``/v1/requests/{request_id}``. ``scope`` "any" means every valid key, and
    None means public.
    ``responses`` maps the statuses of success to the schemas of their bodies; ``problems`` are the statuses of errors.
    """

    method: str
    path: str
    scope: Scope | Literal["any"] | None
    summary: str
    responses: Mapping[int, type[BaseModel] | None]
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    """Request headers that it reads: name → description."""
    problems: Sequence[int] = ()
    response_headers: Mapping[int, Sequence[str]] = field(default_factory=dict)
    """Status → headers that a response always has. ``tools/docs/openapi.py`` describes them."""
    error_body: type[BaseModel] | None = None
    """The schema of error bodies if they are not problem documents, as for clients of another API."""

    @property
    def route_key(self) -> str:
        """The name of the route at API Gateway."""
        return f"{self.method} {self.path}"


Model = TypeVar("Model", bound=BaseModel)
RouteHandler = Callable[..., Response[str]]
ProblemRenderer = Callable[[ApiProblem], Response[str]]
"""Renders a problem as the response that the callers of a route expect."""


class HttpApi:
    """A Lambda handler for the routes of one service. It rejects callers without the scope of the route."""

    def __init__(self, *, max_body: int = 16 * 1024) -> None:
        self.routes: list[Route] = []
        self._renderers: dict[str, ProblemRenderer] = {}
        self._resolver = make_resolver()
        self._resolver.not_found(self._unmatched)
        self._max_body = max_body
        self._code: str | None = None
        """Code of the problem in the current response."""

    def __call__(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """Handle one request of the HTTP API (payload format 2.0)."""
        started, self._code = time.perf_counter(), None
        always = {**SECURITY_HEADERS, CALL_ID_HEADER: begin_call(event)}
        answer = self._resolver.resolve(event, context)
        own = {name.lower() for name in answer["headers"]}
        answer["headers"].update({name: value for name, value in always.items() if name.lower() not in own})
        answer["body"] = answer["body"] or ""  # API Gateway needs a string
        self._log(event, int(answer["statusCode"]), time.perf_counter() - started)
        return answer

    def _log(self, event: Mapping[str, Any], status: int, seconds: float) -> None:
        """Write one line per call. Route and key are not dimensions, because each value would be a paid metric."""
        caller = event.get("requestContext", {}).get("authorizer", {}).get("lambda") or {}
        measure(
            "api call",
            {
                "api_calls": 1,
                "api_errors": int(status >= 500),
                "api_seconds": seconds,
            },
            {},
            route=event.get("routeKey"),
            status=status,
            code=self._code,
            key_id=caller.get("key_id"),
            seconds=round(seconds, 4),
        )

    def serve(
        self, route: Route, *, render: ProblemRenderer = ApiProblem.response
    ) -> Callable[[RouteHandler], RouteHandler]:
        """Register the function that serves ``route``; it gets path parameters as keyword arguments.

        ``render`` is for routes whose callers expect another format of errors.
        """
        self.routes.append(route)
        self._renderers[route.route_key] = render

        def register(handler: RouteHandler) -> RouteHandler:
            def with_scope(**parameters: str) -> Response[str]:
                try:
                    self._refuse_limited_key()
                    if route.scope is not None and route.scope not in {*self.caller.scopes, "any"}:
                        raise ApiProblem(403, "insufficient_scope", f"The API key lacks the scope {route.scope}")
                    return handler(**parameters)
                except Exception as error:
                    problem = problem_of(error, route.route_key)
                    self._code = problem.code
                    return render(problem)

            rule = route.path.replace("{", "<").replace("}", ">")
            self._resolver.route(rule, route.method)(with_scope)
            return handler

        return register

    def _unmatched(self, _error: Exception) -> Response[str]:
        """Return the 404 of a call whose path parameter has characters that the resolver does not accept.

        The gateway has found its route, so the response has the format of that route's errors.
        """
        render = self._renderers.get(self.event.get("routeKey", ""), ApiProblem.response)
        return render(ApiProblem(404, "not_found", "Not found"))

    def _refuse_limited_key(self) -> None:
        """Raise ``ApiProblem`` 429 if the authorizer found that the key made too many calls."""
        found = self.event["requestContext"].get("authorizer", {}).get("lambda") or {}
        if seconds := int(found.get("retry_after", 0)):
            headers = {
                "RateLimit-Policy": f'"calls";q={found["calls_per_minute"]};w=60',
                "RateLimit": f'"calls";r=0;t={seconds}',
                "Retry-After": str(seconds),
            }
            title = "Too many calls with this API key. Try again after the time in Retry-After."
            raise ApiProblem(429, "too_many_calls", title, headers=headers)

    @property
    def event(self) -> dict[str, Any]:
        """API Gateway's event."""
        return self._resolver.current_event.raw_event

    @property
    def caller(self) -> Caller:
        """The caller. Raises ``ApiProblem`` 401 if the authorizer identified none."""
        found = self.event["requestContext"].get("authorizer", {}).get("lambda") or {}
        if not found.get("owner"):
            raise ApiProblem(401, "unauthorized", "An API key is required")
        return Caller(
            owner=str(found["owner"]),
            key_id=str(found.get("key_id", "")),
            scopes=frozenset(str(found.get("scopes", "")).split()),
            limit=int(found.get("limit", 100)),
            window=int(found.get("window", 900)),
        )

    def header(self, name: str) -> str | None:
        """Return a request header; the name is case-insensitive."""
        wanted = name.lower()
        headers: dict[str, str] = self.event.get("headers") or {}
        return next((value for key, value in headers.items() if key.lower() == wanted), None)

    def body(self, model: type[Model]) -> Model:
        """Return the body as ``model``. Raises an error with the invalid fields (400, 413, 422)."""
        return model.model_validate(read_json(self._resolver, max_bytes=self._max_body))

    def query(self, model: type[Model]) -> Model:
        """Return the query parameters as ``model``. Raises an error with the invalid ones (422)."""
        return model.model_validate(self.event.get("queryStringParameters") or {})


def problem_of(error: Exception, route: str) -> ApiProblem:
    """Return the problem for ``error``. Unexpected errors are logged, and the problem reveals no details.

    The log names the route, not the path: the path of a shared image contains its token.
    """
    match error:
        case ApiProblem():
            return error
        case ValidationError():
            return ApiProblem(422, "validation_failed", "The request is not valid", errors=field_errors(error))
    if is_outage(error):
        logger.warning("unavailable", error=type(error).__name__, route=route)
        return ApiProblem(
            503,
            "unavailable",
            "Temporarily unavailable; try again",
            headers={"Retry-After": RETRY_AFTER},
        )
    # The exception's text may contain the caller's data; its type and the route are enough.
    logger.error("unhandled", error=type(error).__name__, route=route)
    return ApiProblem(500, "internal_error", "Internal error")


def make_resolver() -> APIGatewayHttpResolver:
    """Return a Powertools resolver whose errors are all problem documents."""
    resolver = APIGatewayHttpResolver()

    @resolver.not_found
    def unknown(_error: Exception) -> Response[str]:
        return ApiProblem(404, "not_found", "Not found").response()

    @resolver.exception_handler(Exception)
    def broken(error: Exception) -> Response[str]:
        return problem_of(error, resolver.current_event.raw_event.get("routeKey", "unknown")).response()

    startup.finished()
    return resolver
