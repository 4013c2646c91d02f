"""Every response of every HTTP API is JSON, and every error is a problem document that names the field."""

import io
import json
import sys
from datetime import date
from typing import Any, Literal

import pytest
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from botocore.exceptions import ClientError
from pydantic import BaseModel, Field

from kit.deprecation import Deprecation
from kit.http_api import (
    CALL_ID_HEADER,
    SECURITY_HEADERS,
    HttpApi,
    Route,
    json_response,
    make_resolver,
    read_json,
)
from kit.problems import PROBLEM, PROBLEMS, ApiProblem, field_error
from kit.telemetry import logger, measure
from tests.support.http import CALL_ID, http_event


class Wish(BaseModel):
    model_config = {"extra": "forbid"}

    prompt: str = Field(max_length=10)
    style: Literal["anime", "cinematic"] = "anime"
    tags: list[int] = Field(default_factory=list)


class Echo(BaseModel):
    text: str
    note: str | None = None


class CurrentOutput(io.TextIOBase):
    """The standard output of the moment. The logger keeps the one of its creation, which ``capsys`` does not see."""

    def write(self, text: str) -> int:
        return sys.stdout.write(text)


@pytest.fixture(autouse=True)
def _log_to_the_captured_output(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logger.registered_handler, "stream", CurrentOutput())


@pytest.fixture
def app() -> APIGatewayHttpResolver:
    resolver = make_resolver()

    @resolver.post("/wishes")
    def wish() -> Response[str]:
        wanted = Wish.model_validate(read_json(resolver, max_bytes=200))
        return json_response(202, Echo(text=wanted.prompt), {"Location": "/wishes/1"})

    @resolver.get("/broken")
    def broken() -> Response[str]:
        raise KeyError("a secret prompt")

    @resolver.get("/away")
    def away() -> Response[str]:
        answer: Any = {"Error": {"Code": "InternalServerError", "Message": "a secret prompt"}}
        raise ClientError(answer, "GetItem")

    @resolver.get("/refused")
    def refused() -> Response[str]:
        raise ApiProblem(
            "rate_limited",
            "Too many of them.",
            errors=[field_error("count", "max", allowed=[1, 2])],
            headers={"Retry-After": "9"},
        )

    return resolver


def call(
    app: APIGatewayHttpResolver,
    method: str,
    path: str,
    body: str | bytes | None = None,
    authorizer: dict[str, Any] | None = None,
) -> tuple[int, dict[str, Any], dict[str, Any]]:
    """Send a request as API Gateway does; bytes go as base64. Return status, JSON body and headers."""
    caller = authorizer["lambda"] if authorizer else None
    answer = app.resolve(http_event(method, path, body=body, caller=caller), {})  # type: ignore[arg-type]
    headers = {**answer.get("headers", {}), **{k: v[0] for k, v in answer.get("multiValueHeaders", {}).items()}}
    return answer["statusCode"], json.loads(answer["body"]), headers


def problem(answer: tuple[int, dict[str, Any], dict[str, Any]]) -> tuple[int, str, list[str]]:
    """Check that it is a problem document; return status, code and the invalid fields."""
    status, body, headers = answer
    assert headers["Content-Type"] == PROBLEM
    assert body["status"] == status
    assert (body["type"], body["title"]) == (f"/problems/{body['code']}", PROBLEMS[body["code"]][1])
    assert body["detail"]
    return status, body["code"], [error["field"] for error in body.get("errors", [])]


@pytest.mark.parametrize("body", ['{"prompt": "灯台"}', '{"prompt": "灯台"}'.encode()], ids=["text", "base64"])
def test_a_valid_request_gets_json(app: APIGatewayHttpResolver, body: str | bytes) -> None:
    status, answer, headers = call(app, "POST", "/wishes", body)

    assert (status, answer) == (202, {"text": "灯台"})
    assert headers["Content-Type"] == "application/json"
    assert headers["Location"] == "/wishes/1"


@pytest.mark.parametrize("body", [None, "", "{", "not json", '{"prompt": }', "[" * 190, b"\x00", "1" * 150 + "e"])
def test_a_body_that_is_not_json_is_a_400(app: APIGatewayHttpResolver, body: str | bytes | None) -> None:
    assert problem(call(app, "POST", "/wishes", body)) == (400, "not_json", ["body"])


