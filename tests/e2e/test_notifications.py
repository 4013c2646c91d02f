"""Being told instead of asking, on the deployed system: the WebSocket with its ticket, and webhooks."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from standardwebhooks import Webhook
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.support.system import Response, System

SECONDS = 60


def ticket_url(stack: System, key: str | None = None) -> str:
    answer = stack.call("POST", "/v1/tickets", key=key)
    assert answer.status == 201, answer.content
    assert answer.json["url"].startswith(stack.outputs["SocketUrl"] + "?ticket=")
    return str(answer.json["url"])


@contextmanager
def listening(stack: System, key: str | None = None) -> Iterator[ClientConnection]:
    """An open socket of the key's owner, which has answered once: from here on it hears everything."""
    with connect(ticket_url(stack, key), proxy=None) as socket:
        socket.send('{"type": "ping"}')
        assert json.loads(socket.recv(timeout=SECONDS)) == {"type": "pong"}
        yield socket


def heard_of(socket: ClientConnection, request_id: str) -> list[dict[str, Any]]:
    """Return what is told of a request until it has ended, each change once, in the order of the sequence."""
    found: dict[int, dict[str, Any]] = {}
    while not any(data["status"] in ENDINGS for data in found.values()) or len(found) < max(found):
        message = json.loads(socket.recv(timeout=SECONDS))
        assert message["type"] == "request.status_changed"
        if message["data"]["request_id"] == request_id:
            found[message["data"]["sequence"]] = message["data"]
    return [found[sequence] for sequence in sorted(found)]


def test_an_owner_hears_every_step_of_a_request_numbered_without_gaps(stack: System) -> None:
    with listening(stack) as socket:
        request_id = stack.post(prompt="a lighthouse in the fog")
        heard = heard_of(socket, request_id)

    assert [data["status"] for data in heard] == ["generating", "checking", "storing", "succeeded"]
    assert [data["sequence"] for data in heard] == [1, 2, 3, 4]
    assert [data["previous"] for data in heard] == ["accepted", "generating", "checking", "storing"]
    assert stack.get_request(request_id)["status"] == "succeeded"


def test_a_ticket_opens_one_connection_and_no_second_one(stack: System) -> None:
    url = ticket_url(stack)
    with connect(url, proxy=None), pytest.raises(InvalidStatus) as refused, connect(url, proxy=None):
        pass
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("query", ["", "?ticket=", "?ticket=" + "A" * 43])
def test_nobody_gets_in_without_a_ticket(stack: System, query: str) -> None:
    with pytest.raises(InvalidStatus) as refused, connect(stack.outputs["SocketUrl"] + query, proxy=None):
        pass
    assert refused.value.response.status_code == 403


def test_another_owner_hears_nothing(stack: System) -> None:
    other = stack.stack.make_key("eve")
    with listening(stack, other) as ear, listening(stack) as mine:
        request_id = stack.post(prompt="a secret garden")
        heard_of(mine, request_id)
        ear.send('{"type": "ping"}')  # whatever was sent before its answer would come before its answer

        assert json.loads(ear.recv(timeout=SECONDS)) == {"type": "pong"}


def test_two_connections_of_an_owner_both_hear_and_a_closed_one_is_forgotten(stack: System) -> None:
    owner = stack.stack.make_key("twice", limit=1000)
    table = f"{stack.prefix}-notifications"
    key = {"pk": {"S": "OWNER#twice"}, "sk": {"S": "LISTENER"}}

    def known() -> int:
        item = stack.client("dynamodb").get_item(TableName=table, Key=key, ConsistentRead=True).get("Item", {})
        return len(item.get("connections", {}).get("SS", []))

    with listening(stack, owner) as one:
        with listening(stack, owner) as two:
            answer = stack.call("POST", "/v1/requests", {"prompt": "twins"}, key=owner)
            assert heard_of(one, answer.json["id"]) == heard_of(two, answer.json["id"])
            assert known() == 2
        stack.wait_until(lambda: known() == 1, what="the closed connection to be forgotten")
    stack.wait_until(lambda: known() == 0, what="the closed connection to be forgotten")


def test_what_a_client_says_that_is_not_a_ping_is_told_apart(stack: System) -> None:
    with connect(ticket_url(stack), proxy=None) as socket:
        socket.send("hello")
        assert json.loads(socket.recv(timeout=SECONDS))["code"] == "not_understood"


# Webhooks ------------------------------------------------------------------------------------------------------------


