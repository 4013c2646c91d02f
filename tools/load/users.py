"""The users of a load test, run by Locust in `.venv/load`, which has none of this repository's packages.

Environment: ``LOAD_KEYS`` are the owners' API keys and ``LOAD_TERMINAL`` the terminal statuses, divided by spaces,
``LOAD_OPERATOR_KEY`` is an operator's key, and ``LOAD_ACCEPTED`` is the file to which a line per accepted request is
appended: the number of the key, and the id of the request.
"""

import os
from itertools import count, cycle
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any, Final

import gevent
from locust import FastHttpUser, between, task

KEYS: Final = cycle(enumerate(os.environ["LOAD_KEYS"].split()))
OPERATOR_KEY: Final = os.environ["LOAD_OPERATOR_KEY"]
ACCEPTED: Final = Path(os.environ["LOAD_ACCEPTED"])
TERMINAL: Final = frozenset(os.environ["LOAD_TERMINAL"].split())
POLL_SECONDS: Final = 1.0
PATIENCE_SECONDS: Final = 180.0
"""How long a client polls one request. The run verifies the end of all requests afterwards."""
PAGE: Final = 24
PAGES: Final = 5
SUBJECTS: Final = ("a lighthouse", "a red bicycle", "an old library", "a bowl of cherries", "a quiet harbour")
PLACES: Final = ("in the morning fog", "under a clear sky", "after the rain", "in soft light", "seen from above")

numbers: Final = count(1)
random: Final = Random(1)


class Caller(FastHttpUser):
    """A user with a key of the API."""

    abstract = True
    wait_time = between(1, 3)

    def on_start(self) -> None:
        """Take the next owner's key."""
        self.key_number, key = next(KEYS)
        self.headers = {"x-api-key": key}

    def read(self, path: str, name: str | None = None) -> Any:
        """Return the JSON of a resource, an empty object after an error, which Locust counts."""
        with self.client.get(path, headers=self.headers, name=name or path, catch_response=True) as answer:
            if answer.status_code != 200:
                answer.failure(f"status {answer.status_code}")
                return {}
            return answer.json()

    def fetch(self, url: str | None, name: str) -> None:
        """Get a file of an image. Its link is signed, so no key is sent."""
        if url:
            self.client.get(url, name=name)


class Client(Caller):
    """Generates images: posts a prompt, polls until it has ended, gets the file."""

    weight = 4
    wait_time = between(3, 6)

    @task
    def generate(self) -> None:
        """Generate one image."""
        prompt = f"{random.choice(SUBJECTS)} {random.choice(PLACES)}, number {next(numbers)}"
        posted = self.client.post("/v1/requests", json={"prompt": prompt}, headers=self.headers)
        if posted.status_code != 202:
            return
        request_id, accepted_at = posted.json()["id"], monotonic()
        with ACCEPTED.open("a") as file:
            file.write(f"{self.key_number} {request_id}\n")
        while monotonic() - accepted_at < PATIENCE_SECONDS:
            found = self.read(f"/v1/requests/{request_id}", "/v1/requests/{id}")
            if found.get("status") in TERMINAL:
                self._ended(found, monotonic() - accepted_at)
                return
            gevent.sleep(POLL_SECONDS)

    def _ended(self, found: Any, seconds: float) -> None:
        self.environment.events.request.fire(
            request_type="", name="accepted to ended", response_time=seconds * 1000, response_length=0, exception=None
        )
        for image in found["images"]:
            self.fetch(image.get("display_url"), "file: display")


class Viewer(Caller):
    """Scrolls through a gallery."""

    weight = 5

    @task
    def scroll(self) -> None:
        """Read pages one after the other, with the thumbnails of each, and open one image."""
        path = f"/v1/images?limit={PAGE}"
        for _ in range(PAGES):
            page = self.read(path, "/v1/images")
            images = page.get("images", [])
            for image in images[:3]:
                self.fetch(image.get("thumbnail_url"), "file: thumbnail")
            if images:
                self.read(f"/v1/images/{random.choice(images)['id']}", "/v1/images/{id}")
            if not page.get("next_cursor"):
                return
            path = f"/v1/images?limit={PAGE}&cursor={page['next_cursor']}"
            gevent.sleep(0.5)

    @task
    def look_up(self) -> None:
        """Search the gallery."""
        self.read("/v1/images?q=lighthouse", "/v1/images?q=")


class Operator(Caller):
    """Watches the system."""

    weight = 1
    wait_time = between(4, 6)

    def on_start(self) -> None:
        """Take the operator's key."""
        self.headers = {"x-api-key": OPERATOR_KEY}

    @task
    def watch(self) -> None:
        """Read what the page of the operators reads."""
        for path in ("/health/ready", "/v1/operations/queues", "/v1/operations/dead-letters"):
            self.read(path)
