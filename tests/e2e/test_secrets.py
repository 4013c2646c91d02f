"""Every secret is rotated while the system runs; what was made with the old version stays valid."""

import json

from standardwebhooks import Webhook

from tests.support.hook import Hook
from tests.support.owners import Hooks
from tests.support.system import System, download


def rotate(stack: System, name: str, *functions: str) -> int:
    """Rotate a secret, let functions read it again, and return the number of the new version."""
    done = stack.ops("secrets", "rotate", name, "--now", "--yes", "--output", "json")
    assert done.returncode == 0, done.stdout + done.stderr
    stack.restart(*functions)
    newest = json.loads(done.stdout.splitlines()[-1])
    assert newest["state"] == "current"
    return int(newest["version"])


def digest(stack: System, key: str) -> str:
    """Return the stored digest of a key."""
    item = {"pk": {"S": f"KEY#{key.split('_')[1]}"}, "sk": {"S": "KEY"}}
    table = f"{stack.prefix}-accounts"
    return str(stack.client("dynamodb").get_item(TableName=table, Key=item)["Item"]["digest"]["S"])


def test_api_keys_survive_a_new_pepper_and_move_to_it(stack: System) -> None:
    used, unused = stack.stack.make_key("rotated"), stack.stack.make_key("idle")
    old, before = digest(stack, used).split(":")[0], digest(stack, unused)
    new = rotate(stack, "accounts-key-hashing", "accounts-authorizer", "accounts-api")

    assert stack.call("GET", "/v1/me", key=used).json["owner"] == "rotated"
    assert digest(stack, used).startswith(f"{new}:")
    wanted = {"owner": "rotated", "name": "e2e", "scopes": ["requests:read"]}
    created = stack.call("POST", "/v1/keys", wanted, key=stack.stack.admin_key).json["key"]
    assert digest(stack, created).startswith(f"{new}:")
    for key in (created, used):
        assert stack.call("GET", "/v1/me", key=key).status == 200
    assert stack.call("GET", "/v1/me", key=used[:-1] + ("a" if used[-1] != "a" else "b")).status == 403
    assert digest(stack, unused) == before
    refused = stack.ops("secrets", "retire", "accounts-key-hashing", old, "--yes")
    assert (refused.returncode, f"need version {old}" in refused.stderr) == (1, True)
    assert stack.call("GET", "/v1/me", key=unused).status == 200


def test_webhooks_survive_a_new_master_and_move_to_it_with_their_owner(stack: System, hook: Hook) -> None:
    hooks = Hooks(stack, stack.stack.make_key("signed", limit=1000))
    webhook = hooks.register(hook.url)
    path = f"/v1/webhooks/{webhook['webhook_id']}"
    new = rotate(stack, "notifications-webhook-master", "notifications-api", "notifications-webhook")

    def pinged() -> tuple[dict[str, str], bytes]:
        before = len(hook.calls)
        hooks.call("POST", f"{path}/ping")
        stack.wait_until(lambda: len(hook.calls) > before, what="the ping")
        _, headers, body = hook.calls[-1]
        return headers, body

    headers, body = pinged()
    assert Webhook(webhook["secret"]).verify(body, headers)["type"] == "webhook.ping"
    moved = hooks.call("POST", f"{path}/rotate", {"grace_seconds": 600}).json
    headers, body = pinged()
    for secret in (webhook["secret"], moved["secret"]):
        assert Webhook(secret).verify(body, headers)["type"] == "webhook.ping"
    assert len(headers["webhook-signature"].split(" ")) == 2
    listed = json.loads(stack.ops("secrets", "list", "--output", "json").stdout)
    (row,) = [row for row in listed if row["secret"] == "notifications-webhook-master" and row["version"] == new]
    assert row["needed_by"] >= 1


def test_hashes_of_prompts_name_the_new_key(stack: System) -> None:
    storage = rotate(stack, "storage-prompt-hash-key", "storage-store")
    request = stack.generate("A key under a doormat")
    (image,) = request["images"]

    assert f'promptHmacSha256="{storage}:'.encode() in download(image["url"])
    retired = stack.ops("secrets", "retire", "storage-prompt-hash-key", str(storage - 1), "--yes")
    assert retired.returncode == 0, retired.stderr
