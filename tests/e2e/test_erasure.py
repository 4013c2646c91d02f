"""An owner is erased from the deployed system, and nothing is left but what the receipt names."""

import io
import json
import urllib.error
import zipfile
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.owners import export, generate, new_key
from tests.support.system import System, download
from tests.support.templates import ROOT
from tools.docs.privacy import stores as documented_stores

OWNER = "ada-who-leaves"
PLANTED = "a grebe that nobody shall remember"
"""Part of every prompt of the owner, and of nothing else."""
KNOWN: set[str] = {
    *("table operations", "table gallery", "table privacy", "table owner-keys"),
    *("bucket analytics", "event archive"),
}
"""Where the receipt names the id of the owner: the audit trail, deletion markers, the receipt itself, the mark that the
key of the owner was destroyed, and both archives of events."""
OPTIONAL: set[str] = {
    *("operations/backup-vault", "operations/cloudtrail-log"),
    *("operations/cache", "analytics/archive-replica", "storage/gallery-files-replica"),
    *("operations/flow-logs", "generation/worker-logs", "notifications/socket-access-logs", "web/refused-calls"),
}
"""Stores that exist only with parameters that a laptop does not set."""


def stall(stack: System, key: str, prompt: str) -> str:
    """Let a request stall because its raw image is missing, and return its id."""
    s3, bucket = stack.client("s3"), stack.outputs["HandoffBucketName"]
    resume = stack.pause("storage-store")
    try:
        response = stack.call("POST", "/v1/requests", {"prompt": prompt}, key=key)
        request_id = str(response.json["id"])

        def raw() -> Any:
            return s3.list_objects_v2(Bucket=bucket, Prefix=f"raw/{request_id}/").get("Contents")

        for entry in stack.wait_until(raw, seconds=90, what="the raw image"):
            s3.delete_object(Bucket=bucket, Key=entry["Key"])
    finally:
        resume()

    def stalled() -> bool:
        return bool(stack.call("GET", f"/v1/requests/{request_id}", key=key).json["status"] == "stalled")

    stack.wait_until(stalled, seconds=90, what="the request to stall")
    return request_id


def receipt(stack: System, path: str, token: str) -> Any:
    """Return the erasure with its receipt."""
    response = stack.call("GET", path, headers={"x-receipt-token": token}, key="")
    assert response.status == 200, response.content
    return response.json


def make_due(stack: System, erasure_id: str) -> None:
    """Let the erasure look as old as its last sweep needs, and run the sweeper, instead of waiting for 26 hours."""
    requested_at = datetime(2026, 1, 1, tzinfo=UTC).isoformat(timespec="microseconds")
    stack.client("dynamodb").update_item(
        TableName=f"{stack.prefix}-privacy",
        Key={"pk": {"S": f"ERASURE#{erasure_id}"}, "sk": {"S": "ERASURE"}},
        UpdateExpression="SET requested_at = :at, due_at = :at",
        ConditionExpression="attribute_exists(due_at)",
        ExpressionAttributeValues={":at": {"S": requested_at}},
    )


def is_scheduled(stack: System, erasure_id: str) -> bool:
    """Return whether the first sweep is complete: the sweeper has scheduled the next one."""
    item = stack.client("dynamodb").get_item(
        TableName=f"{stack.prefix}-privacy",
        Key={"pk": {"S": f"ERASURE#{erasure_id}"}, "sk": {"S": "ERASURE"}},
        ConsistentRead=True,
    )["Item"]
    return bool(item["due_at"]["S"] > item["requested_at"]["S"])


def sweep(stack: System) -> dict[str, int]:
    """Run the sweeper and return its counts."""
    counts: dict[str, int] = stack.invoke("privacy-sweep")
    return counts


def verify(stack: System, *texts: str, since: datetime | None = None) -> list[dict[str, str]]:
    """Search every store for texts, with the operators' command line."""
    wanted = [word for text in texts for word in ("--text", text)]
    archived = ["--archived-since", since.isoformat()] if since else []
    done = stack.ops("privacy", "verify", "--output", "json", *wanted, *archived)
    assert done.returncode in {0, 7}, done.stdout + done.stderr
    found: list[dict[str, str]] = json.loads(done.stdout.splitlines()[-1])
    return found


def exported(stack: System, key: str) -> str:
    """Export everything of the owner, look at the file, and return its link."""
    (file,) = export(stack, key)["files"]
    archive = zipfile.ZipFile(io.BytesIO(download(file["url"])))
    counts = json.loads(archive.read("manifest.json"))["counts"]
    expected = {"requests": 6, "images": 10, "image_files": 10, "shares": 2, "webhooks": 1}
    assert {name: counts[name] for name in expected} == expected
    assert archive.read("requests.jsonl").decode().count(PLANTED) >= 6
    return str(file["url"])


