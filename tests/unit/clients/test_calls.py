"""Calls of the Python client: retries, errors, settings and what it sends with each."""

import logging
import traceback

import httpx2 as httpx
import pytest

from genai_images import (
    ApiError,
    AuthenticationError,
    Client,
    ConflictError,
    ImagesError,
    InvalidRequestError,
    NoAnswerError,
    NotFoundError,
    RateLimitedError,
    UnavailableError,
    UnknownAnswerError,
)
from tests.unit.clients.conftest import API, ID, KEY, FakeApi, FakeTime, accepted, view

ME = {
    "owner": "acme",
    "owner_id": "own_2c5tq8fzkd7vhxw3mnpa",
    "key_id": "k",
    "scopes": ["requests:read"],
    "limit": 100,
    "window_seconds": 900,
    "priority": "normal",
}


def problem(status: int, **headers: str) -> httpx.Response:
    return httpx.Response(status, json={"status": status, "code": "x", "title": "No."}, headers=headers)


def ok() -> httpx.Response:
    return httpx.Response(200, json=ME)


TEMPORARY = [httpx.ConnectError("refused"), httpx.ReadTimeout("late"), *(429, 500, 502, 503, 504)]


@pytest.mark.parametrize("failure", TEMPORARY, ids=str)
def test_a_temporary_failure_is_retried(
    api: FakeApi, client: Client, clock: FakeTime, failure: Exception | int
) -> None:
    api.answers = [problem(failure) if isinstance(failure, int) else failure, ok()]

    assert client.me().owner == "acme"
    assert len(clock.pauses) == 1


def test_a_request_keeps_its_idempotency_key_when_it_is_retried(api: FakeApi, client: Client, clock: FakeTime) -> None:
    api.answers = [httpx.ReadTimeout("late"), problem(503), accepted()]

    client.submit("a fox")

    assert len(api.calls) == 3
    assert len({call.headers["idempotency-key"] for call in api.calls}) == 1
    assert len({call.content for call in api.calls}) == 1


def test_a_post_without_an_idempotency_key_is_never_retried(api: FakeApi, client: Client, clock: FakeTime) -> None:
    for call in (
        lambda: client.moderations.check("a fox"),
        lambda: client.requests.cancel(ID),
        lambda: client.keys.create("acme", "shop", ["requests:read"]),
        lambda: client.webhooks.create("https://example.com/hook"),
        client.tickets.create,
    ):
        api.answers = [problem(503), ok()]
        with pytest.raises(UnavailableError):
            call()
        assert len(api.answers) == 1
    assert clock.pauses == []


@pytest.mark.usefixtures("no_jitter")
def test_pauses_double_up_to_a_ceiling(api: FakeApi, clock: FakeTime) -> None:
    api.answers = [httpx.ConnectError("refused")] * 7

    with pytest.raises(NoAnswerError, match=r"No answer from api\.example\.com"):
        api.client(max_retries=6).me()

    assert clock.pauses == [0.5, 1, 2, 4, 8, 8]


def test_pauses_are_spread_over_the_whole_range(api: FakeApi, clock: FakeTime) -> None:
    for _ in range(200):
        api.answers = [problem(500), ok()]
        api.client().me()

    assert all(0 <= pause <= 0.5 for pause in clock.pauses)
    assert min(clock.pauses) < 0.1
    assert max(clock.pauses) > 0.4


@pytest.mark.usefixtures("no_jitter")
def test_a_retry_comes_after_the_time_in_retry_after(api: FakeApi, client: Client, clock: FakeTime) -> None:
    api.answers = [problem(429, **{"retry-after": "12"}), ok()]

    client.me()

    assert clock.pauses == [12.5]


def test_a_long_retry_after_is_left_to_the_caller(api: FakeApi, client: Client, clock: FakeTime) -> None:
    api.answers = [problem(429, **{"retry-after": "412"})]

    with pytest.raises(RateLimitedError) as raised:
        client.submit("a fox")

    assert raised.value.retry_after == 412
    assert clock.pauses == []


def test_no_retry_starts_after_the_deadline(api: FakeApi, client: Client, clock: FakeTime) -> None:
    api.answers = [problem(503, **{"retry-after": "5"})] * 9

    with pytest.raises(UnavailableError):
        client.generate("a fox", timeout=9)

    assert len(api.calls) == 2
    assert clock.now < 9


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *((400, InvalidRequestError), (413, InvalidRequestError), (422, InvalidRequestError)),
        *((401, AuthenticationError), (403, AuthenticationError), (404, NotFoundError)),
        *((409, ConflictError), (412, ConflictError), (429, RateLimitedError), (500, UnavailableError)),
    ],
)
def test_each_kind_of_refusal_has_its_error(api: FakeApi, status: int, kind: type[ApiError]) -> None:
    api.answers = [problem(status)]

    with pytest.raises(kind) as raised:
        api.client(max_retries=0).me()

    assert (raised.value.status, raised.value.code, raised.value.title) == (status, "x", "No.")


