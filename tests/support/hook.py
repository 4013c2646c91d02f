"""A receiver of webhooks on this machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class Hook(ThreadingHTTPServer):
    """A webhook receiver on loopback that records its calls and sends the given responses."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, str], bytes]] = []
        self.responses: list[tuple[int, dict[str, str]]] = []
        """Status and headers of the next responses; 204 if there are none."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}/hooks/images?token=abc"


class _Handler(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.calls.append((self.path, {name.lower(): text for name, text in self.headers.items()}, body))
        status, headers = self.server.responses.pop(0) if self.server.responses else (204, {})
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name, text)
        self.end_headers()

    do_PUT = do_POST  # as custom resources answer CloudFormation

    def log_message(self, format: str, *arguments: Any) -> None:
        """Write no log."""


@contextmanager
def receiving() -> Iterator[Hook]:
    """Receive calls until the end of the block."""
    with Hook() as server:
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()