def test_an_erased_owner_is_gone_from_every_store(stack: System) -> None:
    since = datetime.now(UTC)
    made, admin = new_key(stack, OWNER), stack.stack.admin_key
    key, owner_id = made["key"], made["owner_id"]
    views = [generate(stack, key, f"{PLANTED}, on a lake", count=count) for count in (4, 4, 2)]
    for image in views[0]["images"][:2]:
        assert stack.call("POST", f"/v1/images/{image['id']}/shares", {}, key=key).status == 201
    generate(stack, key, f"{PLANTED}, tortured and dismembered, gore", "rejected")
    stall(stack, key, f"{PLANTED}, lost")
    quarantined = stall(stack, key, f"{PLANTED}, kept")
    response = stack.call("POST", "/v1/operations/quarantine", {"request_id": quarantined}, key=admin)
    assert response.status == 200, response.content
    webhook = {"url": "https://example.com/hook", "description": PLANTED}
    assert stack.call("POST", "/v1/webhooks", webhook, key=key).status == 201
    link = exported(stack, key)
    before = {each["store"] for each in verify(stack, PLANTED, OWNER)}
    assert before >= {"table gallery", "table notifications", "table accounts"}

    started = stack.call("DELETE", "/v1/me", key=key)
    assert started.status == 202, started.content
    path, token, erasure_id = started.headers["location"], started.json["receipt_token"], started.json["id"]
    assert stack.call("GET", path, headers={"x-receipt-token": "wrong"}, key="").status == 404

    def key_is_refused() -> bool:
        return stack.call("GET", "/v1/me", key=key).status in {401, 403}

    stack.wait_until(key_is_refused, seconds=90, every=1, what="the key to be refused")

    def completed() -> Any:
        sweep(stack)
        shown = receipt(stack, path, token)
        return shown if shown["status"] == "completed" else None

    def answered() -> bool:
        sweep(stack)
        return is_scheduled(stack, erasure_id)

    stack.wait_until(answered, seconds=240, every=2, what="the services to answer")
    make_due(stack, erasure_id)
    shown = stack.wait_until(completed, seconds=240, every=2, what="the erasure to be completed")

    stores = {store["store"]: store for store in shown["stores"]}
    assert stores["intake/requests"]["erased"] == 6
    assert stores["storage/gallery"]["erased"] == 10
    assert stores["accounts/accounts"]["erased"] == 2, "the owner and the key"
    assert stores["operations/operations"]["erased"] == 1
    assert stores["platform/exports"]["erased"] == 1
    with pytest.raises(urllib.error.HTTPError, match="404"):
        download(link)
    assert sum(store["erased"] for name, store in stores.items() if name.endswith("-dlq")) == 1
    assert all("reason" in store for store in shown["stores"] if "remains" in store)
    unnamed = {store.name for store in documented_stores(ROOT) if store.is_personal} - stores.keys()
    assert unnamed == OPTIONAL
    assert verify(stack, PLANTED, OWNER, since=since) == []
    left = verify(stack, owner_id, since=since)
    assert "event archive" in {each["store"] for each in left}, "the archive was read"
    assert {each["store"] for each in left if not each["store"].startswith("log ")} <= KNOWN, left
    listed = stack.ops("privacy", "show", erasure_id)
    assert listed.returncode == 0, listed.stderr
    assert "intake/requests" in listed.stdout
    assert stack.audit()["violations"] == []


def test_one_request_is_erased_for_its_owner(stack: System) -> None:
    view = stack.generate("a coot that is erased alone")
    path = view["links"]["self"]

    assert stack.call("DELETE", path, key=new_key(stack, OWNER)["key"]).status == 404, "of another owner"
    assert stack.call("DELETE", path).status == 204

    def is_gone() -> bool:
        image = stack.call("GET", f"/v1/images/{view['images'][0]['id']}")
        return stack.call("GET", path).status == image.status == 404

    stack.wait_until(is_gone, seconds=60, what="the request and its image to be gone")
    assert verify(stack, "a coot that is erased alone") == []


def test_an_owner_without_data_cannot_be_erased(stack: System) -> None:
    done = stack.ops("privacy", "erase", "--owner", "nobody-ever", "--yes")

    assert done.returncode == 1
    assert "--owner" in done.stderr