@pytest.mark.parametrize("body", ['\ufeff{"prompt": "x"}', b'\xef\xbb\xbf{"prompt": "x"}'], ids=["text", "bytes"])
def test_a_byte_order_mark_is_ignored(app: APIGatewayHttpResolver, body: str | bytes) -> None:
    assert call(app, "POST", "/wishes", body)[0] == 202


def test_deeply_nested_json_is_a_400() -> None:
    app = make_resolver()

    @app.post("/deep")
    def deep() -> Response[str]:
        read_json(app, max_bytes=1_000_000)
        raise AssertionError("it was read")

    assert problem(call(app, "POST", "/deep", "[" * 100_000)) == (400, "not_json", ["body"])


@pytest.mark.parametrize("body", [b'{"prompt": "\xff"}', '{"prompt": "\ud800"}'], ids=["bytes", "a lone surrogate"])
def test_a_body_that_is_not_utf_8_is_a_400(app: APIGatewayHttpResolver, body: str | bytes) -> None:
    assert problem(call(app, "POST", "/wishes", body)) == (400, "not_utf8", ["body"])


def test_a_body_over_the_limit_is_counted_in_bytes(app: APIGatewayHttpResolver) -> None:
    assert problem(call(app, "POST", "/wishes", json.dumps({"prompt": "x" * 200})))[:2] == (413, "body_too_large")
    assert problem(call(app, "POST", "/wishes", '{"prompt": "' + "灯" * 63 + '"}'))[:2] == (413, "body_too_large")
    assert problem(call(app, "POST", "/wishes", '{"prompt": "' + "x" * 63 + '"}'))[:2] == (422, "validation_failed")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ("{}", "prompt"),
        ('{"prompt": 1}', "prompt"),
        ('{"prompt": "x", "style": "oil"}', "style"),
        ('{"prompt": "x", "tags": [1, "two"]}', "tags.1"),
        ('{"prompt": "x", "surprise": 1}', "surprise"),
        ('{"prompt": "\\ud800"}', "prompt"),
        ("[]", "body"),
        ("null", "body"),
    ],
)
def test_an_invalid_field_is_named_in_the_problem(app: APIGatewayHttpResolver, body: str, field: str) -> None:
    assert problem(call(app, "POST", "/wishes", body)) == (422, "validation_failed", [field])


def test_a_problem_has_the_limit_but_not_the_sent_value(app: APIGatewayHttpResolver) -> None:
    _, answer, _ = call(app, "POST", "/wishes", '{"prompt": "a secret too long"}')

    (error,) = answer["errors"]
    assert error["max_length"] == 10
    assert error["rule"]
    assert "secret" not in json.dumps(answer)


def test_a_problem_has_headers_and_details(app: APIGatewayHttpResolver) -> None:
    answer = call(app, "GET", "/refused")

    assert problem(answer) == (429, "rate_limited", ["count"])
    assert answer[1]["errors"][0]["allowed"] == [1, 2]
    assert answer[2]["Retry-After"] == "9"


def test_an_unknown_path_is_a_problem(app: APIGatewayHttpResolver) -> None:
    assert problem(call(app, "GET", "/nowhere"))[:2] == (404, "not_found")


def test_a_bug_is_a_500_without_details(app: APIGatewayHttpResolver, capsys: pytest.CaptureFixture[str]) -> None:
    answer = call(app, "GET", "/broken")

    assert problem(answer)[:2] == (500, "internal_error")
    captured = capsys.readouterr()
    assert "secret" not in json.dumps(answer) + captured.out + captured.err


