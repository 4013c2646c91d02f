"""The routes of the API, grouped by resource. Lists are iterators that follow the cursors of the API."""

from collections.abc import AsyncIterator, Sequence
from datetime import date
from pathlib import Path
from typing import Literal

from genai_images import models
from genai_images._async.generation import AsyncFiles
from genai_images._async.transport import AsyncTransport
from genai_images._protocol import VersionedPreferences, parse, parse_preferences, present, segment


class AsyncResource:
    """Routes of one resource."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport


class AsyncRequests(AsyncResource):
    """Requests of your own."""

    async def get(self, request_id: str) -> models.RequestView:
        """Return a request, whatever its status."""
        return await self._transport.get(f"/v1/requests/{segment(request_id)}", models.RequestView)

    async def cancel(self, request_id: str) -> models.RequestView:
        """Cancel a request. Raises ``ConflictError`` once an image was generated."""
        answer = await self._transport.send("POST", f"/v1/requests/{segment(request_id)}/cancel")
        return parse(answer, models.RequestView)

    async def delete(self, request_id: str) -> None:
        """Erase a request with its prompt and images, permanently."""
        await self._transport.send("DELETE", f"/v1/requests/{segment(request_id)}")

    async def appeal(self, request_id: str, reason: str) -> models.AppealView:
        """Appeal a rejected request, once. Raises ``ConflictError`` if it was not rejected, or was appealed before."""
        path, body = f"/v1/requests/{segment(request_id)}/appeal", {"reason": reason}
        return parse(await self._transport.send("POST", path, body=body), models.AppealView)

    async def get_appeal(self, request_id: str) -> models.AppealView:
        """Return the appeal of a request. Raises ``NotFoundError`` if it was not appealed."""
        return await self._transport.get(f"/v1/requests/{segment(request_id)}/appeal", models.AppealView)

    async def list(
        self, *, status: models.Status | None = None, page_size: int | None = None
    ) -> AsyncIterator[models.RequestSummary]:
        """Yield requests, newest first."""
        query = present(status=status, limit=page_size)
        async for page in self._transport.pages("/v1/requests", models.RequestList, query):
            for request in page.requests:
                yield request


class AsyncImages(AsyncResource):
    """The gallery: stored images of your own."""

    async def get(self, image_id: str) -> models.ImageView:
        """Return an image: its parameters and the addresses of its files."""
        return await self._transport.get(f"/v1/images/{segment(image_id)}", models.ImageView)

    async def download(self, image_id: str) -> bytes:
        """Return the original file."""
        return (await AsyncFiles(self._transport).read(image_id))[0]

    async def save(self, image_id: str, path: str | Path) -> Path:
        """Write the original to a file. In a folder that exists, its name is the id of the image."""
        return await AsyncFiles(self._transport).save(path, image_id)

    async def delete(self, image_id: str) -> None:
        """Delete an image with its files."""
        await self._transport.send("DELETE", f"/v1/images/{segment(image_id)}")

    async def favourite(self, image_id: str) -> None:
        """Mark an image as a favourite."""
        await self._transport.send("PUT", f"/v1/images/{segment(image_id)}/favourite")

    async def unfavourite(self, image_id: str) -> None:
        """Remove the mark."""
        await self._transport.send("DELETE", f"/v1/images/{segment(image_id)}/favourite")

    async def list(
        self,
        *,
        q: str | None = None,
        model: str | None = None,
        style: str | None = None,
        day: date | None = None,
        favourite: bool = False,
        page_size: int | None = None,
    ) -> AsyncIterator[models.ImageSummary]:
        """Yield images, newest first. ``q`` are words of the prompt, ``day`` is a UTC date."""
        query = present(q=q, model=model, style=style, day=day, favourite=favourite or None, limit=page_size)
        async for page in self._transport.pages("/v1/images", models.ImagePage, query):
            for image in page.images:
                yield image


class AsyncShares(AsyncResource):
    """Links with which anyone can see an image."""

    async def create(self, image_id: str, *, expires_in_seconds: int | None = None) -> models.CreatedShare:
        """Create a link. Only this answer contains its address, relative to the API. By default it lasts seven days."""
        path, body = f"/v1/images/{segment(image_id)}/shares", present(expires_in_seconds=expires_in_seconds)
        return parse(await self._transport.send("POST", path, body=body), models.CreatedShare)

    async def revoke(self, image_id: str, share_id: str) -> None:
        """Make a link invalid."""
        await self._transport.send("DELETE", f"/v1/images/{segment(image_id)}/shares/{segment(share_id)}")

    async def open(self, token: str) -> str:
        """Return the address of the image behind a link. ``token`` is the last part of the link."""
        answer = await self._transport.send("GET", f"/v1/shares/{segment(token)}")
        return str(answer.headers["location"])

    async def list(self, image_id: str) -> AsyncIterator[models.ShareView]:
        """Yield the valid links of an image, newest first."""
        path = f"/v1/images/{segment(image_id)}/shares"
        for share in (await self._transport.get(path, models.ShareList)).shares:
            yield share


class AsyncModels(AsyncResource):
    """The models, with what they support and cost."""

    async def get(self, key: str) -> models.ModelCard:
        """Return a model with its card."""
        return await self._transport.get(f"/v1/models/{segment(key)}", models.ModelCard)

    async def list(self) -> AsyncIterator[models.ModelView]:
        """Yield all models."""
        for model in (await self._transport.get("/v1/models", models.ModelList)).models:
            yield model


class AsyncModerations(AsyncResource):
    """Checks of prompts."""

    async def check(self, prompt: str, *, negative_prompt: str | None = None) -> models.Check:
        """Return whether moderation accepts a prompt. Nothing is generated."""
        body = present(prompt=prompt, negative_prompt=negative_prompt)
        return parse(await self._transport.send("POST", "/v1/moderations", body=body), models.Check)


class AsyncPreferences(AsyncResource):
    """The preferences of the key's owner."""

    async def get(self) -> VersionedPreferences:
        """Return all preferences."""
        return parse_preferences(await self._transport.send("GET", "/v1/preferences"))

    async def set(self, preferences: VersionedPreferences) -> VersionedPreferences:
        """Replace all preferences. Raises ``ConflictError`` if they have changed since they were read."""
        headers = {"if-match": preferences.etag} if preferences.etag else {}
        body = preferences.model_dump(mode="json", exclude_none=True)
        return parse_preferences(await self._transport.send("PUT", "/v1/preferences", body=body, headers=headers))


