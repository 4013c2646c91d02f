"""An API that answers what a test says, and a clock that no test waits for."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx2 as httpx
import pytest

from genai_images import AsyncClient, Client
from genai_images._sync import client as client_module
from genai_images._sync import transport as transport_module

API = "https://api.example.com/stage"
KEY = "gik_secret"
ID = "01a0b9c4-7d2e-7c31-9f60-5b1d2f7a9e04"
Answer = httpx.Response | Exception


def view(status: str = "succeeded", **more: Any) -> dict[str, Any]:
    """Return a request as the API shows it."""
    return {
        "id": ID,
        "status": status,
        "created_at": "2026-11-22T09:30:00Z",
        "request": {
            "prompt": "a fox",
            "count": 1,
            "quality": "standard",
            "seed": 1,
            "models": ["stable-image-core"],
            "width": 1024,
            "height": 1024,
        },
        "images": [image()] if status == "succeeded" else [],
        "removed": [],
        "timeline": [],
        "links": {"self": f"/v1/requests/{ID}", "images": []},
        **more,
    }


def image(**more: Any) -> dict[str, Any]:
    """Return an image of a request."""
    urls = {"url": "https://cdn.example.com/a.png?signature=1", "display_url": "", "thumbnail_url": ""}
    return {
        "id": "image-1",
        "index": 0,
        "width": 1024,
        "height": 1024,
        "model": "stable-image-core",
        "seed": 1,
        "cost_usd": "0.04",
        "placeholder": "L00000fQfQfQfQfQfQfQfQfQfQfQ",
        **urls,
        **more,
    }


def accepted(**headers: str) -> httpx.Response:
    """Return the answer for an accepted request."""
    body = {"id": ID, "status": "accepted", "links": {"self": f"/v1/requests/{ID}", "images": []}}
    return httpx.Response(202, json=body, headers={"retry-after": "1", **headers})


class FakeApi:
    """Answers each call with the next of ``answers``, and records it."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.calls: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.calls.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def client(self, **options: Any) -> Client:
        """Return a client of this API."""
        return Client(API, KEY, http=httpx.Client(transport=httpx.MockTransport(self)), **options)

    def async_client(self, **options: Any) -> AsyncClient:
        """Return an async client of this API."""
        return AsyncClient(API, KEY, http=httpx.AsyncClient(transport=httpx.MockTransport(self)), **options)

    def paths(self) -> list[str]:
        """Return the method and path of every call."""
        return [f"{call.method} {call.url.path.removeprefix('/stage')}" for call in self.calls]

    def body(self, index: int = 0) -> Any:
        """Return the JSON of a call."""
        return json.loads(self.calls[index].content)


class FakeTime:
    """Time that passes only during a sleep."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        """Return the present time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.pauses.append(seconds)
        self.now += seconds


@pytest.fixture
def api() -> FakeApi:
    """An API that answers what the test says."""
    return FakeApi()


@pytest.fixture
def client(api: FakeApi) -> Iterator[Client]:
    """A client of this API."""
    with api.client() as found:
        yield found


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeTime:
    """The time of the sync client."""
    fake = FakeTime()
    for module in (client_module, transport_module):
        monkeypatch.setattr(module, "time", fake)
    return fake


@pytest.fixture
def no_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses before retries are as long as they may be."""
    longest: Callable[[float, float], float] = lambda _low, high: high  # noqa: E731
    monkeypatch.setattr("genai_images._protocol.random.uniform", longest)
