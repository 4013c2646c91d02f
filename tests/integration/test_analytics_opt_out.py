"""Events of an owner who opted out of analytics say so from first to last, and are archived without the owner.

All functions run on moto, as the bus and the queues would run them.
"""

import gzip
import json
from typing import Any

from tools.permissions.report import DEPLOYMENTS
from tools.permissions.stack import PREFIX
from tools.permissions.world import World

PROMPT = {"prompt": "A lighthouse at dusk"}


def send_calls(world: World, owner: str, *, opted_out: bool) -> None:
    """Generate an image and delete it, cancel a request, be rejected, and check a prompt."""

    def call(function: str, method: str, route: str, body: Any = None, **at: str) -> Any:
        return world.http(function, method, route, body, at=at or None, owner=owner, opted_out=opted_out)

    made = call("intake.api", "POST", "/v1/requests", PROMPT)
    call("intake.api", "POST", "/v1/requests", {"prompt": "a g-a-n-g-b-a-n-g"})
    world.settle()
    call("storage.api", "DELETE", "/v1/images/{image_id}", image_id=f"{made['id']}-0")
    cancelled = call("intake.api", "POST", "/v1/requests", PROMPT)
    call("intake.api", "POST", "/v1/requests/{request_id}/cancel", request_id=cancelled["id"])
    call("moderation.api", "POST", "/v1/moderations", PROMPT)
    world.settle()


def archived(world: World) -> list[dict[str, Any]]:
    """Return the metadata of all lines of the archive."""
    s3 = world.client("s3")
    (bucket,) = [
        each["Name"] for each in s3.list_buckets()["Buckets"] if each["Name"].startswith(f"{PREFIX}-analytics-")
    ]
    lines = [
        line
        for each in s3.list_objects_v2(Bucket=bucket, Prefix="events/")["Contents"]
        for line in gzip.decompress(s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read()).splitlines()
    ]
    return [json.loads(line)["detail"]["metadata"] for line in lines]


def test_an_owner_who_opted_out_is_in_no_line_of_the_archive() -> None:
    region, parameters = DEPLOYMENTS["default"]
    with World(region, parameters) as world:
        send_calls(world, "shy", opted_out=True)
        send_calls(world, "ada", opted_out=False)
        published = [(entry["DetailType"], json.loads(entry["Detail"])["metadata"]) for entry in world.published]
        lines = archived(world)

    of_shy = {name: metadata for name, metadata in published if metadata["owner"] == "shy"}
    assert of_shy.keys() >= {
        *("ImageRequested", "PromptApproved", "PromptRejected", "PromptChecked", "ImageGenerated", "ImageApproved"),
        *("ImageStored", "ImageDeleted", "RequestCancelled", "RequestStatusChanged"),
    }
    says_so = [(name, metadata["owner"]) for name, metadata in published if metadata.get("analytics_opt_out")]
    assert says_so == [(name, metadata["owner"]) for name, metadata in published if metadata["owner"] == "shy"]
    assert {(metadata["owner"], metadata.get("analytics_opt_out", False)) for metadata in lines} == {
        *(("-", True), ("ada", False))
    }
    assert sum(metadata["owner"] == "-" for metadata in lines) == len(says_so), "each event is archived"