class Hook(ThreadingHTTPServer):
    """Somebody's server on loopback, which remembers what it was told and answers what it is told to."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, str], bytes]] = []
        self.answers: list[tuple[int, dict[str, str]]] = []
        """The next ones; 204 where there are none."""
        super().__init__(("127.0.0.1", 0), _Visitor)
        self.url = f"http://127.0.0.1:{self.server_address[1]}/hooks/images?token=abc"


class _Visitor(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.calls.append((self.path, {name.lower(): text for name, text in self.headers.items()}, body))
        status, headers = self.server.answers.pop(0) if self.server.answers else (204, {})
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name, text)
        self.end_headers()

    def log_message(self, format: str, *arguments: Any) -> None:
        """Keep quiet."""


@pytest.fixture
def hook() -> Iterator[Hook]:
    with Hook() as server:
        thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        server.shutdown()


@pytest.fixture
def owner(stack: System, request: pytest.FixtureRequest) -> str:
    """A key of an owner of the test's own."""
    return stack.stack.make_key(request.node.originalname[-40:].strip("_"), limit=1000)


class Hooks:
    """One owner's webhooks, as the owner's program sees them."""

    def __init__(self, stack: System, key: str) -> None:
        self._stack, self._key = stack, key

    def call(self, method: str, path: str, body: Any = None) -> Response:
        return self._stack.call(method, path, body, key=self._key)

    def register(self, url: str, **more: Any) -> Any:
        answer = self.call("POST", "/v1/webhooks", {"url": url, **more})
        assert answer.status == 201, answer.content
        return answer.json

    def deliveries(self, webhook: Any) -> Any:
        answer = self.call("GET", f"/v1/webhooks/{webhook['webhook_id']}/deliveries")
        assert answer.status == 200, answer.content
        return answer.json["deliveries"]

    def ended(self, webhook: Any) -> Any:
        """Return the one delivery of ``webhook`` once it is over."""

        def probe() -> Any:
            found = self.deliveries(webhook)
            return found[0] if found and found[0]["state"] != "pending" else None

        return self._stack.wait_until(probe, seconds=SECONDS, what="the delivery to be over")


def test_a_webhook_is_told_of_the_end_of_a_request_with_a_signature_that_holds(
    stack: System, hook: Hook, owner: str
) -> None:
    hooks = Hooks(stack, owner)
    webhook = hooks.register(hook.url)

    request_id = hooks.call("POST", "/v1/requests", {"prompt": "a paper boat"}).json["id"]
    delivery = hooks.ended(webhook)

    ((path, headers, body),) = hook.calls
    assert path == "/hooks/images?token=abc"
    message = Webhook(webhook["secret"]).verify(body, headers)
    assert message["type"] == "request.status_changed"
    assert (message["data"]["request_id"], message["data"]["status"]) == (request_id, "succeeded")
    assert headers["webhook-id"] == delivery["delivery_id"]
    assert headers["host"] == hook.url.split("/")[2]
    assert (delivery["state"], delivery["kind"], delivery["request_id"]) == ("delivered", "succeeded", request_id)
    assert "prompt" not in body.decode()
    assert "paper boat" not in body.decode()


def test_a_request_names_the_webhook_that_is_told_of_it(stack: System, hook: Hook, owner: str) -> None:
    hooks = Hooks(stack, owner)
    webhook = hooks.register(hook.url, requests="named")
    wanted = {"prompt": "a paper kite", "webhook_id": webhook["webhook_id"]}

    named = hooks.call("POST", "/v1/requests", wanted).json["id"]
    hooks.call(
        "POST",
        "/v1/requests",
        {"prompt": "a paper crane"},
    )
    hooks.ended(webhook)

    def all_ended() -> bool:
        found = hooks.call("GET", "/v1/requests").json["requests"]
        return {request["status"] for request in found} == {"succeeded"}

    stack.wait_until(all_ended, seconds=SECONDS, what="both requests to end")
    assert [delivery["request_id"] for delivery in hooks.deliveries(webhook)] == [named]
    assert [json.loads(body)["data"]["request_id"] for _, _, body in hook.calls] == [named]