def test_an_unavailable_backend_is_a_503_with_retry_after(
    app: APIGatewayHttpResolver, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = call(app, "GET", "/away")

    assert problem(answer)[:2] == (503, "unavailable")
    assert int(answer[2]["Retry-After"]) > 0
    captured = capsys.readouterr()
    assert "secret" not in json.dumps(answer) + captured.out + captured.err


class Page(BaseModel):
    model_config = {"extra": "forbid"}

    limit: int = Field(20, ge=1, le=100)


@pytest.fixture
def api() -> HttpApi:
    api = HttpApi(max_body=200)

    @api.serve(Route("POST", "/wishes/{name}", "requests:write", "Wish", responses={202: Echo}, body=Wish))
    def wish(name: str) -> Response[str]:
        return json_response(202, Echo(text=f"{name}: {api.body(Wish).prompt}", note=api.caller.owner))

    @api.serve(Route("GET", "/wishes", None, "Look", responses={200: Echo}, query=Page))
    def look() -> Response[str]:
        return json_response(200, Echo(text=str(api.query(Page).limit), note=api.header("X-Note")))

    return api


def send(
    api: HttpApi, method: str, path: str, *, body: str | None = None, query: dict[str, str] | None = None, **caller: Any
) -> tuple[int, dict[str, Any]]:
    event = http_event(method, path, body=body, query=query, headers={"x-note": "a note"}, caller=caller or None)
    answer = api(event, None)
    return answer["statusCode"], json.loads(answer["body"])


def test_a_route_rejects_callers_without_its_scope(api: HttpApi) -> None:
    path, body = "/wishes/ada", '{"prompt": "tea"}'
    assert send(api, "POST", path, body=body)[0] == 401
    assert send(api, "POST", path, body=body, owner="ada")[0] == 403
    status, problem = send(api, "POST", path, body=body, owner="ada", scopes="requests:read admin")
    assert (status, problem["code"]) == (403, "insufficient_scope")
    response = send(api, "POST", path, body=body, owner="ada", scopes="requests:read requests:write")
    assert response == (202, {"text": "ada: tea", "note": "ada"})


def test_every_route_refuses_a_call_that_bypasses_the_edge() -> None:
    api = HttpApi()

    @api.serve(Route("GET", "/public", None, "Look", responses={200: Echo}))
    def public() -> Response[str]:
        return json_response(200, Echo(text="done", note=api.address))

    @api.serve(Route("GET", "/guarded", "any", "Look", responses={200: Echo}))
    def guarded() -> Response[str]:
        return json_response(200, Echo(text="done", note=api.address))

    for path in ("/public", "/guarded"):
        status, problem = send(api, "GET", path, bypasses_edge=True, address="192.0.2.1")
        assert (status, problem["code"]) == (403, "edge_required"), path
    # Behind the edge, the address is that of the authorizer.
    assert send(api, "GET", "/public", address="192.0.2.1") == (200, {"text": "done", "note": "192.0.2.1"})


def test_a_route_that_needs_consent_refuses_a_caller_without_it() -> None:
    api = HttpApi()

    @api.serve(Route("POST", "/needs", "any", "Wish", responses={202: Echo}, needs_consent=True))
    def needs() -> Response[str]:
        return json_response(202, Echo(text="done", note=None))

    @api.serve(Route("POST", "/free", "any", "Wish", responses={202: Echo}))
    def free() -> Response[str]:
        return json_response(202, Echo(text="done", note=None))

    missing: dict[str, Any] = {"owner": "ada", "consent_required": "terms of 2026-11-28"}
    status, problem = send(api, "POST", "/needs", **missing)
    assert (status, problem["code"]) == (403, "consent_required")
    assert "terms of 2026-11-28" in problem["detail"]
    assert "PUT /v1/consent" in problem["detail"]
    assert send(api, "POST", "/free", **missing)[0] == send(api, "POST", "/needs", owner="ada")[0] == 202


@pytest.mark.parametrize(("value", "opted_out"), [(True, True), ("true", True), (False, False), (None, False)])
def test_the_caller_says_if_the_owner_opted_out_of_analytics(value: Any, opted_out: bool) -> None:
    api, seen = HttpApi(), []

    @api.serve(Route("GET", "/", "any", "Look", responses={200: Echo}))
    def look() -> Response[str]:
        seen.append(api.caller.analytics_opt_out)
        return json_response(200, Echo(text="", note=None))

    send(api, "GET", "/", owner="ada", **({} if value is None else {"analytics_opt_out": value}))
    assert seen == [opted_out]


@pytest.mark.parametrize(("found", "expected"), [({"priority": "low"}, "low"), ({}, "normal")])
def test_the_caller_has_the_priority_of_the_key(found: dict[str, Any], expected: str) -> None:
    api, seen = HttpApi(), []

    @api.serve(Route("GET", "/", "any", "Look", responses={200: Echo}))
    def look() -> Response[str]:
        seen.append(api.caller.priority)
        return json_response(200, Echo(text="", note=None))

    send(api, "GET", "/", owner="ada", **found)
    assert seen == [expected]


def test_a_key_with_too_many_calls_is_refused_before_the_handler_runs(api: HttpApi) -> None:
    limited = {"owner": "ada", "scopes": "requests:write", "retry_after": 3, "calls_per_minute": 600}
    answer = raw(api, "POST", "/wishes/ada", **limited)
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (429, "too_many_calls")
    headers = {"Retry-After": "3", "RateLimit": '"calls";r=0;t=3', "RateLimit-Policy": '"calls";q=600;w=60'}
    assert headers.items() <= answer["headers"].items()


def test_every_answer_of_a_deprecated_route_says_until_when_it_works() -> None:
    api, ended = HttpApi(), Deprecation(date(2026, 11, 28), date(2027, 11, 28), "/v1/wishes")

    @api.serve(Route("GET", "/wishes", None, "Look", responses={200: Echo}, query=Page, deprecation=ended))
    def look() -> Response[str]:
        return json_response(200, Echo(text=str(api.query(Page).limit)))

    answers = [api(http_event("GET", "/wishes", query={"limit": limit}), None) for limit in ("1", "none")]
    assert [answer["statusCode"] for answer in answers] == [200, 422]
    for answer in answers:
        assert answer["headers"]["Deprecation"] == "@1795824000"
        assert answer["headers"]["Sunset"] == "Sun, 28 Nov 2027 00:00:00 GMT"
        assert answer["headers"]["Link"] == '</v1/wishes>; rel="successor-version"'


def test_a_public_route_needs_no_caller(api: HttpApi) -> None:
    assert send(api, "GET", "/wishes", query={"limit": "7"}) == (200, {"text": "7", "note": "a note"})


def test_a_response_without_a_body_is_an_empty_string() -> None:
    api = HttpApi()

    @api.serve(Route("DELETE", "/wishes", None, "Forget", responses={204: None}))
    def forget() -> Response[str]:
        return Response(204)

    context = {"http": {"method": "DELETE", "path": "/wishes"}, "stage": "$default", "requestId": "r"}
    event = {"version": "2.0", "routeKey": "$default", "rawPath": "/wishes", "headers": {}, "requestContext": context}
    answer = api(event, None)
    assert (answer["statusCode"], answer["body"]) == (204, "")


@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "many"}])
def test_an_invalid_query_parameter_is_named_in_the_problem(api: HttpApi, query: dict[str, str]) -> None:
    status, problem = send(api, "GET", "/wishes", query=query)
    assert (status, [error["field"] for error in problem["errors"]]) == (422, ["limit"])


