"""Notifications of the deployed system: the WebSocket with its ticket, and webhooks."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from standardwebhooks import Webhook
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from events.pipeline import TERMINAL
from tests.support.hook import Hook
from tests.support.owners import Hooks
from tests.support.system import System

SECONDS = 60


def ticket_url(stack: System, key: str | None = None) -> str:
    response = stack.call("POST", "/v1/tickets", key=key)
    assert response.status == 201, response.content
    assert response.json["url"].startswith(stack.outputs["SocketUrl"] + "?ticket=")
    return str(response.json["url"])


@contextmanager
def connected(stack: System, key: str | None = None) -> Iterator[ClientConnection]:
    """Open a socket of the key's owner that has answered a ping: from then on it receives every change."""
    with connect(ticket_url(stack, key), proxy=None) as socket:
        socket.send('{"type": "ping"}')
        assert json.loads(socket.recv(timeout=SECONDS)) == {"type": "pong"}
        yield socket


def changes_of(socket: ClientConnection, request_id: str) -> list[dict[str, Any]]:
    """Return the status changes of a request up to the terminal one, each once, in order of their sequence."""
    found: dict[int, dict[str, Any]] = {}
    while not any(data["status"] in TERMINAL for data in found.values()) or len(found) < max(found):
        message = json.loads(socket.recv(timeout=SECONDS))
        assert message["type"] == "request.status_changed"
        if message["data"]["request_id"] == request_id:
            found[message["data"]["sequence"]] = message["data"]
    return [found[sequence] for sequence in sorted(found)]


def test_an_owner_receives_every_status_change_in_sequence(stack: System) -> None:
    with connected(stack) as socket:
        request_id = stack.post(prompt="a lighthouse in the fog")
        changes = changes_of(socket, request_id)

    assert [data["status"] for data in changes] == ["generating", "checking", "storing", "succeeded"]
    assert [data["sequence"] for data in changes] == [1, 2, 3, 4]
    assert [data["previous"] for data in changes] == ["accepted", "generating", "checking", "storing"]
    assert stack.get_request(request_id)["status"] == "succeeded"


def test_a_ticket_opens_only_one_connection(stack: System) -> None:
    url = ticket_url(stack)
    with connect(url, proxy=None), pytest.raises(InvalidStatus) as refused, connect(url, proxy=None):
        pass
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("query", ["", "?ticket=", "?ticket=" + "A" * 43])
def test_a_connection_without_a_valid_ticket_is_refused(stack: System, query: str) -> None:
    with pytest.raises(InvalidStatus) as refused, connect(stack.outputs["SocketUrl"] + query, proxy=None):
        pass
    assert refused.value.response.status_code == 403


def test_another_owner_receives_nothing(stack: System) -> None:
    other = stack.stack.make_key("eve")
    with connected(stack, other) as others, connected(stack) as mine:
        request_id = stack.post(prompt="a secret garden")
        changes_of(mine, request_id)
        others.send('{"type": "ping"}')  # a change sent earlier would arrive before the pong

        assert json.loads(others.recv(timeout=SECONDS)) == {"type": "pong"}


def test_both_connections_of_an_owner_receive_and_closed_ones_are_removed(stack: System) -> None:
    owner = stack.stack.make_key("twice", limit=1000)
    table = f"{stack.prefix}-notifications"
    owner_id = stack.call("GET", "/v1/me", key=owner).json["owner_id"]
    key = {"pk": {"S": f"OWNER#{owner_id}"}, "sk": {"S": "LISTENER"}}

    def connections() -> int:
        item = stack.client("dynamodb").get_item(TableName=table, Key=key, ConsistentRead=True).get("Item", {})
        return len(item.get("connections", {}).get("SS", []))

    with connected(stack, owner) as one:
        with connected(stack, owner) as two:
            response = stack.call("POST", "/v1/requests", {"prompt": "twins"}, key=owner)
            assert changes_of(one, response.json["id"]) == changes_of(two, response.json["id"])
            assert connections() == 2
        stack.wait_until(lambda: connections() == 1, what="the closed connection to be removed")
    stack.wait_until(lambda: connections() == 0, what="the closed connection to be removed")


def test_a_message_that_is_not_a_ping_gets_an_error(stack: System) -> None:
    with connect(ticket_url(stack), proxy=None) as socket:
        socket.send("hello")
        assert json.loads(socket.recv(timeout=SECONDS))["code"] == "not_understood"


# Webhooks ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def owner(stack: System, request: pytest.FixtureRequest) -> str:
    """Create a key of an owner that only this test uses."""
    return stack.stack.make_key(request.node.originalname[-40:].strip("_"), limit=1000)


def test_a_webhook_receives_the_terminal_status_with_a_valid_signature(stack: System, hook: Hook, owner: str) -> None:
    hooks = Hooks(stack, owner)
    webhook = hooks.register(hook.url)

    request_id = hooks.call("POST", "/v1/requests", {"prompt": "a paper boat"}).json["id"]
    delivery = hooks.finished(webhook)

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


