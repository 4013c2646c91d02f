"""Generation, storage and analytics."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit
from uuid import uuid4

from cli.costs.budget import BudgetTable, changed
from events.catalog.image_approved import ImageApproved
from events.catalog.prompt_approved import PromptApproved
from events.catalog.request_cancelled import RequestCancelled
from events.envelope import Event
from events.model_catalog import model_catalog
from events.parameters import ModelPlan
from services.analytics.repository.archive import EventArchive
from services.storage.resizing import resize
from tests.support.events import sample
from tests.support.hook import receiving
from tools.permissions.scenarios.requests import accept, generate
from tools.permissions.stack import PREFIX
from tools.permissions.world import World


def published(world: World, kind: type[Event]) -> Iterator[Any]:
    """Yield the events of one type that were published so far."""
    for entry in world.published:
        if entry["DetailType"] == kind.detail_type:
            yield kind.model_validate_json(entry["Detail"])


def every_model(world: World) -> None:
    """An image by each model, in a region near it; one call that fails, whose price is refunded."""
    custom = world.stack.functions["generation.generate"].environment["CUSTOM_MODELS"]
    for model in model_catalog(custom):
        approved: Any = sample("PromptApproved")
        plan = ModelPlan(model=model.key, width=512, height=512, price_usd=Decimal("0.01"))
        parameters = approved.data.parameters.model_copy(update={"models": [plan], "count": 1, "style": None})
        _approve(world, approved, parameters)
    with world.failing("ThrottlingException", "bedrock-runtime"):
        _approve(world, approved, approved.data.parameters)
    world.settle()


def _approve(world: World, approved: Any, parameters: Any) -> None:
    request_id = accept(world)
    metadata = approved.metadata.model_copy(update={"request_id": request_id})
    data = approved.data.model_copy(update={"parameters": parameters})
    event = PromptApproved.model_validate({"metadata": metadata, "data": data})
    world.send("generation-generate", event)
    world.deliver_messages()


def refusals(world: World) -> None:
    """An image that Rekognition or the guardrail flags, and an image that today's budget does not cover."""
    world.models.faults.add({"operation": "detect", "effect": "flag", "labels": ["Explicit Nudity"]})
    world.models.faults.add({"operation": "guardrail_image", "effect": "intervene", "labels": ["SEXUAL"]})
    accept(world)
    world.settle()
    world.models.faults.clear()
    budget = BudgetTable(world.client("dynamodb"), f"{PREFIX}-generation")
    budget.override(Decimal("0.0001"))
    accept(world)
    world.forget("generation.generate")  # it keeps the limit for some seconds
    world.settle()
    budget.override(None)
    world.forget("generation.generate")
    world.send("intake-signals", changed(None, datetime.now(UTC)))
    world.settle()


def storing_twice(world: World) -> None:
    """A redelivery; a missing raw image; a request that was withdrawn while its images were stored."""
    request_id = generate(world, count=2)
    approved = next(each for each in published(world, ImageApproved) if each.metadata.request_id == request_id)
    world.send("storage-store", approved)
    world.settle()
    world.send("storage-store", sample("ImageApproved"))
    world.settle()
    withdrawn: Any = sample("RequestCancelled")
    metadata = approved.metadata.model_copy(update={"request_id": withdrawn.metadata.request_id})
    world.send("storage-tombstones", withdrawn)
    world.settle()
    world.send("storage-store", approved.model_copy(update={"metadata": metadata}))
    world.settle()
    late = RequestCancelled.model_validate(
        {"metadata": withdrawn.metadata.model_copy(update={"request_id": request_id}), "data": withdrawn.data}
    )
    world.send("storage-tombstones", late)  # of stored images, which are deleted
    world.settle()


def the_gallery(world: World) -> None:
    """Lists by each index, favourites, shares, a deletion, and a record that is not one."""
    request_id = generate(world)
    image = {"image_id": f"{request_id}-0"}
    path = "/v1/images/{image_id}"
    world.http("storage.api", "PUT", f"{path}/favourite", at=image)
    for query in ({}, {"model": "stable-image-core"}, {"style": "watercolor"}, {"favourite": "true"}):
        world.http("storage.api", "GET", "/v1/images", query=query)
    world.http("storage.api", "DELETE", f"{path}/favourite", at=image)
    share = world.http("storage.api", "POST", f"{path}/shares", {"expires_in_seconds": 3600}, at=image)
    world.http("storage.api", "GET", "/v1/shares/{token}", at={"token": share["url"].rpartition("/")[2]}, expect=302)
    world.http("storage.api", "GET", f"{path}/shares", at=image)
    world.http("storage.api", "DELETE", f"{path}/shares/{{share_id}}", at=image | {"share_id": share["id"]})
    world.http("storage.api", "GET", path, at=image)
    world.http("storage.api", "DELETE", path, at=image)
    world.settle()
    key = {"pk": {"S": "image#x"}}
    world.run("storage.relay", {"Records": [{"eventID": "1", "dynamodb": {"Keys": key, "NewImage": key}}]})


