# Generated from _async/client.py by `make clients`. Do not edit.
"""The client: generates images, and gives access to every resource of the API."""

import math
import time
import uuid
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self, Unpack

import httpx2 as httpx

from genai_images import models
from genai_images._protocol import (
    MAX_RETRIES,
    MAX_WAIT_SECONDS,
    POLL_SECONDS,
    TIMEOUT_SECONDS,
    RequestOptions,
    parse,
    retry_after,
    segment,
    setting,
)
from genai_images._sync.generation import Generation
from genai_images._sync.resources import (
    Analytics,
    Consent,
    Erasures,
    Exports,
    Images,
    Keys,
    Models,
    Moderations,
    Preferences,
    Requests,
    Shares,
    Tickets,
    Webhooks,
)
from genai_images._sync.transport import Transport
from genai_images.errors import WITHOUT_IMAGES, TimedOut

GENERATE_SECONDS: Final = 300.0
"""How long to wait for images by default."""


class Client:
    """Calls the API with one key. Use it as a context manager, or close it.

    ``api`` and ``key`` default to the environment variables ``API`` and ``API_KEY``. ``timeout`` is for one call, in
    seconds. ``http`` is an HTTP client of your own, for a proxy or certificates; you close it.
    """

    def __init__(
        self,
        api: str | None = None,
        key: str | None = None,
        *,
        timeout: float = TIMEOUT_SECONDS,
        max_retries: int = MAX_RETRIES,
        http: httpx.Client | None = None,
    ) -> None:
        self._transport = Transport(
            setting(api, "API"), setting(key, "API_KEY"), timeout=timeout, max_retries=max_retries, http=http
        )
        self.requests = Requests(self._transport)
        self.images = Images(self._transport)
        self.shares = Shares(self._transport)
        self.models = Models(self._transport)
        self.moderations = Moderations(self._transport)
        self.preferences = Preferences(self._transport)
        self.consent = Consent(self._transport)
        self.keys = Keys(self._transport)
        self.webhooks = Webhooks(self._transport)
        self.tickets = Tickets(self._transport)
        self.analytics = Analytics(self._transport)
        self.erasures = Erasures(self._transport)
        self.exports = Exports(self._transport)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._transport.api!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def generate(
        self,
        prompt: str,
        *,
        timeout: float = GENERATE_SECONDS,
        idempotency_key: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> Generation:
        """Request images and return them when they are finished.

        Raises ``NotGeneratedError`` if the request finishes without images, ``TimedOut`` if it is not finished after
        ``timeout`` seconds, and ``ApiError`` if the API refuses it.
        """
        deadline = time.monotonic() + timeout
        seconds = max(0, int(min(MAX_WAIT_SECONDS, timeout)))
        answer = self._create(prompt, options, idempotency_key, wait=seconds, deadline=deadline)
        if answer.status_code == 200:
            return self._finished(parse(answer, models.RequestView))
        accepted = parse(answer, models.AcceptedView)
        return self.wait(accepted.id, timeout=deadline - time.monotonic())

    def submit(
        self, prompt: str, *, idempotency_key: str | None = None, **options: Unpack[RequestOptions]
    ) -> models.AcceptedView:
        """Request images and return at once. An accepted request is never lost: ``wait`` for its id, or use a webhook.

        The same idempotency key is the same request for 24 hours. By default, each call has a new one.
        """
        return parse(self._create(prompt, options, idempotency_key), models.AcceptedView)

    def dry_run(self, prompt: str, **options: Unpack[RequestOptions]) -> models.DryRunView:
        """Return the price of a request and the models that may serve it. Nothing is generated or counted."""
        body, query = {"prompt": prompt, **options}, {"dry_run": True}
        answer = self._transport.send("POST", "/v1/requests", query=query, body=body, is_repeatable=True)
        return parse(answer, models.DryRunView)

    def wait(
        self,
        request_id: str,
        *,
        timeout: float = GENERATE_SECONDS,
        on_status: Callable[[models.Status], None] | None = None,
    ) -> Generation:
        """Return a request when it is finished. Raises the same errors as ``generate``.

        ``on_status`` is called with each new status that is seen.
        """
        deadline = time.monotonic() + timeout
        path = f"/v1/requests/{segment(request_id)}"
        headers: dict[str, str] = {}
        view: models.RequestView | None = None
        while True:
            answer = self._transport.send("GET", path, headers=headers, deadline=deadline)
            if view is None or answer.status_code != 304:
                seen, view = view, parse(answer, models.RequestView)
                headers = {"if-none-match": answer.headers["etag"]} if "etag" in answer.headers else {}
                if on_status and (seen is None or seen.status != view.status):
                    on_status(view.status)
            if view.status == "succeeded" or view.status in WITHOUT_IMAGES:
                return self._finished(view)
            pause = retry_after(answer.headers)
            pause = POLL_SECONDS if pause is None else pause
            if time.monotonic() + pause > deadline:
                raise TimedOut(view.id, view.status)
            time.sleep(pause)

    def me(self) -> models.Me:
        """Return the owner, the scopes and the limits of the key."""
        return self._transport.get("/v1/me", models.Me)

    def _finished(self, request: models.RequestView) -> Generation:
        if kind := WITHOUT_IMAGES.get(request.status):
            raise kind(request)
        return Generation.of(request, self._transport)

    def _create(
        self, prompt: str, options: RequestOptions, key: str | None, *, wait: int = 0, deadline: float = math.inf
    ) -> httpx.Response:
        # One key per request: however often it is sent, it is processed and paid for once.
        headers = {"idempotency-key": key or str(uuid.uuid4())}
        if wait:
            headers["prefer"] = f"wait={wait}"
        body = {"prompt": prompt, **options}
        return self._transport.send(
            "POST", "/v1/requests", body=body, headers=headers, is_repeatable=True, wait=wait, deadline=deadline
        )
