"""The operators' API, the sentinel and the audits."""

from dataclasses import replace
from unittest.mock import patch

from tests.support.events import sample
from tools.permissions.scenarios.failures import consumed
from tools.permissions.scenarios.requests import generate
from tools.permissions.world import World

API = "/v1/operations"


def the_sentinel(world: World) -> None:
    """The first run publishes every model's lifecycle, which reaches intake."""
    world.run("operations.sentinel", {})
    world.settle()


def dead_letters(world: World) -> None:
    """List, show, replay and quarantine the dead letters of every queue."""
    for queue in consumed(world):
        world.purge(f"{queue}-dlq")
        world.send(f"{queue}-dlq", sample("ImageRequested"), step=queue.replace("-", ".", 1), error="Test", reason="x")
    world.http("operations.api", "GET", f"{API}/queues")
    groups = world.http("operations.api", "GET", f"{API}/dead-letters")["groups"]
    path = f"{API}/dead-letters/{{fingerprint}}"
    world.http("operations.api", "GET", path, at={"fingerprint": groups[0]["fingerprint"]})
    for queue in consumed(world):
        step = queue.replace("-", ".", 1)
        world.http("operations.api", "POST", f"{API}/replays", {"queue": step, "force": True})
        world.purge(queue)
        world.purge(f"{queue}-dlq")
    world.send("storage-store-dlq", sample("ImageApproved"))
    world.http("operations.api", "POST", f"{API}/quarantine", {"queue": "storage.store"})
    world.http("operations.api", "GET", f"{API}/quarantine")
    world.http("operations.api", "GET", f"{API}/actions")


def traces_and_health(world: World) -> None:
    """Readiness, and the trace of a request."""
    request_id = generate(world)
    world.http("operations.api", "GET", "/health/ready")
    world.http("operations.api", "GET", f"{API}/traces/{{request_id}}", at={"request_id": request_id})


def the_audit(world: World) -> None:
    """Audit all data; the findings of lost files and images are checked again."""
    world.send("storage-store-dlq", sample("ImageApproved"))
    s3 = world.client("s3")
    gallery = world.stack.functions["operations.audit"].environment["GALLERY_BUCKET_NAME"]
    for item in s3.list_objects_v2(Bucket=gallery).get("Contents", []):
        s3.delete_object(Bucket=gallery, Key=item["Key"])
    module = world.module("operations.audit")
    quick = replace(module.options, pause=0, timeout=1)
    everything = module.settings.model_copy(update={"segments": 1})
    with patch.object(module.auditor, "_options", quick), patch.object(module, "settings", everything):
        world.run("operations.audit", {})
    world.http("operations.api", "GET", f"{API}/audit")


def the_bias_audit(world: World) -> None:
    """Ask for images, and collect what became of them."""
    with patch.object(world.module("operations.bias"), "MOST", 2):
        asked = world.run("operations.bias", {"budget_usd": 1})
    world.settle()
    collected = world.run("operations.bias", {"budget_usd": 0.001})
    if (asked["asked"], collected["open"]) != (2, 0):
        raise AssertionError((asked, collected))