def derived_files(world: World) -> None:
    """Another width of an image; of one that is deleted meanwhile; a deletion with what was derived."""
    request_id = generate(world)
    if derive(world, request_id, "320.webp") != 200:
        raise AssertionError("no file was derived")

    def deleted_meanwhile(*arguments: Any) -> bytes:
        with world.recorder.unrecorded():
            key = {"pk": {"S": f"image#{request_id}-0"}}
            entry = world.client("dynamodb").get_item(TableName=f"{PREFIX}-gallery", Key=key)["Item"]
            world.client("dynamodb").delete_item(TableName=f"{PREFIX}-gallery", Key=key)
        entries.append(entry)
        return resize(*arguments)

    entries: list[Any] = []
    with patch("services.storage.derivation.resize", deleted_meanwhile):
        if derive(world, request_id, "640.avif") != 404:
            raise AssertionError("a file was derived from a deleted image")
    with world.recorder.unrecorded():
        world.client("dynamodb").put_item(TableName=f"{PREFIX}-gallery", Item=entries[0])
    world.http("storage.api", "DELETE", "/v1/images/{image_id}", at={"image_id": f"{request_id}-0"})
    world.settle()


def derive(world: World, request_id: str, name: str) -> int:
    """Ask for a derived file of the first image of a request, and return the status."""
    image = world.http("storage.api", "GET", "/v1/images/{image_id}", at={"image_id": f"{request_id}-0"})
    address = urlsplit(image["display"]["url"]).path
    folder = address[address.index("/images/") :].rpartition("/")[0].replace("/images/", "/derived/")
    status: int = world.run("storage.derive", {"rawPath": f"{folder}/{name}"})["statusCode"]
    return status


def verification(world: World) -> None:
    """A file that a visitor uploads: here one that is cut off."""
    beginning, headers = b"\x89PNG\r\n\x1a\n", {"content-type": "application/octet-stream"}
    world.http("storage.verify", "POST", "/v1/verifications", beginning, headers=headers, expect=422)


def link_keys(world: World) -> None:
    """CloudFormation creates and deletes the keys of image links."""
    with receiving() as cloudformation:
        for request in ("Create", "Delete"):
            event = {
                "RequestType": request,
                "StackId": "stack",
                "RequestId": "1",
                "LogicalResourceId": "LinkKeys",
                "ResponseURL": cloudformation.url,
                "ResourceProperties": {
                    "Prefix": PREFIX,
                    "SecretId": world.stack.services["storage"].arn("ImageLinkKey"),
                },
            }
            world.run("storage.keys", event)
            answer = json.loads(cloudformation.calls[-1][2])
            assert answer["Status"] == "SUCCESS", answer


def figures(world: World) -> None:
    """The daily figures."""
    world.http("analytics.api", "GET", "/v1/analytics/daily")


def a_compacted_day(world: World) -> None:
    """Compact a day, then what arrived late, while another run has compacted an object already."""
    bucket = world.stack.functions["analytics.compact"].environment["ARCHIVE_BUCKET_NAME"]
    archive = EventArchive(world.client("s3"), bucket)
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: 900_000)
    event = sample("ImageDeleted")
    ended = event.metadata.model_copy(update={"occurred_at": datetime.now(UTC) - timedelta(days=2)})
    for event_id in (ended.event_id, str(uuid4())):
        metadata = ended.model_copy(update={"event_id": event_id})
        archive.append([event.model_copy(update={"metadata": metadata})])
        done = world.run("analytics.compact", {}, context)
        if done["events"] != 1:
            raise AssertionError(done)
    lake = world.module("analytics.compact").lake
    with world.recorder.during("analytics.compact"):
        if list(lake.lines(["events/day=2026-01-01/gone.jsonl.gz"])):
            raise AssertionError("a missing object has lines")