def test_an_error_names_the_fields_and_the_call(api: FakeApi, client: Client) -> None:
    errors = [
        {"field": "count", "rule": "must be at most 4", "code": "too_big"},
        {"field": "style", "rule": "unknown", "allowed": ["watercolor", "photographic"]},
    ]
    body = {"status": 422, "code": "validation_failed", "title": "Invalid.", "detail": "Two.", "call_id": "VgY="}
    api.answers = [httpx.Response(422, json={**body, "errors": errors})]

    with pytest.raises(InvalidRequestError) as raised:
        client.generate("a fox", count=9)

    assert raised.value.call_id == "VgY="
    assert [(each.field, each.code) for each in raised.value.errors] == [("count", "too_big"), ("style", None)]
    assert str(raised.value).splitlines() == [
        *("422 Invalid.", "Two.", "  count: must be at most 4"),
        "  style: unknown (watercolor, photographic)",
    ]


def test_an_answer_of_the_gateway_is_an_error_too(api: FakeApi, client: Client) -> None:
    api.answers = [httpx.Response(403, json={"message": "Forbidden"}, headers={"apigw-requestid": "abc"})]

    with pytest.raises(AuthenticationError, match="403 Forbidden") as raised:
        client.me()

    assert raised.value.call_id == "abc"


def test_an_error_page_is_an_error_too(api: FakeApi) -> None:
    api.answers = [httpx.Response(502, text="<html>")]

    with pytest.raises(UnavailableError, match="502 Bad Gateway"):
        api.client(max_retries=0).me()


def test_unknown_fields_of_an_answer_are_kept(api: FakeApi, client: Client) -> None:
    api.answers = [httpx.Response(200, json={**ME, "plan": "gold"})]

    assert client.me().model_dump()["plan"] == "gold"


def test_an_unknown_answer_says_what_is_unknown_without_its_content(api: FakeApi, client: Client) -> None:
    api.answers = [
        httpx.Response(200, json=view("a status of the future", request={**view()["request"], "prompt": "my secret"}))
    ]

    with pytest.raises(UnknownAnswerError, match="status") as raised:
        client.requests.get(ID)

    assert "my secret" not in "".join(traceback.format_exception(raised.value))


def test_a_list_follows_its_cursors_and_stops_when_it_is_left(api: FakeApi, client: Client) -> None:
    def page(number: int) -> httpx.Response:
        names = ("id", "status", "created_at", "links")
        request = {**{name: view()[name] for name in names}, "id": str(number)}
        return httpx.Response(200, json={"requests": [request] if number != 2 else [], "next_cursor": f"c{number}"})

    api.answers = [page(number) for number in range(1, 9)]

    found = []
    for request in client.requests.list(page_size=1):
        found.append(request.id)
        if len(found) == 3:
            break

    assert found == ["1", "3", "4"]
    cursors = [call.url.params.get("cursor") for call in api.calls]
    assert cursors == [None, "c1", "c2", "c3"]


def test_preferences_are_replaced_only_as_they_were_read(api: FakeApi, client: Client) -> None:
    read = {"defaults": {"count": 2}, "theme": "dark", "analytics_opt_out": False, "added_later": 7}
    api.answers = [httpx.Response(200, json=read, headers={"etag": '"3"'}), problem(412)]

    preferences = client.preferences.get()
    preferences.theme = "light"
    with pytest.raises(ConflictError):
        client.preferences.set(preferences)

    assert api.calls[1].headers["if-match"] == '"3"'
    assert api.body(1) == {**read, "theme": "light"}


def test_an_id_cannot_change_the_path(api: FakeApi, client: Client) -> None:
    api.answers = [problem(404)]

    with pytest.raises(NotFoundError):
        client.requests.get("../keys?x=1")

    assert api.calls[0].url.raw_path == b"/stage/v1/requests/..%2Fkeys%3Fx%3D1"


def test_every_call_has_the_key_and_names_the_client(api: FakeApi, client: Client) -> None:
    api.answers = [ok()]

    client.me()

    assert api.calls[0].headers["x-api-key"] == KEY
    assert api.calls[0].headers["user-agent"].startswith("genai-images-client/")
    assert api.calls[0].extensions["timeout"]["read"] == 30


def test_a_call_that_waits_has_a_longer_timeout(api: FakeApi, client: Client) -> None:
    api.answers = [httpx.Response(200, json=view())]

    client.generate("a fox", timeout=10)

    assert api.calls[0].extensions["timeout"]["read"] == 40


def test_address_and_key_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API", API)
    monkeypatch.setenv("API_KEY", KEY)
    assert repr(Client()) == f"Client('{API}')"

    monkeypatch.delenv("API_KEY")
    with pytest.raises(ImagesError, match=r"\$API_KEY"):
        Client()


def test_an_address_without_https_is_refused() -> None:
    with pytest.raises(ImagesError, match="https://"):
        Client("api.example.com", KEY)


def test_neither_the_key_nor_prompts_are_shown_or_logged(api: FakeApi, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    prompt = " ".join(["my", "secret"])
    api.answers = [problem(422), httpx.ConnectError("refused"), httpx.Response(202, json={"prompt": prompt})]
    client = api.client(max_retries=0)
    shown = [repr(client), str(vars(client))]
    for _ in range(3):
        with pytest.raises(ImagesError) as raised:
            client.submit(prompt)
        shown.append("".join(traceback.format_exception(raised.value)))

    assert KEY not in f"{shown} {caplog.text}"
    assert prompt not in f"{shown} {caplog.text}"


def test_a_given_http_client_stays_open(api: FakeApi) -> None:
    http = httpx.Client(transport=httpx.MockTransport(api))

    with Client(API, KEY, http=http):
        pass
    assert not http.is_closed

    own = Client(API, KEY)
    own.close()
    assert own._transport._http.is_closed
