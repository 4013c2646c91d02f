"""Being told instead of asking, on the deployed system: the WebSocket with its ticket, and webhooks."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.e2e.system import ENDINGS, System

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
    assert stack.show(request_id)["status"] == "succeeded"


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
    key = {"pk": {"S": "LISTENER#twice"}, "sk": {"S": "LISTENER"}}

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