class AsyncConsent(AsyncResource):
    """The consent of the key's owner to the terms and the privacy notice."""

    async def get(self) -> models.ConsentView:
        """Return the current versions, and what the owner agreed to."""
        return await self._transport.get("/v1/consent", models.ConsentView)

    async def give(self, terms: str, privacy_notice: str) -> models.ConsentView:
        """Agree to these versions. Raises an error if they are not the current ones."""
        body = {"terms": terms, "privacy_notice": privacy_notice}
        return parse(await self._transport.send("PUT", "/v1/consent", body=body), models.ConsentView)

    async def withdraw(self) -> None:
        """Withdraw the consent."""
        await self._transport.send("DELETE", "/v1/consent")


class AsyncKeys(AsyncResource):
    """API keys of all owners. Needs the scope ``admin``."""

    async def create(
        self,
        owner: str,
        name: str,
        scopes: Sequence[str],
        *,
        limit: int | None = None,
        window_seconds: int | None = None,
        expires_in_days: int | None = None,
        priority: Literal["low", "normal", "high"] | None = None,
    ) -> models.KeyWithText:
        """Create a key for ``limit`` images per ``window_seconds``. Only this answer contains its text."""
        optional = present(
            limit=limit, window_seconds=window_seconds, expires_in_days=expires_in_days, priority=priority
        )
        body = {"owner": owner, "name": name, "scopes": list(scopes), **optional}
        return parse(await self._transport.send("POST", "/v1/keys", body=body), models.KeyWithText)

    async def rotate(self, key_id: str, *, grace_seconds: int = 0) -> models.KeyWithText:
        """Replace the text of a key. The old text stays valid for ``grace_seconds``."""
        path, body = f"/v1/keys/{segment(key_id)}/rotate", {"grace_seconds": grace_seconds}
        return parse(await self._transport.send("POST", path, body=body), models.KeyWithText)

    async def revoke(self, key_id: str) -> None:
        """Make a key invalid."""
        await self._transport.send("DELETE", f"/v1/keys/{segment(key_id)}")

    async def list(self, *, page_size: int | None = None) -> AsyncIterator[models.KeyView]:
        """Yield all keys, newest first."""
        async for page in self._transport.pages("/v1/keys", models.KeyList, present(limit=page_size)):
            for key in page.keys:
                yield key


