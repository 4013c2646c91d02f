"""A strict CloudFront edge for a distribution that does not exist: it serves files to who has a signed URL."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from local.cdn.signatures import refusal


class Edge(ThreadingHTTPServer):
    """An edge on loopback for the distribution ``domain``."""

    def __init__(
        self, domain: str, keys: Callable[[], Mapping[str, str]], read: Callable[[str], tuple[bytes, str]]
    ) -> None:
        self.domain = domain
        self.keys = keys
        self.read = read
        """Key of a file → its content and its Cache-Control."""
        self.clock = time.time
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: Edge

    def do_GET(self) -> None:
        url = f"https://{self.server.domain}{self.path}"
        refused = refusal(url, self.server.keys(), self.server.clock())
        content, cache_control = (b"", "") if refused else self.server.read(urlsplit(url).path.lstrip("/"))
        self.send_response(403 if refused else 200)
        self.send_header("Cache-Control", cache_control)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Write no log."""


@contextmanager
def serving(edge: Edge) -> Iterator[Edge]:
    """Serve until the end of the block."""
    with edge:
        Thread(target=edge.serve_forever, args=(0.02,), daemon=True).start()
        yield edge
        edge.shutdown()