def raw(api: HttpApi, method: str, path: str, **caller: Any) -> dict[str, Any]:
    """Return the response that API Gateway gets."""
    return api(http_event(method, path, caller=caller or None), None)


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/wishes", 200), ("GET", "/nowhere", 404), ("POST", "/wishes/ada", 401)]
)
def test_every_response_has_the_security_headers(api: HttpApi, method: str, path: str, status: int) -> None:
    answer = raw(api, method, path)
    assert answer["statusCode"] == status
    assert SECURITY_HEADERS.items() <= answer["headers"].items()


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/wishes", 200), ("GET", "/nowhere", 404), ("POST", "/wishes/ada", 401)]
)
def test_every_response_has_the_id_of_the_call(api: HttpApi, method: str, path: str, status: int) -> None:
    answer = raw(api, method, path)

    assert (answer["statusCode"], answer["headers"][CALL_ID_HEADER]) == (status, CALL_ID)
    assert status == 200 or json.loads(answer["body"])["call_id"] == CALL_ID


def test_a_log_line_has_the_id_of_the_call_and_not_the_path(capsys: pytest.CaptureFixture[str]) -> None:
    api = HttpApi()

    @api.serve(Route("GET", "/shares/{token}", None, "Open", responses={200: Echo}))
    def open_share(token: str) -> Response[str]:
        measure("engagement", {"engagement": 1}, {"action": "shared"})
        raise KeyError(token)

    capsys.readouterr()  # the start of the function
    for call_id in ("first", "second"):
        event = http_event("GET", "/shares/secret", route="/shares/{token}")
        event["requestContext"]["requestId"] = call_id
        problem = json.loads(api(event, None)["body"])
        logged = capsys.readouterr().out
        lines = [json.loads(line) for line in logged.splitlines()]

        assert problem["call_id"] == call_id
        assert [line["message"] for line in lines] == ["unhandled", "api call"]
        assert {line["call_id"] for line in lines} == {call_id}
        assert lines[0]["route"] == lines[1]["route"] == "GET /shares/{token}"
        assert "secret" not in logged, "the token of a share link is in its path"


