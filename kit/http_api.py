"""What every HTTP API here has in common: JSON in, JSON or `application/problem+json` (RFC 9457) out."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeVar

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from pydantic import BaseModel, ValidationError

from kit import startup
from kit.errors import is_outage
from kit.telemetry import logger, measure

PROBLEM: Final = "application/problem+json"
RETRY_AFTER: Final = "2"
"""Seconds after which a caller may repeat what failed because something we stand on was away."""
SECURITY_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
}
"""On every answer, each unless the route sets its own. The gateway has no plain HTTP to redirect from."""


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


Scope = Literal["requests:write", "requests:read", "images:read", "images:write", "analytics:read", "admin"]
"""What a key may do. ``admin`` is for operators and does not include the others."""


@dataclass(frozen=True)
class Caller:
    """Who is calling, as the authorizer found out."""

    owner: str
    key_id: str
    scopes: frozenset[str]
    limit: int
    """Requests that the key may make in ``window`` seconds."""
    window: int


@dataclass(frozen=True)
class Route:
    """One route: what serves it, guards it and describes it is all derived from this.

    ``path`` is the gateway's, such as ``/v1/requests/{request_id}``. ``scope`` None means open to everybody.
    ``responses`` are the statuses of success with the shape of their bodies; ``problems`` those of failure.
    """

    method: str
    path: str
    scope: Scope | None
    summary: str
    responses: Mapping[int, type[BaseModel] | None]
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    """Request headers it reads: name → what for."""
    problems: Sequence[int] = ()
    response_headers: Mapping[int, Sequence[str]] = field(default_factory=dict)
    """Headers that an answer of a status always has, by name; ``tools/docs/openapi.py`` says what each is."""
    error_body: type[BaseModel] | None = None
    """What a failure looks like where it is not a problem document, as for clients of somebody else's API."""

    @property
    def route_key(self) -> str:
        """As the gateway names it."""
        return f"{self.method} {self.path}"


Model = TypeVar("Model", bound=BaseModel)
RouteHandler = Callable[..., Response[str]]
ProblemRenderer = Callable[[ApiProblem], Response[str]]
"""Turns a problem into the answer that the callers of a route expect."""


class HttpApi:
    """A Lambda handler for the routes of one service. Nobody gets past it without the route's scope."""

    def __init__(self, *, max_body: int = 16 * 1024) -> None:
        self.routes: list[Route] = []
        self._resolver = make_resolver()
        self._max_body = max_body
        self._code: str | None = None
        """Of the problem that the caller is being told about."""

    def __call__(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """Answer one request of the HTTP API (payload format 2.0)."""
        started, self._code = time.perf_counter(), None
        answer = self._resolver.resolve(event, context)
        own = {name.lower() for name in answer["headers"]}
        answer["headers"].update({name: v for name, v in SECURITY_HEADERS.items() if name.lower() not in own})
        answer["body"] = answer["body"] or ""  # to the gateway nothing is a text without letters
        self._log(event, int(answer["statusCode"]), time.perf_counter() - started)
        return answer

    def _log(self, event: Mapping[str, Any], status: int, seconds: float) -> None:
        """Write one line a call. Route and key are no dimensions: a metric of each would cost more than it says."""
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
        """Register the function that serves ``route``; path parameters come as keyword arguments.

        ``render`` is for routes whose callers expect errors in a shape of their own.
        """
        self.routes.append(route)

        def register(handler: RouteHandler) -> RouteHandler:
            def guarded(**parameters: str) -> Response[str]:
                try:
                    if route.scope is not None and route.scope not in self.caller.scopes:
                        raise ApiProblem(403, "insufficient_scope", f"This key lacks the scope {route.scope}")
                    return handler(**parameters)
                except Exception as error:
                    problem = problem_of(error, self._resolver.current_event.path)
                    self._code = problem.code
                    return render(problem)

            rule = route.path.replace("{", "<").replace("}", ">")
            self._resolver.route(rule, route.method)(guarded)
            return handler

        return register

    @property
    def event(self) -> dict[str, Any]:
        """The gateway's event."""
        return self._resolver.current_event.raw_event

    @property
    def caller(self) -> Caller:
        """Who is calling. Raises ``ApiProblem`` 401 where no authorizer vouched for anybody."""
        found = self.event["requestContext"].get("authorizer", {}).get("lambda") or {}
        if not found.get("owner"):
            raise ApiProblem(401, "unauthorized", "This needs an API key")
        return Caller(
            owner=str(found["owner"]),
            key_id=str(found.get("key_id", "")),
            scopes=frozenset(str(found.get("scopes", "")).split()),
            limit=int(found.get("limit", 100)),
            window=int(found.get("window", 900)),
        )

    def header(self, name: str) -> str | None:
        """Return a request header, its name in any case."""
        wanted = name.lower()
        headers: dict[str, str] = self.event.get("headers") or {}
        return next((value for key, value in headers.items() if key.lower() == wanted), None)

    def body(self, model: type[Model]) -> Model:
        """Return the body as ``model``; what is wrong with it is told by field (400, 413, 422)."""
        return model.model_validate(read_json(self._resolver, max_bytes=self._max_body))

    def query(self, model: type[Model]) -> Model:
        """Return the query parameters as ``model``; what is wrong with them is told by name (422)."""
        return model.model_validate(self.event.get("queryStringParameters") or {})


def problem_of(error: Exception, path: str) -> ApiProblem:
    """Return what the caller is told of ``error``; what nobody anticipated is logged and gives nothing away."""
    match error:
        case ApiProblem():
            return error
        case ValidationError():
            return ApiProblem(422, "validation_failed", "The request is not valid", errors=field_errors(error))
    if is_outage(error):
        logger.warning("unavailable", error=type(error).__name__, path=path)
        return ApiProblem(
            503, "unavailable", "This cannot be done at the moment; try again", headers={"Retry-After": RETRY_AFTER}
        )
    # The exception's text may quote what the caller sent; its type and place are enough to find it.
    logger.error("unhandled", error=type(error).__name__, path=path)
    return ApiProblem(500, "internal_error", "Something broke on our side")


def make_resolver() -> APIGatewayHttpResolver:
    """Return a Powertools resolver whose every error is a problem document."""
    resolver = APIGatewayHttpResolver()

    @resolver.not_found
    def unknown(_error: Exception) -> Response[str]:
        return ApiProblem(404, "not_found", "There is nothing at this address").response()

    @resolver.exception_handler(Exception)
    def broken(error: Exception) -> Response[str]:
        return problem_of(error, resolver.current_event.path).response()

    startup.finished()
    return resolver
