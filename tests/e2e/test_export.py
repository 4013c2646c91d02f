"""An owner exports everything from the deployed system, and finds in the ZIP what the API shows."""

import hashlib
import io
import json
import zipfile
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support.owners import export, generate, new_key
from tests.support.system import System, download


def records(archive: zipfile.ZipFile, name: str) -> dict[str, Any]:
    """Return the records of a file in JSON Lines by their id."""
    found = [json.loads(line) for line in archive.read(name).splitlines()]
    return {record["id"]: record for record in found}


def without(view: Any, *names: str) -> Any:
    """Return ``view`` without fields, at any depth: links, and the figures of a moment."""
    if isinstance(view, list):
        return [without(each, *names) for each in view]
    if isinstance(view, dict):
        return {name: without(value, *names) for name, value in view.items() if name not in names}
    return view


def test_an_export_contains_what_the_api_shows(stack: System) -> None:
    key, other = (new_key(stack, owner)["key"] for owner in ("ada-who-exports", "ben-who-looks"))
    views = [generate(stack, key, "a heron that is exported", count=count) for count in (2, 1)]
    views.append(generate(stack, key, "a heron, tortured and dismembered, gore", "rejected"))
    shared = views[0]["images"][0]["id"]
    share = stack.call("POST", f"/v1/images/{shared}/shares", {}, key=key).json
    webhook = {"url": "https://example.com/export", "description": "exports"}
    assert stack.call("POST", "/v1/webhooks", webhook, key=key).status == 201
    assert stack.call("PUT", "/v1/preferences", {"theme": "dark"}, key=key).status in {200, 204}

    shown = export(stack, key)
    (file,) = shown["files"]
    content = download(file["url"])

    assert (len(content), hashlib.sha256(content).hexdigest()) == (file["bytes"], file["sha256"])
    assert parse_qs(urlsplit(file["url"]).query)["X-Amz-Expires"] == ["900"]
    archive = zipfile.ZipFile(io.BytesIO(content))
    assert archive.testzip() is None
    manifest = json.loads(archive.read("manifest.json"))
    for entry in manifest["files"]:
        found = archive.read(entry["name"])
        assert (len(found), hashlib.sha256(found).hexdigest()) == (entry["bytes"], entry["sha256"])
    assert manifest["missing"] == []
    assert (manifest["counts"]["requests"], manifest["counts"]["image_files"]) == (3, 3)

    urls = ("links", "url", "display_url", "thumbnail_url")
    requests = records(archive, "requests.jsonl")
    assert requests.keys() == {view["id"] for view in views}
    for view in views:
        current = stack.call("GET", view["links"]["self"], key=key).json
        assert requests[view["id"]] == without(current, *urls)
    images = records(archive, "images.jsonl")
    assert images.keys() == {image["id"] for view in views[:2] for image in view["images"]}
    for image_id, image in images.items():
        current = stack.call("GET", f"/v1/images/{image_id}", key=key).json
        assert {name: value for name, value in image.items() if name != "file"} == without(
            current, "links", "url", "display", "thumbnail"
        )
        assert archive.read(image["file"]) == download(current["original"]["url"])
    (exported_share,) = records(archive, "shares.jsonl").values()
    assert (exported_share["id"], exported_share["image_id"]) == (share["id"], shared)
    assert json.loads(archive.read("owner.jsonl"))["name"] == "ada-who-exports"
    assert json.loads(archive.read("preferences.jsonl"))["theme"] == "dark"
    assert json.loads(archive.read("keys.jsonl"))["prefix"] == key.rpartition("_")[0]
    assert json.loads(archive.read("webhooks.jsonl"))["url"] == webhook["url"]
    assert b"export owner" in archive.read("audit_trail.jsonl")
    text = b"".join(archive.read(name) for name in archive.namelist() if name.endswith(".jsonl")).decode()
    assert key not in text
    assert share["url"].rpartition("/")[2] not in text

    path = f"/v1/me/exports/{shown['id']}"
    hidden = stack.call("GET", path, key=other)
    assert (hidden.status, hidden.json["code"]) == (404, "export_not_found")
    assert stack.call("HEAD", path, key=key).status == 200
    assert [one["id"] for one in stack.call("GET", "/v1/me/exports", key=key).json["exports"]] == [shown["id"]]
    announced = deliveries(stack, key)
    assert announced["data"]["export_id"] == shown["id"]


def deliveries(stack: System, key: str) -> Any:
    """Return the message that announces an export to the owner's webhook."""
    (webhook,) = stack.call("GET", "/v1/webhooks", key=key).json["webhooks"]

    def found() -> Any:
        path = f"/v1/webhooks/{webhook['webhook_id']}/deliveries"
        listed = stack.call("GET", path, key=key).json["deliveries"]
        return next((each for each in listed if each["kind"] == "export.ready"), None)

    delivery = stack.wait_until(found, seconds=60, what="the webhook to be called")
    item = stack.client("dynamodb").get_item(
        TableName=f"{stack.prefix}-notifications",
        Key={"pk": {"S": f"DELIVERIES#{webhook['webhook_id']}"}, "sk": {"S": delivery["delivery_id"]}},
    )["Item"]
    return json.loads(item["body"]["S"])


def test_an_erased_owner_cannot_export(stack: System) -> None:
    key = new_key(stack, "cleo-who-leaves")["key"]
    generate(stack, key, "a heron that is erased")
    shown = export(stack, key)
    url = shown["files"][0]["url"]
    assert download(url) != b""

    assert stack.call("DELETE", "/v1/me", key=key).status == 202
    refused = stack.call("POST", "/v1/me/exports", key=key)

    assert refused.status in {401, 403, 409}, "the key may be refused already"
    if refused.status == 409:
        assert refused.json["code"] == "erasure_running"

    def is_gone() -> bool:
        s3, bucket = stack.client("s3"), stack.outputs["ExportsBucketName"]
        keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
        return not any(shown["id"] in key for key in keys)

    stack.wait_until(is_gone, seconds=90, what="the export to be erased")


def test_a_key_without_the_scopes_exports_nothing(stack: System) -> None:
    body = {"owner": "dora", "name": "test", "scopes": ["images:read"]}
    key = stack.call("POST", "/v1/keys", body, key=stack.stack.admin_key).json["key"]

    refused = stack.call("POST", "/v1/me/exports", key=key)

    assert (refused.status, refused.json["code"]) == (403, "insufficient_scope")