def test_a_request_names_the_webhook_that_receives_its_status(stack: System, hook: Hook, owner: str) -> None:
    hooks = Hooks(stack, owner)
    webhook = hooks.register(hook.url, requests="named")
    wanted = {"prompt": "a paper kite", "webhook_id": webhook["webhook_id"]}

    named = hooks.call("POST", "/v1/requests", wanted).json["id"]
    hooks.call(
        "POST",
        "/v1/requests",
        {"prompt": "a paper crane"},
    )
    hooks.finished(webhook)

    def all_succeeded() -> bool:
        found = hooks.call("GET", "/v1/requests").json["requests"]
        return {request["status"] for request in found} == {"succeeded"}

    stack.wait_until(all_succeeded, seconds=SECONDS, what="both requests to succeed")
    assert [delivery["request_id"] for delivery in hooks.deliveries(webhook)] == [named]
    assert [json.loads(body)["data"]["request_id"] for _, _, body in hook.calls] == [named]


def test_a_failed_delivery_is_retried_and_every_attempt_is_logged(stack: System, hook: Hook, owner: str) -> None:
    hooks = Hooks(stack, owner)
    webhook = hooks.register(hook.url)
    hook.responses = [(500, {})]

    ping = hooks.call("POST", f"/v1/webhooks/{webhook['webhook_id']}/ping")
    assert (ping.status, ping.json["state"]) == (201, "pending")
    delivery = hooks.finished(webhook)

    assert [attempt.get("status") for attempt in delivery["attempts"]] == [500, 204]
    assert delivery["attempts"][0]["error"] == "HTTP 500"
    assert len({headers["webhook-id"] for _, headers, _ in hook.calls}) == 1
    assert len({body for _, _, body in hook.calls}) == 1
    for _, headers, body in hook.calls:
        assert Webhook(webhook["secret"]).verify(body, headers)["type"] == "webhook.ping"


def test_a_delivery_is_resent_at_its_owners_request(stack: System, hook: Hook, owner: str) -> None:
    hooks = Hooks(stack, owner)
    webhook = hooks.register(hook.url)
    hooks.call("POST", f"/v1/webhooks/{webhook['webhook_id']}/ping")
    first = hooks.finished(webhook)

    again = hooks.call("POST", f"/v1/webhooks/{webhook['webhook_id']}/deliveries/{first['delivery_id']}/resend")
    assert (again.status, again.json["state"]) == (200, "pending")
    second = hooks.finished(webhook)

    assert len(second["attempts"]) == len(hook.calls) == 2
    assert len({(headers["webhook-id"], body) for _, headers, body in hook.calls}) == 1


def test_a_rotated_secret_overlaps_with_the_old_one(stack: System, hook: Hook, owner: str) -> None:
    hooks = Hooks(stack, owner)
    old = hooks.register(hook.url)
    new = hooks.call("POST", f"/v1/webhooks/{old['webhook_id']}/rotate", {"grace_seconds": 600}).json
    hooks.call("POST", f"/v1/webhooks/{old['webhook_id']}/ping")
    hooks.finished(old)

    ((_, headers, body),) = hook.calls
    assert new["secret"] != old["secret"]
    for webhook in (old, new):
        assert Webhook(webhook["secret"]).verify(body, headers)["type"] == "webhook.ping"


def test_a_webhook_that_responds_410_is_disabled(stack: System, hook: Hook, owner: str) -> None:
    hooks = Hooks(stack, owner)
    webhook = hooks.register(hook.url)
    hook.responses = [(410, {})]
    hooks.call("POST", f"/v1/webhooks/{webhook['webhook_id']}/ping")
    assert hooks.finished(webhook)["state"] == "failed"

    def disabled() -> bool:
        return "disabled_at" in hooks.call("GET", "/v1/webhooks").json["webhooks"][0]

    stack.wait_until(disabled, what="the webhook to be disabled")
    refused = hooks.call("POST", f"/v1/webhooks/{webhook['webhook_id']}/ping")
    assert (refused.status, refused.json["code"]) == (409, "webhook_disabled")


def test_an_owner_cannot_see_or_change_another_owners_webhook(stack: System, hook: Hook, owner: str) -> None:
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
def test_a_webhook_url_on_a_private_network_is_refused(stack: System, owner: str, url: str) -> None:
    response = Hooks(stack, owner).call("POST", "/v1/webhooks", {"url": url})
    assert (response.status, response.json["code"]) == (422, "validation_failed")
    assert response.json["errors"][0]["field"] == "url"


def test_the_delivery_log_shows_a_host_name_that_does_not_resolve(stack: System, owner: str) -> None:
    hooks = Hooks(stack, owner)
    webhook = hooks.register("https://nowhere.invalid/")
    hooks.call("POST", f"/v1/webhooks/{webhook['webhook_id']}/ping")

    def tried() -> Any:
        return hooks.deliveries(webhook)[0]["attempts"]

    attempt = stack.wait_until(tried, what="the first attempt")[0]
    assert "status" not in attempt
    assert "resolve" in attempt["error"]
