"""The base of every HTTP API: JSON requests; JSON responses, or problem documents (`kit/problems.py`)."""

import base64
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeVar, cast
from urllib.parse import quote, urlencode

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from pydantic import BaseModel, ValidationError

from kit import media_types, startup
from kit.callers import Caller, Priority, Scope
from kit.deprecation import Deprecation
from kit.errors import OwnerErasedError, is_outage
from kit.etags import is_current
from kit.problems import ApiProblem, field_error, field_errors, invalid
from kit.telemetry import begin_call, logger, measure, one_line

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


def read_json(resolver: APIGatewayHttpResolver, *, max_bytes: int) -> Any:
    """Return the JSON body of the request.

    Raises ``ApiProblem``: 413 above ``max_bytes``, 400 if the body is not UTF-8 or not JSON.
    """
    event = resolver.current_event
    raw = event.body or ""
    try:
        content = event.decoded_body if event.is_base64_encoded else raw
        if len((content or "").encode()) > max_bytes:
            raise body_too_large(max_bytes)
        return json.loads((content or "").removeprefix("\ufeff"))  # a byte order mark may be ignored (RFC 8259, 8.1)
    except UnicodeError as error:
        errors = [field_error("body", "must be UTF-8 text")]
        raise ApiProblem("not_utf8", "Encode the body as UTF-8.", errors=errors) from error
    except (ValueError, RecursionError) as error:
        errors = [field_error("body", "must be a JSON document")]
        raise ApiProblem("not_json", "Send one JSON document as the body.", errors=errors) from error