@pytest.mark.parametrize("name", ["Cache-Control", "cache-control"])
def test_a_route_may_set_its_own_cache_control(name: str) -> None:
    api = HttpApi()

    @api.serve(Route("GET", "/models", None, "Models", responses={200: Echo}))
    def models() -> Response[str]:
        return json_response(200, Echo(text="many"), {name: "max-age=60"})

    headers = raw(api, "GET", "/models")["headers"]
    assert [value for key, value in headers.items() if key.lower() == "cache-control"] == ["max-age=60"]


def test_a_route_may_render_problems_in_its_own_format(capsys: pytest.CaptureFixture[str]) -> None:
    api = HttpApi()

    def rendered(problem: ApiProblem) -> Response[str]:
        return json_response(problem.status, Echo(text=problem.code))

    @api.serve(Route("POST", "/old", "requests:write", "Old", responses={200: Echo}, body=Wish), render=rendered)
    def old() -> Response[str]:
        if api.caller.owner == "unlucky":
            raise KeyError("a secret prompt")
        return json_response(200, Echo(text=api.body(Wish).prompt))

    scopes = "requests:write"
    assert send(api, "POST", "/old") == (401, {"text": "unauthorized"})
    assert send(api, "POST", "/old", owner="ada") == (403, {"text": "insufficient_scope"})
    assert send(api, "POST", "/old", body="{", owner="ada", scopes=scopes) == (400, {"text": "not_json"})
    assert send(api, "POST", "/old", body="{}", owner="ada", scopes=scopes) == (422, {"text": "validation_failed"})
    assert send(api, "POST", "/old", owner="unlucky", scopes=scopes) == (500, {"text": "internal_error"})
    assert "secret" not in "".join(capsys.readouterr())


