"""An edge location on loopback: signatures, function, cache and origin group of the images' distribution."""

import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from typing import Any, Final

from local.cdn.distribution import Distribution, Invalidations, read_distribution
from local.cdn.function import FunctionRunner, viewer_request
from local.cdn.origins import Answer, Origins
from local.cdn.signatures import refusal, split

MAX_FILES: Final = 5_000
"""The size of the cache."""
REFRESH_SECONDS: Final = 1.0
"""How old the configuration and the known invalidations may be."""
STATUS_OF_RESULT: Final = "X-Cache"


@dataclass
class Cache:
    """Answers by path, the least recently used first."""

    answers: OrderedDict[str, tuple[float, Answer]] = field(default_factory=OrderedDict)

    def get(self, path: str, seconds: int) -> tuple[int, Answer] | None:
        """Return the age in seconds and the answer, if it is cached and not too old."""
        stored_at, answer = self.answers.get(path, (0.0, None))
        age = time.monotonic() - stored_at
        if answer is None or age >= seconds:
            return None
        self.answers.move_to_end(path)
        return int(age), answer

    def put(self, path: str, answer: Answer) -> None:
        """Store an answer."""
        self.answers[path] = (time.monotonic(), answer)
        while len(self.answers) > MAX_FILES:
            self.answers.popitem(last=False)


class Edge(ThreadingHTTPServer):
    """The edge. ``origin`` is its address, which signed URLs contain."""

    daemon_threads = True

    def __init__(self, host: str, port: int, endpoint_url: str, cloudfront: Any) -> None:
        self.origin = f"http://{host}:{port}"
        self._cloudfront = cloudfront
        self._origins = Origins(endpoint_url)
        self._functions = FunctionRunner()
        self._lock = Lock()
        self._cache, self._invalidations = Cache(), Invalidations()
        self._distribution: Distribution | None = None
        self._refreshed_at = 0.0
        super().__init__((host, port), _Handler)

    def answer(self, method: str, target: str, headers: Mapping[str, str]) -> Answer:
        """Return the answer to a viewer: its header ``X-Cache`` says where it is from."""
        distribution = self._current()
        if distribution is None:
            return _error(404, "no distribution is deployed")
        if refused := refusal(self.origin + target, distribution.keys, time.time()):
            return _error(403, refused)
        address, _ = split(self.origin + target)
        request = self._functions.run(distribution.function_code, viewer_request(method, address, dict(headers)))
        if "statusCode" in request:
            made = {name: each["value"] for name, each in request.get("headers", {}).items()}
            made[STATUS_OF_RESULT] = "FunctionGeneratedResponse from cloudfront"
            return Answer(request["statusCode"], made, request.get("body", "").encode())
        found = self._cached(distribution, request["uri"])
        return Answer(found.status, {**found.headers, **distribution.headers}, found.content)

    def _cached(self, distribution: Distribution, path: str) -> Answer:
        with self._lock:
            known = self._cache.get(path, distribution.cache_seconds)
        if known:
            age, answer = known
            more = {"Age": str(age), STATUS_OF_RESULT: "Hit from cloudfront"}
            return Answer(answer.status, {**answer.headers, **more}, answer.content)
        first, *others = distribution.origins
        answer = self._origins.get(first, path)
        if answer.status in distribution.failover:
            answer = self._origins.get(others[0], path)
        if answer.status == 200:
            with self._lock:
                self._cache.put(path, answer)
        result = "Miss from cloudfront" if answer.status < 400 else "Error from cloudfront"
        return Answer(answer.status, {**answer.headers, STATUS_OF_RESULT: result}, answer.content)

    def _current(self) -> Distribution | None:
        """Return the distribution, and apply new invalidations, at most ``REFRESH_SECONDS`` late."""
        with self._lock:
            if time.monotonic() - self._refreshed_at >= REFRESH_SECONDS:
                self._distribution = read_distribution(self._cloudfront)
                if self._distribution:
                    patterns = self._invalidations.new(self._cloudfront, self._distribution.id)
                    stale = [path for path in self._cache.answers if any(each.fullmatch(path) for each in patterns)]
                    for path in stale:
                        del self._cache.answers[path]
                self._refreshed_at = time.monotonic()
            return self._distribution


class _Handler(BaseHTTPRequestHandler):
    server: Edge
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/_ready":
            answer = Answer(200, {}, b"ready")
        else:
            answer = self.server.answer(self.command, self.path, dict(self.headers.items()))
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(answer.content)

    do_HEAD = do_GET

    def log_message(self, format: str, *arguments: Any) -> None:
        """Write no log: addresses contain signatures."""


def _error(status: int, reason: str) -> Answer:
    return Answer(status, {"Content-Type": "text/plain", STATUS_OF_RESULT: "Error from cloudfront"}, reason.encode())