def json_response(status: int, body: BaseModel, headers: Mapping[str, str] | None = None) -> Response[str]:
    """Return ``body`` as JSON."""
    return Response(status, "application/json", body.model_dump_json(exclude_none=True), headers=dict(headers or {}))


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
    file_types: Sequence[str] = ()
    """The media types of the body, if it is a file."""
    query: type[BaseModel] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    """Request headers that it reads: name → description."""
    problems: Sequence[int] = ()
    response_headers: Mapping[int, Sequence[str]] = field(default_factory=dict)
    """Status → headers that a response always has. ``tools/docs/openapi.py`` describes them."""
    optional_headers: Mapping[int, Sequence[str]] = field(default_factory=dict)
    """Status → headers that a response may have."""
    media_type: str | None = None
    """The media type of the responses of success, if they have a body that is not JSON."""
    error_body: type[BaseModel] | None = None
    """The schema of error bodies if they are not problem documents, as for clients of another API."""
    deprecation: Deprecation | None = None
    needs_consent: bool = False
    """Whether the caller's owner must have consented to the current terms, if the installation requires it."""

    @property
    def route_key(self) -> str:
        """The name of the route at API Gateway."""
        return f"{self.method} {self.path}"

    @property
    def returns_json(self) -> bool:
        """Whether a response of success has a JSON body."""
        return any(model is not None for model in self.responses.values())


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
        is_head = event["requestContext"]["http"]["method"] == "HEAD"
        with one_line():
            answer = self._resolver.resolve(_as_get(event) if is_head else event, context)
            own = {name.lower() for name in answer["headers"]}
            answer["headers"].update({name: value for name, value in always.items() if name.lower() not in own})
            answer["body"] = "" if is_head else answer["body"] or ""  # API Gateway needs a string
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
            def respond(**parameters: str) -> Response[str]:
                response = with_scope(**parameters)
                if route.deprecation:
                    response.headers.update(route.deprecation.headers)
                return response

            def with_scope(**parameters: str) -> Response[str]:
                try:
                    self._refuse_bypass()
                    self._refuse_limited_key()
                    if route.scope is not None and route.scope not in {*self.caller.scopes, "any"}:
                        raise ApiProblem("insufficient_scope", f"The API key lacks the scope {route.scope}.")
                    if route.needs_consent:
                        self._require_consent()
                    self._check_media_types(route)
                    return handler(**parameters)
                except Exception as error:
                    problem = problem_of(error, route.route_key)
                    self._code = problem.code
                    return render(problem)

            rule = route.path.replace("{", "<").replace("}", ">")
            self._resolver.route(rule, route.method)(respond)
            return handler

        return register

    def _unmatched(self, _error: Exception) -> Response[str]:
        """Return the 404 of a call whose path parameter has characters that the resolver does not accept.

        The gateway has found its route, so the response has the format of that route's errors.
        """
        render = self._renderers.get(self.event.get("routeKey", ""), ApiProblem.response)
        return render(not_found())

    @property
    def _authorized(self) -> Mapping[str, Any]:
        """What the authorizer found, or nothing if the route has no authorizer."""
        found: Mapping[str, Any] = self.event["requestContext"].get("authorizer", {}).get("lambda") or {}
        return found

    def _refuse_bypass(self) -> None:
        """Raise ``ApiProblem`` 403 if the authorizer found that the call did not come through the CDN, as it must."""
        if self._authorized.get("bypasses_edge"):
            raise ApiProblem("edge_required", "Use the address of the web app as the base URL of the API.")

    def _refuse_limited_key(self) -> None:
        """Raise ``ApiProblem`` 429 if the authorizer found that the key made too many calls."""
        found = self._authorized
        if seconds := int(found.get("retry_after", 0)):
            headers = {
                "RateLimit-Policy": f'"calls";q={found["calls_per_minute"]};w=60',
                "RateLimit": f'"calls";r=0;t={seconds}',
                "Retry-After": str(seconds),
            }
            detail = f"Too many calls with this API key. Try again after {seconds} seconds."
            raise ApiProblem("too_many_calls", detail, headers=headers)

    def _require_consent(self) -> None:
        """Raise ``ApiProblem`` 403 if the authorizer found that a required consent is missing."""
        if required := self._authorized.get("consent_required"):
            detail = f"Read the {required}. Then agree to them for the owner of this API key with PUT /v1/consent."
            raise ApiProblem("consent_required", detail)

    def _check_media_types(self, route: Route) -> None:
        """Raise ``ApiProblem`` 415 or 406 if the body, or every response that the caller accepts, has another type.

        Routes with the errors of another API accept everything, as that API does.
        """
        if route.error_body is not None:
            return
        if route.file_types and media_types.essence(self.header("content-type")) not in route.file_types:
            errors = [field_error("Content-Type", "must be a type of files", allowed=list(route.file_types))]
            detail = f"Send a file as the body, with the header Content-Type: {' or '.join(route.file_types)}."
            accepted = {"Accept": ", ".join(route.file_types)}
            raise ApiProblem("unsupported_media_type", detail, errors=errors, headers=accepted)
        if route.body is not None and not media_types.is_json(self.header("content-type")):
            errors = [field_error("Content-Type", f"must be {media_types.JSON}", allowed=[media_types.JSON])]
            detail = f"Send the body as JSON, with the header Content-Type: {media_types.JSON}."
            raise ApiProblem("unsupported_media_type", detail, errors=errors, headers={"Accept": media_types.JSON})
        if route.returns_json and not media_types.accepts_json(self.header("accept")):
            errors = [field_error("Accept", f"must include {media_types.JSON}", allowed=[media_types.JSON])]
            raise ApiProblem("not_acceptable", f"Add {media_types.JSON} to the header Accept.", errors=errors)

    @property
    def event(self) -> dict[str, Any]:
        """API Gateway's event."""
        return self._resolver.current_event.raw_event

    @property
    def caller(self) -> Caller:
        """The caller. Raises ``ApiProblem`` 401 if the authorizer identified none."""
        found = self._authorized
        if not found.get("owner"):
            raise ApiProblem("unauthorized", "Send an API key in the header x-api-key.")
        return Caller(
            owner=str(found["owner"]),
            key_id=str(found.get("key_id", "")),
            scopes=frozenset(str(found.get("scopes", "")).split()),
            limit=int(found.get("limit", 100)),
            window=int(found.get("window", 900)),
            analytics_opt_out=str(found.get("analytics_opt_out", "")).lower() == "true",
            priority=cast("Priority", found.get("priority", "normal")),
        )

    @property
    def address(self) -> str | None:
        """The IP address of the client: as the authorizer knows it from the CDN, or else as the gateway saw it."""
        address = self._authorized.get("address") or self.event["requestContext"]["http"].get("sourceIp")
        return str(address) if address else None

    def header(self, name: str) -> str | None:
        """Return a request header; the name is case-insensitive."""
        wanted = name.lower()
        headers: dict[str, str] = self.event.get("headers") or {}
        return next((value for key, value in headers.items() if key.lower() == wanted), None)

    def next_link(self, cursor: str | None) -> dict[str, str]:
        """Return the header ``Link`` to the next page of a list (RFC 8288), or none on the last page."""
        if cursor is None:
            return {}
        query = {**(self.event.get("queryStringParameters") or {}), "cursor": cursor}
        return {"Link": f'<{quote(self.event["rawPath"])}?{urlencode(query)}>; rel="next"'}

    def unless_current(
        self, tag: str, build: Callable[[], BaseModel], headers: Mapping[str, str] | None = None
    ) -> Response[str]:
        """Return what ``build`` returns, with ``tag`` as its ``ETag``; 304 if the caller's `If-None-Match` has it."""
        headers = {**(headers or {}), "ETag": tag}
        if is_current(self.header("if-none-match"), tag):
            return Response(304, headers=headers)
        return json_response(200, build(), headers)

    def body(self, model: type[Model]) -> Model:
        """Return the body as ``model``. Raises an error with the invalid fields (400, 413, 422)."""
        return model.model_validate(read_json(self._resolver, max_bytes=self._max_body))

    def file(self, *, max_bytes: int) -> bytes:
        """Return the body as it was sent. Raises ``ApiProblem`` 413 above ``max_bytes``."""
        text = self.event.get("body") or ""
        content = base64.b64decode(text) if self.event.get("isBase64Encoded") else text.encode()
        if len(content) > max_bytes:
            raise body_too_large(max_bytes)
        return content

    def query(self, model: type[Model]) -> Model:
        """Return the query parameters as ``model``. Raises an error with the invalid ones (422)."""
        return model.model_validate(self.event.get("queryStringParameters") or {})


