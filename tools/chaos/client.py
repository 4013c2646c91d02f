"""A well-behaved client: one idempotency key per request, and retries of server errors."""

import json
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

RETRY_SECONDS: Final = 90.0
"""How long a client retries one call."""
RETRIABLE: Final = frozenset({429, 500, 502, 503, 504})


class NoResponseError(Exception):
    """The API did not answer successfully within the time that the client retries."""


class ConflictError(Exception):
    """The state of the resource does not allow the call."""


@dataclass
class ResponseLog:
    """The responses to all calls."""

    statuses: Counter[str] = field(default_factory=Counter)
    invalid: list[str] = field(default_factory=list)
    """Responses that break a promise of the API."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def record(self, status: str) -> None:
        """Count a response."""
        with self.lock:
            self.statuses[status] += 1


class Client:
    """Calls the API with one key."""

    def __init__(self, api_url: str, key: str, responses: ResponseLog) -> None:
        self._api_url = api_url
        self._key = key
        self._responses = responses

    def post(self, body: dict[str, Any], idempotency_key: str) -> str:
        """Send a request until it is accepted. Return its id."""
        answer = self._call("POST", "/v1/requests", body, {"Idempotency-Key": idempotency_key})
        return str(answer["id"])

    def cancel(self, request_id: str) -> bool:
        """Cancel a request. Return whether that was acknowledged, or too late."""
        try:
            self._call("POST", f"/v1/requests/{request_id}/cancel")
        except ConflictError:
            return False
        return True

    def show(self, request_id: str) -> Any:
        """Return a request."""
        return self._call("GET", f"/v1/requests/{request_id}")

    def _call(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        deadline, pause = time.monotonic() + RETRY_SECONDS, 0.25
        while time.monotonic() < deadline:
            status, content, wait = self._once(method, path, body, headers or {})
            if status in {200, 202}:
                return json.loads(content)
            if status == 409:
                raise ConflictError
            if status and status not in RETRIABLE:
                raise NoResponseError(f"{method} {path}: {status} {content.decode(errors='replace')[:300]}")
            time.sleep(wait or pause)
            pause = min(5.0, pause * 2)
        raise NoResponseError(f"{method} {path}: no answer within {RETRY_SECONDS:g} s")

    def _once(self, method: str, path: str, body: Any, headers: dict[str, str]) -> tuple[int, bytes, float]:
        content = None if body is None else json.dumps(body).encode()
        sent = {"content-type": "application/json", "x-api-key": self._key, **headers}
        request = urllib.request.Request(self._api_url + path, content, sent, method=method)
        try:
            with urllib.request.urlopen(request, timeout=35) as answer:
                self._responses.record(str(answer.status))
                return answer.status, answer.read(), 0
        except urllib.error.HTTPError as error:
            text = error.read()
            return error.code, text, self._judge(error, text)
        except OSError as error:
            self._responses.record(type(error).__name__)
            return 0, b"", 0

    def _judge(self, error: urllib.error.HTTPError, text: bytes) -> float:
        """Count an error. Return the seconds after which the API asks to retry, or 0."""
        ours = error.headers.get("content-type", "").startswith("application/problem+json")
        self._responses.record(f"{error.code} {'problem' if ours else 'gateway'}")
        wait = error.headers.get("retry-after", "")
        if ours and (error.code == 500 or (error.code == 503 and not wait.isdigit())):
            self._responses.invalid.append(
                f"{error.code}, Retry-After {wait or 'missing'}: {text.decode(errors='replace')}"
            )
        return float(wait) if wait.isdigit() else 0
