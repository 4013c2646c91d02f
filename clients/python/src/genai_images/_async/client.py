"""The client: generates images, and gives access to every resource of the API."""

import asyncio
import math
import time
import uuid
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self, Unpack

import httpx2 as httpx

from genai_images import models
from genai_images._async.generation import AsyncGeneration
from genai_images._async.resources import (
    AsyncAnalytics,
    AsyncConsent,
    AsyncErasures,
    AsyncExports,
    AsyncImages,
    AsyncKeys,
    AsyncModels,
    AsyncModerations,
    AsyncPreferences,
    AsyncRequests,
    AsyncShares,
    AsyncTickets,
    AsyncWebhooks,
)
from genai_images._async.transport import AsyncTransport
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
from genai_images.errors import WITHOUT_IMAGES, TimedOut

GENERATE_SECONDS: Final = 300.0
"""How long to wait for images by default."""


class AsyncClient:
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
        http: httpx.AsyncClient | None = None,
    ) -> None:
        self._transport = AsyncTransport(
            setting(api, "API"), setting(key, "API_KEY"), timeout=timeout, max_retries=max_retries, http=http
        )
        self.requests = AsyncRequests(self._transport)
        self.images = AsyncImages(self._transport)
        self.shares = AsyncShares(self._transport)
        self.models = AsyncModels(self._transport)
        self.moderations = AsyncModerations(self._transport)
        self.preferences = AsyncPreferences(self._transport)
        self.consent = AsyncConsent(self._transport)
        self.keys = AsyncKeys(self._transport)
        self.webhooks = AsyncWebhooks(self._transport)
        self.tickets = AsyncTickets(self._transport)
        self.analytics = AsyncAnalytics(self._transport)
        self.erasures = AsyncErasures(self._transport)
        self.exports = AsyncExports(self._transport)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._transport.api!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    async def generate(
        self,
        prompt: str,
        *,
        timeout: float = GENERATE_SECONDS,
        idempotency_key: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> AsyncGeneration:
        """Request images and return them when they are finished.

        Raises ``NotGeneratedError`` if the request finishes without images, ``TimedOut`` if it is not finished after
        ``timeout`` seconds, and ``ApiError`` if the API refuses it.
        """
        deadline = time.monotonic() + timeout
        seconds = max(0, int(min(MAX_WAIT_SECONDS, timeout)))
        answer = await self._create(prompt, options, idempotency_key, wait=seconds, deadline=deadline)
        if answer.status_code == 200:
            return self._finished(parse(answer, models.RequestView))
        accepted = parse(answer, models.AcceptedView)
        return await self.wait(accepted.id, timeout=deadline - time.monotonic())

    async def submit(
        self, prompt: str, *, idempotency_key: str | None = None, **options: Unpack[RequestOptions]
    ) -> models.AcceptedView:
        """Request images and return at once. An accepted request is never lost: ``wait`` for its id, or use a webhook.

        The same idempotency key is the same request for 24 hours. By default, each call has a new one.
        """
        return parse(await self._create(prompt, options, idempotency_key), models.AcceptedView)

    async def dry_run(self, prompt: str, **options: Unpack[RequestOptions]) -> models.DryRunView:
        """Return the price of a request and the models that may serve it. Nothing is generated or counted."""
        body, query = {"prompt": prompt, **options}, {"dry_run": True}
        answer = await self._transport.send("POST", "/v1/requests", query=query, body=body, is_repeatable=True)
        return parse(answer, models.DryRunView)

    async def wait(
        self,
        request_id: str,
        *,
        timeout: float = GENERATE_SECONDS,
        on_status: Callable[[models.Status], None] | None = None,
    ) -> AsyncGeneration:
        """Return a request when it is finished. Raises the same errors as ``generate``.

        ``on_status`` is called with each new status that is seen.
        """
        deadline = time.monotonic() + timeout
        path = f"/v1/requests/{segment(request_id)}"
        headers: dict[str, str] = {}
        view: models.RequestView | None = None
        while True:
            answer = await self._transport.send("GET", path, headers=headers, deadline=deadline)
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
            await asyncio.sleep(pause)

    async def me(self) -> models.Me:
        """Return the owner, the scopes and the limits of the key."""
        return await self._transport.get("/v1/me", models.Me)

    def _finished(self, request: models.RequestView) -> AsyncGeneration:
        if kind := WITHOUT_IMAGES.get(request.status):
            raise kind(request)
        return AsyncGeneration.of(request, self._transport)

    async def _create(
        self, prompt: str, options: RequestOptions, key: str | None, *, wait: int = 0, deadline: float = math.inf
    ) -> httpx.Response:
        # One key per request: however often it is sent, it is processed and paid for once.
        headers = {"idempotency-key": key or str(uuid.uuid4())}
        if wait:
            headers["prefer"] = f"wait={wait}"
        body = {"prompt": prompt, **options}
        return await self._transport.send(
            "POST", "/v1/requests", body=body, headers=headers, is_repeatable=True, wait=wait, deadline=deadline
        )