def _as_get(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the event of the `GET` that a `HEAD` is answered like."""
    context = event["requestContext"]
    return {**event, "requestContext": {**context, "http": {**context["http"], "method": "GET"}}}


def problem_of(error: Exception, route: str) -> ApiProblem:
    """Return the problem for ``error``. Unexpected errors are logged, and the problem reveals no details.

    The log names the route, not the path: the path of a shared image contains its token.
    """
    match error:
        case ApiProblem():
            return error
        case ValidationError():
            return invalid(*field_errors(error))
        case OwnerErasedError():
            return ApiProblem("unauthorized", "The owner of this API key was erased. Use a key of another owner.")
    if is_outage(error):
        logger.warning("unavailable", error=type(error).__name__, route=route)
        detail = f"Send the call again after {RETRY_AFTER} seconds."
        return ApiProblem("unavailable", detail, headers={"Retry-After": RETRY_AFTER})
    # The exception's text may contain the caller's data; its type and the route are enough.
    logger.error("unhandled", error=type(error).__name__, route=route)
    return ApiProblem("internal_error", "The failure is on our side. If it persists, report the call_id.")


def body_too_large(max_bytes: int) -> ApiProblem:
    """Return the problem of a body with more than ``max_bytes``."""
    errors = [field_error("body", f"at most {max_bytes} bytes")]
    return ApiProblem("body_too_large", f"Send a body of at most {max_bytes} bytes.", errors=errors)


def not_found() -> ApiProblem:
    """Return the problem of an address that no route has."""
    return ApiProblem("not_found", "Check the address.")


def make_resolver() -> APIGatewayHttpResolver:
    """Return a Powertools resolver whose errors are all problem documents."""
    resolver = APIGatewayHttpResolver()

    @resolver.not_found
    def unknown(_error: Exception) -> Response[str]:
        return not_found().response()

    @resolver.exception_handler(Exception)
    def broken(error: Exception) -> Response[str]:
        return problem_of(error, resolver.current_event.raw_event.get("routeKey", "unknown")).response()

    startup.finished()
    return resolver
