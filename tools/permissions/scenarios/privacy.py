"""Erasures of owners and of single requests, and exports."""

from contextlib import ExitStack
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from events.catalog.erasure_started import ErasureStarted
from events.envelope import Event
from tests.support.events import sample
from tools.permissions.scenarios.failures import consumed
from tools.permissions.scenarios.images import derive
from tools.permissions.world import World

ERASURE = "/v1/me/erasures/{erasure_id}"
REQUEST = "/v1/requests/{request_id}"
EXPORTS = "/v1/me/exports"
EXPORT = f"{EXPORTS}/{{export_id}}"
PROMPT = {"prompt": "a lighthouse"}


def one_request(world: World) -> None:
    """Erase a request with its images and what was derived from them."""
    request_id = world.http("intake.api", "POST", "/v1/requests", PROMPT | {"count": 2})["id"]
    world.settle()
    derive(world, request_id, "320.webp")
    world.http("intake.api", "DELETE", REQUEST, at={"request_id": request_id})
    world.settle()


def an_owner(world: World) -> None:
    """Erase an owner who has something in every store, with a repeated event and two sweeps."""
    owner = _owner(world)
    _dead_letters(world, owner)
    sweeps = patch("services.privacy.models.SWEEPS", (timedelta(0), timedelta(microseconds=1)))
    with sweeps, patch("services.privacy.service.REPEAT_AFTER", timedelta(0)):
        started = world.http("privacy.api", "DELETE", "/v1/me", owner=owner)
        _outage(world)
        world.http("privacy.api", "DELETE", "/v1/me", owner=owner)
        world.run("privacy.sweep", {})  # nothing is answered, so it repeats the event
        world.settle()
        token = {"x-receipt-token": started["receipt_token"]}
        world.http("privacy.api", "GET", ERASURE, at={"erasure_id": started["id"]}, headers=token)
        world.run("privacy.sweep", {})  # the second sweep
        world.settle()
        world.run("privacy.sweep", {})
    shown = world.http("privacy.api", "GET", ERASURE, at={"erasure_id": started["id"]}, headers=token)
    if shown["status"] != "completed":
        raise AssertionError(shown)


def an_export(world: World) -> None:
    """Export an owner in pages of one image each, with a repeated event and a deleted image, and erase the exports."""
    owner = _owner(world)
    world.settle()
    images = world.http("storage.api", "GET", "/v1/images", owner=owner)["images"]
    world.http("storage.api", "POST", "/v1/images/{image_id}/shares", {}, at={"image_id": images[0]["id"]}, owner=owner)
    _delete_original(world, images[0]["id"])
    at_once = timedelta(0)
    small: list[Any] = [
        *(patch("services.storage.exporting.PAGE", 1), patch("services.intake.exporting.PAGE", 1)),
        *(
            patch("services.privacy.exports.PAUSE", at_once),
            patch("services.privacy.repository.exports.PAUSE", at_once),
        ),
        patch("services.operations.exporting.READ_MAX", 40),
    ]
    with ExitStack() as patches:
        for each in small:
            patches.enter_context(each)
        started = world.http("privacy.api", "POST", EXPORTS, owner=owner)
        world.http("privacy.api", "POST", EXPORTS, owner=owner)
        world.run("privacy.sweep", {})  # nothing is answered, so it repeats the event
        world.settle()
        shown = world.http("privacy.api", "GET", EXPORT, at={"export_id": started["id"]}, owner=owner)
        if shown["status"] != "ready":
            raise AssertionError(shown)
        _abandoned(world, owner)
    listed = world.http("privacy.api", "GET", EXPORTS, owner=owner)["exports"]
    if [export["status"] for export in listed] != ["failed", "ready"]:
        raise AssertionError(listed)
    world.http("privacy.api", "DELETE", "/v1/me", owner=owner)
    world.settle()


def _abandoned(world: World, owner: str) -> None:
    """Start an export whose file cannot be built. The sweeper repeats the event, then abandons the export."""
    world.http("privacy.api", "POST", EXPORTS, owner=owner)
    with patch("services.privacy.gateways.S3Exports.read_image", side_effect=ValueError):
        world.settle()
        world.run("privacy.sweep", {})
        world.settle()
    with patch("services.privacy.exports.PATIENCE", timedelta(0)):
        world.run("privacy.sweep", {})


def _delete_original(world: World, image_id: str) -> None:
    """Delete the original of an image, as a deletion does while an export is built."""
    s3 = world.client("s3")
    (bucket,) = [each["Name"] for each in s3.list_buckets()["Buckets"] if "-gallery-" in each["Name"]]
    request_id = image_id.rpartition("-")[0]
    for entry in s3.list_objects_v2(Bucket=bucket, Prefix=f"images/{request_id}/")["Contents"]:
        if "/original." in entry["Key"]:
            s3.delete_object(Bucket=bucket, Key=entry["Key"])


def _outage(world: World) -> None:
    """Deliver the event to the services that know owners while DynamoDB fails."""
    event = ErasureStarted.model_validate_json(world.published[-1]["Detail"])
    for queue in ("accounts-erase", "notifications-erase"):
        world.send(queue, event)
    with world.failing("ThrottlingException", "dynamodb"):
        world.deliver_messages()
    for queue in ("accounts-erase", "notifications-erase"):
        world.purge(queue)


def _owner(world: World) -> str:
    """Return an owner with a key, an image, a request in progress, a webhook with a delivery, and a connection."""
    key = {"owner": "cleo", "name": "test", "scopes": ["images:read"]}
    owner = str(world.http("accounts.api", "POST", "/v1/keys", key)["owner_id"])
    hook = {"url": "https://example.com/hook", "description": "test"}
    made = world.http("notifications.api", "POST", "/v1/webhooks", hook, owner=owner)
    ping = "/v1/webhooks/{webhook_id}/ping"
    world.http("notifications.api", "POST", ping, at={"webhook_id": made["webhook_id"]}, owner=owner)
    ticket = world.http("notifications.api", "POST", "/v1/tickets", owner=owner)["url"].rpartition("=")[2]
    context = {"eventType": "CONNECT", "connectionId": "erased"}
    world.run("notifications.socket", {"requestContext": context, "queryStringParameters": {"ticket": ticket}})
    world.http("intake.api", "POST", "/v1/requests", PROMPT, headers={"Idempotency-Key": "erased"}, owner=owner)
    world.settle()
    world.http("intake.api", "POST", "/v1/requests", PROMPT, owner=owner)
    return owner


def _dead_letters(world: World, owner: str) -> None:
    """Put a message of the owner and one of another owner into every dead-letter queue, and one into quarantine."""
    about = sample("ImageApproved")
    theirs: Event = about.model_copy(update={"metadata": about.metadata.model_copy(update={"owner": owner})})
    world.send("storage-store-dlq", theirs)
    world.http("operations.api", "POST", "/v1/operations/quarantine", {"queue": "storage.store"})
    for queue in consumed(world):
        world.purge(f"{queue}-dlq")
        world.send(f"{queue}-dlq", theirs)
        world.send(f"{queue}-dlq", about)
