"""Sends calls: the key, timeouts, retries and errors."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx2 as httpx

from genai_images._protocol import USER_AGENT, M, error_of, parse, pause_before_retry, present
from genai_images.errors import ImagesError, NoAnswerError


class AsyncTransport:
    """The connection to one API with one key."""

    def __init__(
        self, api: str, key: str, *, timeout: float, max_retries: int, http: httpx.AsyncClient | None = None
    ) -> None:
        if not api.startswith(("http://", "https://")):
            raise ImagesError(f"The address of the API must start with https://, not {api!r}.")
        self.api = api.rstrip("/")
        self._headers = {"x-api-key": key, "user-agent": USER_AGENT, "accept": "application/json"}
        self._timeout = timeout
        self._max_retries = max_retries
        self._is_own = http is None
        self._http = http or httpx.AsyncClient()

    async def aclose(self) -> None:
        """Close the connections, unless they belong to the HTTP client that was given."""
        if self._is_own:
            await self._http.aclose()

    async def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        is_repeatable: bool | None = None,
        wait: float = 0,
        deadline: float = math.inf,
    ) -> httpx.Response:
        """Call the API. Raises ``ApiError`` for an answer of 400 and above, and ``NoAnswerError``.

        ``is_repeatable`` says whether a retry does no harm: by default, that of everything but a POST. ``wait`` is the
        time that the API takes on purpose. No retry starts after ``deadline``, in seconds of ``time.monotonic``.
        """
        request = self._http.build_request(
            method,
            self.api + path,
            params=query,
            json=body,
            headers={**self._headers, **(headers or {})},
            timeout=self._timeout + wait,
        )
        return await self._attempt(request, method != "POST" if is_repeatable is None else is_repeatable, deadline)

    async def get(self, path: str, model: type[M], query: Mapping[str, Any] | None = None) -> M:
        """Return a resource."""
        return parse(await self.send("GET", path, query=query), model)

    async def pages(self, path: str, model: type[M], query: Mapping[str, Any]) -> AsyncIterator[M]:
        """Yield the pages of a list."""
        cursor: dict[str, str] = {}
        while True:
            page = await self.get(path, model, {**query, **cursor})
            yield page
            cursor = present(cursor=getattr(page, "next_cursor", None))
            if not cursor:
                return

    async def download(self, url: str) -> httpx.Response:
        """Return the file at an address that the API returned. The key is not sent there."""
        request = self._http.build_request("GET", url, headers={"user-agent": USER_AGENT}, timeout=self._timeout)
        return await self._attempt(request, True, math.inf, follow_redirects=True)

    async def _attempt(
        self, request: httpx.Request, is_repeatable: bool, deadline: float, *, follow_redirects: bool = False
    ) -> httpx.Response:
        attempt = 0
        while True:
            try:
                return await self._once(request, follow_redirects)
            except ImagesError as error:
                pause = pause_before_retry(error, attempt) if is_repeatable else None
                if pause is None or attempt >= self._max_retries or time.monotonic() + pause > deadline:
                    raise
            await asyncio.sleep(pause)
            attempt += 1

    async def _once(self, request: httpx.Request, follow_redirects: bool) -> httpx.Response:
        try:
            response = await self._http.send(request, follow_redirects=follow_redirects)
        except httpx.RequestError as error:
            raise NoAnswerError(f"No answer from {request.url.host}: {error or type(error).__name__}") from error
        if response.status_code >= 400:
            raise error_of(response)
        return response
