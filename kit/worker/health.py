"""The health check of a worker over HTTP."""

import json
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

State = Callable[[], Mapping[str, Any]]


def serve_health(host: str, port: int, state: State) -> ThreadingHTTPServer:
    """Answer ``GET /healthz`` in a thread of its own: 200 with ``state``, 503 if its status is ``stuck``."""
    server = ThreadingHTTPServer((host, port), _handler(state))
    Thread(target=server.serve_forever, daemon=True, name="health").start()
    return server


def _handler(state: State) -> type[BaseHTTPRequestHandler]:
    class Health(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path != "/healthz":
                self.send_error(404)
                return
            found = state()
            content = json.dumps(found).encode()
            self.send_response(503 if found["status"] == "stuck" else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *arguments: Any) -> None:
            """Log nothing: a line per health check would be most of the log."""

    return Health