def test_a_webhook_that_fails_is_told_again_and_the_log_shows_every_attempt(
    stack: System, hook: Hook, owner: str
) -> None:
    hooks = Hooks(stack, owner)
    webhook = hooks.register(hook.url)
    hook.answers = [(500, {})]

    ping = hooks.call("POST", f"/v1/webhooks/{webhook['webhook_id']}/ping")
    assert (ping.status, ping.json["state"]) == (201, "pending")
    delivery = hooks.ended(webhook)

    assert [attempt.get("status") for attempt in delivery["attempts"]] == [500, 204]
    assert delivery["attempts"][0]["error"] == "HTTP 500"
    assert len({headers["webhook-id"] for _, headers, _ in hook.calls}) == 1
    assert len({body for _, _, body in hook.calls}) == 1
    for _, headers, body in hook.calls:
        assert Webhook(webhook["secret"]).verify(body, headers)["type"] == "webhook.ping"


def test_a_delivery_is_sent_again_when_its_owner_asks(stack: System, hook: Hook, owner: str) -> None:
    hooks = Hooks(stack, owner)
    webhook = hooks.register(hook.url)
    hooks.call("POST", f"/v1/webhooks/{webhook['webhook_id']}/ping")
    first = hooks.ended(webhook)

    again = hooks.call("POST", f"/v1/webhooks/{webhook['webhook_id']}/deliveries/{first['delivery_id']}/resend")
    assert (again.status, again.json["state"]) == (200, "pending")
    second = hooks.ended(webhook)

    assert len(second["attempts"]) == len(hook.calls) == 2
    assert len({(headers["webhook-id"], body) for _, headers, body in hook.calls}) == 1


def test_a_rotated_secret_overlaps_with_the_old_one(stack: System, hook: Hook, owner: str) -> None:
    hooks = Hooks(stack, owner)
    old = hooks.register(hook.url)
    new = hooks.call("POST", f"/v1/webhooks/{old['webhook_id']}/rotate", {"grace_seconds": 600}).json
    hooks.call("POST", f"/v1/webhooks/{old['webhook_id']}/ping")
    hooks.ended(old)

    ((_, headers, body),) = hook.calls
    assert new["secret"] != old["secret"]
    for webhook in (old, new):
        assert Webhook(webhook["secret"]).verify(body, headers)["type"] == "webhook.ping"


def test_a_webhook_that_says_it_is_gone_is_told_nothing_more(stack: System, hook: Hook, owner: str) -> None:
    hooks = Hooks(stack, owner)
    webhook = hooks.register(hook.url)
    hook.answers = [(410, {})]
    hooks.call("POST", f"/v1/webhooks/{webhook['webhook_id']}/ping")
    assert hooks.ended(webhook)["state"] == "failed"

    def disabled() -> bool:
        return "disabled_at" in hooks.call("GET", "/v1/webhooks").json["webhooks"][0]

    stack.wait_until(disabled, what="the webhook to be disabled")
    refused = hooks.call("POST", f"/v1/webhooks/{webhook['webhook_id']}/ping")
    assert (refused.status, refused.json["code"]) == (409, "webhook_disabled")


def test_nobody_sees_or_touches_another_owners_webhook(stack: System, hook: Hook, owner: str) -> None:
    webhook = Hooks(stack, owner).register(hook.url)
    mallory = Hooks(stack, stack.stack.make_key("mallory"))
    path = f"/v1/webhooks/{webhook['webhook_id']}"

    assert mallory.call("GET", "/v1/webhooks").json == {"webhooks": []}
    for method, end, body in (
        ("GET", "/deliveries", None),
        ("DELETE", "", None),
        ("POST", "/ping", None),
        ("POST", "/rotate", {}),
    ):
        assert mallory.call(method, path + end, body).status == 404
    assert hook.calls == []


@pytest.mark.parametrize(
    "url", ["http://10.0.0.1/", "https://169.254.169.254/latest/meta-data", "https://[fd00:ec2::254]/", "ftp://x.org/"]
)
def test_an_address_that_is_nobodys_business_is_not_even_registered(stack: System, owner: str, url: str) -> None:
    answer = Hooks(stack, owner).call("POST", "/v1/webhooks", {"url": url})
    assert (answer.status, answer.json["code"]) == (422, "validation_failed")
    assert answer.json["errors"][0]["field"] == "url"


def test_a_name_that_leads_nowhere_is_told_in_the_log(stack: System, owner: str) -> None:
    hooks = Hooks(stack, owner)
    webhook = hooks.register("https://nowhere.invalid/")
    hooks.call("POST", f"/v1/webhooks/{webhook['webhook_id']}/ping")

    def tried() -> Any:
        return hooks.deliveries(webhook)[0]["attempts"]

    attempt = stack.wait_until(tried, what="the first attempt")[0]
    assert "status" not in attempt
    assert "resolve" in attempt["error"]
