"""WebSockets and webhooks."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from unittest.mock import patch

from tools.permissions.scenarios.requests import accept, generate
from tools.permissions.world import World


def sockets(world: World) -> None:
    """Connect with a ticket, be notified, ping, disconnect; a connection that the gateway no longer has."""
    for name in ("one", "gone"):
        ticket = world.http("notifications.api", "POST", "/v1/tickets")["url"].rpartition("=")[2]
        world.run("notifications.socket", _event("CONNECT", name, queryStringParameters={"ticket": ticket}))
    world.run("notifications.socket", _event("MESSAGE", "one", body='{"type": "ping"}'))
    accept(world)
    opening = patch("services.notifications.push.OPENING", timedelta(0))  # a new connection is given some time
    with opening, world.failing("GoneException", "apigatewaymanagementapi"):
        world.settle()
    ticket = world.http("notifications.api", "POST", "/v1/tickets")["url"].rpartition("=")[2]
    world.run("notifications.socket", _event("CONNECT", "two", queryStringParameters={"ticket": ticket}))
    generate(world)
    world.run("notifications.socket", _event("DISCONNECT", "two"))


def _event(kind: str, connection: str, **more: object) -> dict[str, object]:
    return {"requestContext": {"eventType": kind, "connectionId": connection}, **more}


def webhooks(world: World) -> None:
    """Create, ping, list, resend, rotate and delete a webhook; a webhook whose URL is gone."""
    with _receiver() as url:
        made = world.http("notifications.api", "POST", "/v1/webhooks", {"url": f"{url}/here", "description": "test"})
        one, path = {"webhook_id": made["webhook_id"]}, "/v1/webhooks/{webhook_id}"
        world.http("notifications.api", "GET", "/v1/webhooks")
        world.http("notifications.api", "POST", f"{path}/ping", at=one)
        with world.failing("ThrottlingException", "dynamodb"):
            world.deliver_messages()
        world.purge("notifications-webhook")
        world.http("notifications.api", "POST", f"{path}/ping", at=one)
        world.settle()
        sent = world.http("notifications.api", "GET", f"{path}/deliveries", at=one)["deliveries"]
        resend = f"{path}/deliveries/{{delivery_id}}/resend"
        world.http("notifications.api", "POST", resend, at=one | {"delivery_id": sent[0]["delivery_id"]})
        world.http("notifications.api", "POST", f"{path}/rotate", {}, at=one)
        accept(world)
        world.settle()
        gone = world.http("notifications.api", "POST", "/v1/webhooks", {"url": f"{url}/gone", "description": "test"})
        world.http("notifications.api", "POST", f"{path}/ping", at={"webhook_id": gone["webhook_id"]})
        world.settle()
        world.http("notifications.api", "DELETE", path, at=one)


@contextmanager
def _receiver() -> Iterator[str]:
    """Serve a webhook's URL on this machine: 410 on /gone, 204 elsewhere."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(410 if self.path == "/gone" else 204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Log nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