class AsyncWebhooks(AsyncResource):
    """Webhooks and their deliveries."""

    async def create(
        self,
        url: str,
        *,
        statuses: Sequence[models.Status] | None = None,
        requests: str | None = None,
        description: str | None = None,
    ) -> models.WebhookWithSecret:
        """Create a webhook. Only this answer contains its secret.

        By default it is notified of the terminal statuses of all requests; with ``requests="named"``, only of those
        that name its id.
        """
        options = present(statuses=statuses and list(statuses), requests=requests, description=description)
        answer = await self._transport.send("POST", "/v1/webhooks", body={"url": url, **options})
        return parse(answer, models.WebhookWithSecret)

    async def rotate(self, webhook_id: str, *, grace_seconds: int = 0) -> models.WebhookWithSecret:
        """Replace the secret. For ``grace_seconds``, messages are signed with both."""
        path, body = f"/v1/webhooks/{segment(webhook_id)}/rotate", {"grace_seconds": grace_seconds}
        return parse(await self._transport.send("POST", path, body=body), models.WebhookWithSecret)

    async def ping(self, webhook_id: str) -> models.DeliveryView:
        """Send a test message."""
        answer = await self._transport.send("POST", f"/v1/webhooks/{segment(webhook_id)}/ping")
        return parse(answer, models.DeliveryView)

    async def resend(self, webhook_id: str, delivery_id: str) -> models.DeliveryView:
        """Send a message again."""
        path = f"/v1/webhooks/{segment(webhook_id)}/deliveries/{segment(delivery_id)}/resend"
        return parse(await self._transport.send("POST", path), models.DeliveryView)

    async def delete(self, webhook_id: str) -> None:
        """Delete a webhook."""
        await self._transport.send("DELETE", f"/v1/webhooks/{segment(webhook_id)}")

    async def deliveries(self, webhook_id: str, *, page_size: int | None = None) -> AsyncIterator[models.DeliveryView]:
        """Yield the messages of the last 30 days with every attempt, newest first."""
        path = f"/v1/webhooks/{segment(webhook_id)}/deliveries"
        async for page in self._transport.pages(path, models.DeliveryList, present(limit=page_size)):
            for delivery in page.deliveries:
                yield delivery

    async def list(self) -> AsyncIterator[models.WebhookView]:
        """Yield all webhooks, oldest first."""
        for webhook in (await self._transport.get("/v1/webhooks", models.WebhookList)).webhooks:
            yield webhook


class AsyncTickets(AsyncResource):
    """Tickets for the WebSocket with status changes."""

    async def create(self) -> models.Ticket:
        """Return the address of a WebSocket. It can be opened once, within a minute."""
        return parse(await self._transport.send("POST", "/v1/tickets"), models.Ticket)


class AsyncErasures(AsyncResource):
    """The erasure of everything that belongs to you."""

    async def start(self) -> models.StartedErasure:
        """Erase everything of the owner of the key, permanently. Keep ``receipt_token``: the key stops working."""
        return parse(await self._transport.send("DELETE", "/v1/me"), models.StartedErasure)

    async def get(self, erasure_id: str, receipt_token: str) -> models.ErasureView:
        """Return the receipt: what was erased, and what remains until when and why."""
        headers = {"x-receipt-token": receipt_token}
        answer = await self._transport.send("GET", f"/v1/me/erasures/{segment(erasure_id)}", headers=headers)
        return parse(answer, models.ErasureView)


class AsyncExports(AsyncResource):
    """Exports of everything that belongs to you, as ZIP files."""

    async def start(self) -> models.ExportSummary:
        """Start an export, or return the one that runs. Raises ``ConflictError`` during an erasure."""
        return parse(await self._transport.send("POST", "/v1/me/exports"), models.ExportSummary)

    async def get(self, export_id: str) -> models.ExportView:
        """Return an export. Once its status is ``ready``, its files have URLs, each valid for 15 minutes."""
        return await self._transport.get(f"/v1/me/exports/{segment(export_id)}", models.ExportView)

    async def list(self) -> list[models.ExportSummary]:
        """Return your exports that have not expired, newest first."""
        return (await self._transport.get("/v1/me/exports", models.ExportList)).exports


class AsyncAnalytics(AsyncResource):
    """Figures of all owners. Needs the scope ``analytics:read``."""

    async def daily(self, *, first: date | None = None, last: date | None = None) -> models.DailyReport:
        """Return the figures of every day of a period (UTC), both days included. By default, the last seven days."""
        query = present(**{"from": first, "to": last})
        return await self._transport.get("/v1/analytics/daily", models.DailyReport, query)
