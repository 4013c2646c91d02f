"""The API reference in a browser: `docs/reference.html` and the OpenAPI document with the URL of this stack."""

import json
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Any, Self

from local.emulator import HOST, ROOT

PAGE = ROOT / "docs" / "reference.html"
DESCRIPTION = ROOT / "docs" / "openapi.json"


class Reference:
    """Serves the page on loopback while the context is open. Both files are read for each request."""

    def __init__(self, api_url: str, port: int = 0) -> None:
        self._server = ThreadingHTTPServer((HOST, port), partial(_Visitor, api_url))
        self._server.daemon_threads = True
        self.url = f"http://{HOST}:{self._server.server_address[1]}/"

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, args=(0.05,), name="reference", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


def description(api_url: str) -> dict[str, Any]:
    """Return the OpenAPI document with ``api_url`` as its only server."""
    found: dict[str, Any] = json.loads(DESCRIPTION.read_text())
    return {**found, "servers": [{"url": api_url, "description": "This machine"}]}


class _Visitor(BaseHTTPRequestHandler):
    def __init__(self, api_url: str, *arguments: Any) -> None:
        self._api_url = api_url
        super().__init__(*arguments)

    def do_GET(self) -> None:
        if self.path == "/":
            self._answer("text/html; charset=utf-8", PAGE.read_bytes())
        elif self.path == "/openapi.json":
            self._answer("application/json", json.dumps(description(self._api_url)).encode())
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def _answer(self, media_type: str, content: bytes) -> None:
        origin = "/".join(self._api_url.split("/")[:3])
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        inline = "style-src 'unsafe-inline'; script-src 'unsafe-inline'"
        self.send_header("Content-Security-Policy", f"default-src 'none'; {inline}; connect-src 'self' {origin}")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Log nothing: the terminal belongs to the runner."""