@pytest.mark.parametrize("error", [KeyError("x"), ConnectionRefusedError()], ids=["bug", "outage"])
def test_a_log_line_has_the_route_not_the_path_with_its_token(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    api = HttpApi()

    @api.serve(Route("GET", "/v1/shares/{token}", None, "Open a share", responses={200: Echo}))
    def broken(token: str) -> Response[str]:
        raise error

    event = http_event("GET", "/v1/shares/s3cret", route="/v1/shares/{token}", path_parameters={"token": "s3cret"})
    assert api(event, None)["statusCode"] >= 500

    out = capsys.readouterr().out
    assert "GET /v1/shares/{token}" in out
    assert "s3cret" not in out


# Media types, entity tags, links and HEAD ----------------------------------------------------------------------------


def answer_to(api: HttpApi, method: str, path: str, **options: Any) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Return status, JSON body and headers with lower-case names."""
    caller = {"owner": "ada", "scopes": "requests:write"}
    answer = api(http_event(method, path, caller=caller, **options), None)
    headers = {name.lower(): value for name, value in answer["headers"].items()}
    return answer["statusCode"], json.loads(answer["body"] or "{}"), headers


def test_a_body_of_another_type_is_a_415_that_names_json(api: HttpApi) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    status, problem, headers = answer_to(api, "POST", "/wishes/ada", body='{"prompt": "tea"}', headers=form)

    assert (status, problem["code"], headers["accept"]) == (415, "unsupported_media_type", "application/json")
    assert "Content-Type: application/json" in problem["detail"]
    assert problem["errors"] == [
        {"field": "Content-Type", "rule": "must be application/json", "allowed": ["application/json"]}
    ]


@pytest.mark.parametrize("content_type", ["", "application/json; charset=utf-8", "application/vnd.wish+json"])
def test_a_json_body_may_be_stated_in_several_ways(api: HttpApi, content_type: str) -> None:
    headers = {"content-type": content_type}
    assert answer_to(api, "POST", "/wishes/ada", body='{"prompt": "tea"}', headers=headers)[0] == 202


def test_a_caller_that_does_not_accept_json_gets_a_406(api: HttpApi) -> None:
    status, problem, _ = answer_to(api, "GET", "/wishes", headers={"accept": "image/avif, text/html"})

    assert (status, problem["code"]) == (406, "not_acceptable")
    assert answer_to(api, "GET", "/wishes", headers={"accept": "text/html, */*;q=0.1"})[0] == 200


def test_a_route_without_json_accepts_every_accept() -> None:
    api = HttpApi()

    @api.serve(Route("GET", "/shares", None, "Open", responses={302: None}))
    def open_share() -> Response[str]:
        return Response(302, headers={"Location": "/image"})

    assert answer_to(api, "GET", "/shares", headers={"accept": "image/*"})[0] == 302


def test_a_route_of_another_api_accepts_every_media_type() -> None:
    api = HttpApi()
    route = Route("POST", "/old", None, "Old", responses={200: Echo}, body=Wish, error_body=Echo)

    @api.serve(route)
    def old() -> Response[str]:
        return json_response(200, Echo(text=api.body(Wish).prompt))

    form = {"content-type": "application/x-www-form-urlencoded", "accept": "text/html"}
    assert answer_to(api, "POST", "/old", body='{"prompt": "tea"}', headers=form)[:2] == (200, {"text": "tea"})


@pytest.fixture
def listing() -> HttpApi:
    """Return an API with a list, and with a resource that has a tag."""
    api = HttpApi()

    @api.serve(Route("GET", "/wishes/{name}", None, "Show", responses={200: Echo, 304: None}))
    def show(name: str) -> Response[str]:
        return api.unless_current('W/"3"', lambda: Echo(text=name), {"Retry-After": "1"})

    @api.serve(Route("GET", "/wishes", None, "List", responses={200: Echo}))
    def list_() -> Response[str]:
        more = (api.event.get("queryStringParameters") or {}).get("cursor") != "last"
        return json_response(200, Echo(text="a"), api.next_link("last" if more else None))

    return api


def test_a_current_tag_gets_a_304_without_a_body(listing: HttpApi) -> None:
    status, body, headers = answer_to(listing, "GET", "/wishes/tea")
    assert (status, body, headers["etag"]) == (200, {"text": "tea"}, 'W/"3"')

    answer = listing(http_event("GET", "/wishes/tea", headers={"if-none-match": headers["etag"]}), None)
    assert (answer["statusCode"], answer["body"]) == (304, "")
    assert {"ETag": 'W/"3"', "Retry-After": "1"}.items() <= answer["headers"].items()
    assert "Content-Type" not in answer["headers"]

    assert answer_to(listing, "GET", "/wishes/tea", headers={"if-none-match": 'W/"2"'})[:2] == (200, body)


def test_the_body_of_a_304_is_not_built() -> None:
    api = HttpApi()

    @api.serve(Route("GET", "/wishes", None, "Show", responses={200: Echo, 304: None}))
    def show() -> Response[str]:
        def build() -> Echo:
            raise AssertionError("it was built")

        return api.unless_current('"1"', build)

    assert answer_to(api, "GET", "/wishes", headers={"if-none-match": '"1"'})[0] == 304


def test_a_link_leads_to_the_next_page_with_the_same_filters(listing: HttpApi) -> None:
    query = {"q": "red fox & co", "limit": "2", "cursor": "first"}
    link = answer_to(listing, "GET", "/wishes", query=query)[2]["link"]

    assert link == '</wishes?q=red+fox+%26+co&limit=2&cursor=last>; rel="next"'
    assert "link" not in answer_to(listing, "GET", "/wishes", query={"cursor": "last"})[2]


@pytest.mark.parametrize("path", ["/wishes/tea", "/wishes", "/nowhere"])
def test_head_is_answered_like_get_without_the_body(listing: HttpApi, path: str) -> None:
    get, head = raw(listing, "GET", path), raw(listing, "HEAD", path)

    assert head == {**get, "body": ""}
    assert get["body"]


def test_the_log_line_of_a_head_names_its_method(listing: HttpApi, capsys: pytest.CaptureFixture[str]) -> None:
    raw(listing, "HEAD", "/wishes")
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["route"] == "HEAD /wishes"


def test_a_problem_names_the_request_that_it_is_about() -> None:
    about = ApiProblem("too_late_to_cancel", "It is succeeded.", instance="/v1/requests/1").document()

    assert about["instance"] == "/v1/requests/1"
    assert "instance" not in ApiProblem("not_found", "Check the address.").document()
