"""Accounts, intake and moderation."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

from kit.timeline import AT, stored_time
from services.intake.shedding import CROWD
from tools.permissions.world import World

PROMPT = {"prompt": "A lighthouse at dusk"}


def accept(world: World, **parameters: Any) -> str:
    """POST a request and return its id. Nothing is delivered yet."""
    return str(world.http("intake.api", "POST", "/v1/requests", PROMPT | parameters)["id"])


def generate(world: World, **parameters: Any) -> str:
    """POST a request and deliver everything that follows. Return its id."""
    request_id = accept(world, **parameters)
    world.settle()
    view = world.http("intake.api", "GET", "/v1/requests/{request_id}", at={"request_id": request_id})
    if view["status"] != "succeeded":
        raise AssertionError(view)
    return request_id


def keys_and_preferences(world: World) -> None:
    """Create, use, list, rotate and revoke a key; read and write preferences. A second key has the same owner."""
    made = world.http("accounts.api", "POST", "/v1/keys", {"owner": "ada", "name": "test", "scopes": ["images:read"]})
    headers = {"x-api-key": made["key"], "x-cdn-key": "not a secret", "x-cdn-viewer": "192.0.2.1"}
    world.run("accounts.authorizer", {"routeKey": "GET /v1/images", "headers": headers})
    world.http("accounts.api", "GET", "/v1/keys")
    world.http("accounts.api", "POST", "/v1/keys/{key_id}/rotate", {}, at={"key_id": made["key_id"]})
    world.http("accounts.api", "DELETE", "/v1/keys/{key_id}", at={"key_id": made["key_id"]})
    again = world.http("accounts.api", "POST", "/v1/keys", {"owner": "ada", "name": "test", "scopes": ["images:read"]})
    owner = again["owner_id"]
    world.http("accounts.api", "GET", "/v1/me", owner=owner)
    world.http("accounts.api", "GET", "/v1/consent", owner=owner)
    versions = {"terms": "2026-11-28", "privacy_notice": "2026-11-28"}
    world.http("accounts.api", "PUT", "/v1/consent", versions, owner=owner)
    world.http("accounts.api", "DELETE", "/v1/consent", owner=owner)
    world.http("accounts.api", "PUT", "/v1/preferences", {"theme": "dark"}, owner=owner)
    world.http("accounts.api", "GET", "/v1/preferences", owner=owner)


def a_request_from_post_to_image(world: World) -> None:
    """The happy path through every service, and reading what it left."""
    body = PROMPT
    headers = {"Idempotency-Key": "once", "Prefer": "wait=1"}
    made = world.http("intake.api", "POST", "/v1/requests", body, headers=headers)
    world.settle()
    world.http("intake.api", "POST", "/v1/requests", body, headers=headers)  # a repeat
    view = world.http("intake.api", "GET", "/v1/requests/{request_id}", at={"request_id": made["id"]})
    if view["status"] != "succeeded":
        raise AssertionError(view)
    world.http("intake.api", "GET", "/v1/requests")
    world.http("intake.api", "GET", "/v1/models")


def requests_that_end_early(world: World) -> None:
    """A rejected prompt, and a cancelled request."""
    accept(world, prompt="a g-a-n-g-b-a-n-g")
    world.settle()
    cancelled = accept(world)
    world.http("intake.api", "POST", "/v1/requests/{request_id}/cancel", at={"request_id": cancelled})
    world.settle()


def a_rejection_that_is_appealed(world: World) -> None:
    """An appeal, which an operator reads and grants; the new request succeeds. First, the bus refuses the events."""
    at = {"request_id": accept(world, prompt="a g-a-n-g-b-a-n-g")}
    world.settle()
    world.http("intake.appeals", "POST", "/v1/requests/{request_id}/appeal", {"reason": "A name."}, at=at)
    with world.failing("InternalFailure", "events"):
        world.deliver_streams()
    world.settle()
    world.http("intake.appeals", "GET", "/v1/requests/{request_id}/appeal", at=at)
    world.http("intake.appeals", "GET", "/v1/operations/appeals")
    world.http("intake.appeals", "GET", "/v1/operations/appeals/{request_id}", at=at)
    decision = {"decision": "granted", "reason": "It is a name."}
    decided = world.http("intake.appeals", "POST", "/v1/operations/appeals/{request_id}/decision", decision, at=at)
    with world.failing("InternalFailure", "events"):
        world.deliver_streams()
    world.settle()
    new = {"request_id": decided["granted_request_id"]}
    view = world.http("intake.api", "GET", "/v1/requests/{request_id}", at=new)
    if view["status"] != "succeeded":
        raise AssertionError(view)


def the_bus_refuses(world: World) -> None:
    """The relay queues what the bus refuses, and republish publishes it."""
    accept(world)
    with world.failing("InternalFailure", "events"):
        world.deliver_streams()
    world.settle()


def waiting_and_the_facade(world: World) -> None:
    """A wait, and OpenAI's API, which waits for its images: first too short, then with their content and as URLs."""
    request_id = generate(world)
    world.run("intake.waiting", {"request_id": request_id, "until": time.time()})
    path, once = "/openai/v1/images/generations", {"Idempotency-Key": "facade"}
    with patch.object(world.module("intake.facade"), "MAX_SECONDS", 0):
        world.http("intake.facade", "POST", path, PROMPT, headers=once, expect=504)
        world.http("intake.facade", "POST", path, PROMPT, owner="a new owner", expect=504)  # whose key is created
    world.settle()
    for form in ("b64_json", "url"):
        world.http("intake.facade", "POST", path, PROMPT | {"response_format": form}, headers=once)


def the_sweeper(world: World) -> None:
    """A request without progress is published again; one past its deadline expires and its quota is refunded.

    Several that wait make the sweeper refuse new ones.
    """
    for _ in range(CROWD):
        _age(world, accept(world), timedelta(minutes=20))
    world.run("intake.sweep", {})
    world.settle()
    world.run("intake.sweep", {})
    for age in (timedelta(minutes=20), timedelta(hours=4)):
        request_id = accept(world)
        _age(world, request_id, age)
        world.run("intake.sweep", {})
    world.settle()


def _age(world: World, request_id: str, age: timedelta) -> None:
    """Make a request older, and due for the sweeper."""
    earlier = (datetime.now(UTC) - age).isoformat()
    client = world.client("dynamodb")
    key = {"pk": {"S": f"REQUEST#{request_id}"}, "sk": {"S": "STATE"}}
    table = "genai-images-test-requests"
    item = client.get_item(TableName=table, Key=key)["Item"]
    for entry in item["timeline"]["M"].values():
        entry["M"][AT] = {"N": str(stored_time(datetime.now(UTC) - age))}
    client.put_item(TableName=table, Item=item | {"created_at": {"S": earlier}, "next_check_at": {"S": earlier}})


def prompt_checks(world: World) -> None:
    """A check of a prompt, and one that Claude cannot make, so that it is not counted."""
    world.http("moderation.api", "POST", "/v1/moderations", PROMPT)
    world.http("moderation.api", "GET", "/v1/moderation/shadow")
    with world.failing("ThrottlingException", "bedrock-runtime"):
        world.http("moderation.api", "POST", "/v1/moderations", {"prompt": "A ship at dawn"}, expect=503)
