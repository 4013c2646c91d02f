"""The smoke test: one request through the deployed API, from the prompt to the downloaded image.

Every check either returns what it found or raises ``SmokeError`` with the next thing to look at.
"""

import hashlib
import json
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import urllib3

from events.model_catalog import Model
from events.pipeline import TERMINAL, Status
from services.generation.image_header import read_header

PROMPT: Final = "A red lighthouse on a rock at sunrise, calm sea, watercolor"
CALL_SECONDS: Final = 30.0
PAUSE_SECONDS: Final = 1.0
"""Between two polls, unless the API asks for a longer pause."""
TEMPORARY: Final = frozenset({429, 500, 502, 503, 504})


class SmokeError(Exception):
    """A check failed. The text says what was expected, what was found, and where to look."""


@dataclass(frozen=True)
class Response:
    """An HTTP response of any status."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        """The body, parsed; an empty object if it is not JSON."""
        try:
            return json.loads(self.content)
        except ValueError:
            return {}


class Http(Protocol):
    """Sends HTTP requests."""

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> Response:
        """Return the response, of any status. Raises ``SmokeError`` if there is none."""


class PooledHttp:
    """Sends HTTP requests with urllib3."""

    def __init__(self) -> None:
        # Lost connections are tried again, also for POST: the idempotency key makes that safe.
        retries = urllib3.Retry(
            connect=3, read=3, redirect=0, status=0, other=0, backoff_factor=0.5, allowed_methods=None
        )
        self._pool = urllib3.PoolManager(timeout=CALL_SECONDS, retries=retries)

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> Response:
        """Return the response, of any status. Raises ``SmokeError`` if there is none."""
        try:
            answer = self._pool.request(method, url, body=body, headers=dict(headers))
        except urllib3.exceptions.HTTPError as error:
            cause = getattr(error, "reason", None) or error  # without the URL, whose query may be a signature
            raise SmokeError(
                f"{method} {url.partition('?')[0]} got no response. Is the address right? {cause}"
            ) from error
        return Response(answer.status, answer.headers, answer.data)


@dataclass(frozen=True)
class CheckResult:
    """One check of the smoke test."""

    name: str
    passed: bool
    detail: str
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-serialisable representation."""
        return {"check": self.name, "passed": self.passed, "detail": self.detail, "seconds": round(self.seconds, 2)}


@dataclass
class SmokeTest:
    """Runs the checks against the API at ``api_url``, with a deadline for all of them together."""

    api_url: str
    http: Http
    timeout_seconds: float
    progress: Callable[[str], None] = lambda _: None
    now: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep
    results: list[CheckResult] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.api_url = self.api_url.rstrip("/")
        self._deadline = self.now() + self.timeout_seconds

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return bool(self.results) and all(result.passed for result in self.results)

    def run(self, key: Callable[[], str], model: Model, expected_version: str | None) -> None:
        """Run the checks until one fails, and add their results. ``key`` returns an API key when one is needed."""
        with suppress(SmokeError):  # the results contain it
            self._check("version", lambda: self._version(expected_version))
            text = key()
            request_id = self._check("request", lambda: self._create(text, model))
            image_id = self._check("generation", lambda: self._wait(text, request_id))
            self._check("image", lambda: self._verify_image(text, image_id))

    def _check(self, name: str, check: Callable[[], str]) -> str:
        """Run one check, add its result, and return its detail. Raises the check's ``SmokeError``."""
        started = self.now()
        self.progress(name)
        try:
            detail = check()
        except SmokeError as error:
            self.results.append(CheckResult(name, passed=False, detail=str(error), seconds=self.now() - started))
            raise
        self.results.append(CheckResult(name, passed=True, detail=detail, seconds=self.now() - started))
        return detail

    def _version(self, expected: str | None) -> str:
        """Return the deployed version."""
        version = str(self._call("GET", "/health", 200).get("version"))
        if expected is not None and version != expected:
            raise SmokeError(
                f"GET /health returns version {version}, not {expected}: the deployment did not reach the API, "
                "or its gradual deployment is still running or was rolled back."
            )
        return version

    def _create(self, key: str, model: Model) -> str:
        """Send the request; return its id."""
        # Without failover, another model cannot make the image dearer than announced.
        body = {"prompt": PROMPT, "model": model.key, "count": 1, "failover": False}
        headers = {"idempotency-key": str(uuid.uuid4())}  # a repeated call is neither processed nor paid for twice
        return str(self._call("POST", "/v1/requests", 202, key, body, headers)["id"])

    def _wait(self, key: str, request_id: str) -> str:
        """Wait until the request has succeeded; return the id of its image."""
        shown, trace = "", f'See `make ops ARGS="trace {request_id}"`.'
        while True:
            view = self._call("GET", f"/v1/requests/{request_id}", 200, key)
            status = view["status"]
            if status != shown:
                self.progress(f"generation: {status}")
                shown = status
            if status == Status.SUCCEEDED:
                return str(view["images"][0]["id"])
            if status in TERMINAL or status == Status.STALLED:
                reason = (view.get("reason") or {}).get("detail", "")
                raise SmokeError(f"The request is {status}, not succeeded. {reason} {trace}")
            if self.now() >= self._deadline:
                raise SmokeError(f"The request is still {status} after {self.timeout_seconds:g} s. {trace}")
            self.pause(PAUSE_SECONDS)

    def _verify_image(self, key: str, image_id: str) -> str:
        """Download the image and compare it with its description; return what it is."""
        described = self._call("GET", f"/v1/images/{image_id}", 200, key)["original"]
        answer = self._send("GET", described["url"], {})
        if answer.status != 200:
            raise SmokeError(f"The download of image {image_id} returns {answer.status}, not 200.")
        content = answer.content
        if (size := len(content)) != described["bytes"]:
            raise SmokeError(f"The image has {size} bytes, the API describes {described['bytes']}.")
        if (digest := hashlib.sha256(content).hexdigest()) != described["sha256"]:
            raise SmokeError(f"The image's SHA-256 is {digest}, the API describes {described['sha256']}.")
        try:
            header = read_header(content)
        except ValueError as error:
            raise SmokeError(f"The file is not an image: {error}.") from error
        found = f"{header.media_type} {header.width}x{header.height}"
        expected = f"{described['media_type']} {described['width']}x{described['height']}"
        if found != expected:
            raise SmokeError(f"The image is {found}, the API describes {expected}.")
        return f"{found}, {size} bytes, SHA-256 {digest[:12]}…"

    def _call(
        self,
        method: str,
        path: str,
        expected: int,
        key: str | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Return the JSON of a response with the ``expected`` status."""
        sent = {"content-type": "application/json", **(headers or {}), **({"x-api-key": key} if key else {})}
        content = None if body is None else json.dumps(body).encode()
        answer = self._send(method, self.api_url + path, sent, content)
        if answer.status != expected:
            problem = answer.json
            text = problem.get("detail") or problem.get("title") or problem.get("message") or ""
            fields = "; ".join(f"{each['field']} {each['rule']}" for each in problem.get("errors", []))
            raise SmokeError(f"{method} {path} returns {answer.status}, not {expected}. {text} {fields}".rstrip())
        found: dict[str, Any] = answer.json
        return found

    def _send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> Response:
        """Return the response. Temporary failures are repeated until the deadline, as a client would do."""
        while True:
            answer = self.http.send(method, url, headers, body)
            if answer.status not in TEMPORARY:
                return answer
            pause = float(answer.headers.get("retry-after") or PAUSE_SECONDS)
            if self.now() + pause > self._deadline:
                return answer
            self.pause(pause)
