"""A well-behaved client: one idempotency key a request; it tries again what failed on the other side."""

import json
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

PATIENCE: Final = 90.0
"""Seconds that a client goes on trying one call."""
AGAIN: Final = frozenset({429, 500, 502, 503, 504})


class GaveUpError(Exception):
    """The API did not answer for as long as a client has patience."""


@dataclass
class Told:
    """What all calls together were answered."""

    statuses: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    """Answers that break the API's promises."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, status: str) -> None:
        """Count an answer."""
        with self.lock:
            self.statuses[status] += 1


class Caller:
    """Calls the API with one key."""

    def __init__(self, api_url: str, key: str, told: Told) -> None:
        self._api_url = api_url
        self._key = key
        self._told = told

    def post(self, body: dict[str, Any], idempotency_key: str) -> str:
        """Ask for images until it is accepted, and return the request's id."""
        answer = self._call("POST", "/v1/requests", body, {"Idempotency-Key": idempotency_key})
        return str(answer["id"])

    def show(self, request_id: str) -> Any:
        """Return a request."""
        return self._call("GET", f"/v1/requests/{request_id}")

    def _call(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        deadline, pause = time.monotonic() + PATIENCE, 0.25
        while time.monotonic() < deadline:
            status, content, wait = self._once(method, path, body, headers or {})
            if status in {200, 202}:
                return json.loads(content)
            if status and status not in AGAIN:
                raise GaveUpError(f"{method} {path}: {status} {content.decode(errors='replace')[:300]}")
            time.sleep(wait or pause)
            pause = min(5.0, pause * 2)
        raise GaveUpError(f"{method} {path}: no answer within {PATIENCE:g} s")

    def _once(self, method: str, path: str, body: Any, headers: dict[str, str]) -> tuple[int, bytes, float]:
        content = None if body is None else json.dumps(body).encode()
        sent = {"content-type": "application/json", "x-api-key": self._key, **headers}
        request = urllib.request.Request(self._api_url + path, content, sent, method=method)
        try:
            with urllib.request.urlopen(request, timeout=35) as answer:
                self._told.note(str(answer.status))
                return answer.status, answer.read(), 0
        except urllib.error.HTTPError as error:
            text = error.read()
            return error.code, text, self._judge(error, text)
        except OSError as error:
            self._told.note(type(error).__name__)
            return 0, b"", 0

    def _judge(self, error: urllib.error.HTTPError, text: bytes) -> float:
        """Count an error and return how long the API asks to wait. The gateway speaks for functions that died."""
        ours = error.headers.get("content-type", "").startswith("application/problem+json")
        self._told.note(f"{error.code} {'problem' if ours else 'gateway'}")
        wait = error.headers.get("retry-after", "")
        if ours and (error.code == 500 or (error.code == 503 and not wait.isdigit())):
            self._told.wrong.append(f"{error.code}, Retry-After {wait or 'missing'}: {text.decode(errors='replace')}")
        return float(wait) if wait.isdigit() else 0
