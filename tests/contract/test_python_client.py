"""The Python client covers every route for callers, and sends what the API document describes."""

import ast
import inspect
import json
import re
import sys
import tomllib
from collections.abc import Callable
from datetime import date
from typing import Any, Final

import httpx2 as httpx
import pytest
from pydantic import BaseModel

from genai_images import Client
from genai_images._protocol import RequestOptions, VersionedPreferences
from genai_images.models import DefaultsResponse
from tests.support.templates import ROOT
from tools import python_client
from tools.python_client import NOT_COVERED, PACKAGE, covered

DOCUMENT: Final = json.loads((ROOT / "docs" / "openapi.json").read_text())
OPERATIONS: Final = {found["operationId"]: (method, path, found) for method, path, found in covered(DOCUMENT)}
PROJECT: Final = tomllib.loads((ROOT / "clients" / "python" / "pyproject.toml").read_text())["project"]
ADDRESS: Final = "https://api.example.com"
PREFERENCES: Final = VersionedPreferences(
    defaults=DefaultsResponse(model="m", size="1x1", aspect_ratio="1:1", style="s", count=1), etag='"3"'
)
EVERY_OPTION: Final[RequestOptions] = {
    "negative_prompt": "n",
    "model": "m",
    "failover": False,
    "size": "1x1",
    "aspect_ratio": "1:1",
    "style": "s",
    "seed": 1,
    "count": 1,
    "quality": "standard",
    "steps": 1,
    "guidance": 1.0,
    "webhook_id": "w",
    "output_format": "webp",
    "output_compression": 90,
}

CALLS: Final[dict[str, Callable[[Client], Any]]] = {
    "create_request": lambda c: c.generate("p", **EVERY_OPTION),
    "list_requests": lambda c: list(c.requests.list(status="failed", page_size=1)),
    "show_request": lambda c: c.requests.get("request_id"),
    "cancel_request": lambda c: c.requests.cancel("request_id"),
    "delete_request": lambda c: c.requests.delete("request_id"),
    "appeal_request": lambda c: c.requests.appeal("request_id", "r"),
    "show_appeal": lambda c: c.requests.get_appeal("request_id"),
    "list_models": lambda c: list(c.models.list()),
    "show_model": lambda c: c.models.get("key"),
    "list_images": lambda c: list(
        c.images.list(q="q", model="m", style="s", day=date(2026, 11, 22), favourite=True, page_size=1)
    ),
    "show_image": lambda c: c.images.get("image_id"),
    "delete_image": lambda c: c.images.delete("image_id"),
    "set_favourite": lambda c: c.images.favourite("image_id"),
    "unset_favourite": lambda c: c.images.unfavourite("image_id"),
    "create_share": lambda c: c.shares.create("image_id", expires_in_seconds=1),
    "list_shares": lambda c: list(c.shares.list("image_id")),
    "revoke_share": lambda c: c.shares.revoke("image_id", "share_id"),
    "open_share": lambda c: c.shares.open("token"),
    "create_key": lambda c: c.keys.create(
        "o", "n", ["admin"], limit=1, window_seconds=1, expires_in_days=1, priority="low"
    ),
    "list_keys": lambda c: list(c.keys.list(page_size=1)),
    "rotate_key": lambda c: c.keys.rotate("key_id", grace_seconds=1),
    "revoke_key": lambda c: c.keys.revoke("key_id"),
    "show_me": lambda c: c.me(),
    "show_preferences": lambda c: c.preferences.get(),
    "set_preferences": lambda c: c.preferences.set(PREFERENCES),
    "show_consent": lambda c: c.consent.get(),
    "give_consent": lambda c: c.consent.give("2026-11-28", "2026-11-28"),
    "withdraw_consent": lambda c: c.consent.withdraw(),
    "create_ticket": lambda c: c.tickets.create(),
    "create_webhook": lambda c: c.webhooks.create("u", statuses=["failed"], requests="named", description="d"),
    "list_webhooks": lambda c: list(c.webhooks.list()),
    "delete_webhook": lambda c: c.webhooks.delete("webhook_id"),
    "rotate_webhook_secret": lambda c: c.webhooks.rotate("webhook_id", grace_seconds=1),
    "ping_webhook": lambda c: c.webhooks.ping("webhook_id"),
    "list_deliveries": lambda c: list(c.webhooks.deliveries("webhook_id", page_size=1)),
    "resend_delivery": lambda c: c.webhooks.resend("webhook_id", "delivery_id"),
    "show_days": lambda c: c.analytics.daily(first=date(2026, 11, 16), last=date(2026, 11, 22)),
    "erase_me": lambda c: c.erasures.start(),
    "show_erasure": lambda c: c.erasures.get("erasure_id", "token"),
    "export_me": lambda c: c.exports.start(),
    "list_exports": lambda c: c.exports.list(),
    "show_export": lambda c: c.exports.get("export_id"),
    "check_prompt": lambda c: c.moderations.check("p", negative_prompt="n"),
}
"""Operation → a call of its method with every argument. An id is the name of its parameter."""


class SentError(Exception):
    """Carries the call instead of an answer."""

    def __init__(self, request: httpx.Request) -> None:
        super().__init__()
        self.request = request


def sent(call: Callable[[Client], Any]) -> httpx.Request:
    """Return what a method sends."""

    def stop(request: httpx.Request) -> httpx.Response:
        raise SentError(request)

    with pytest.raises(SentError) as raised:
        call(Client(ADDRESS, "key", http=httpx.Client(transport=httpx.MockTransport(stop))))
    return raised.value.request


def body_schema(operation: dict[str, Any]) -> dict[str, Any] | None:
    """Return the schema of an operation's body."""
    if "requestBody" not in operation:
        return None
    reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    found: dict[str, Any] = DOCUMENT["components"]["schemas"][reference.rpartition("/")[2]]
    return found


def example(schema: dict[str, Any]) -> Any:
    """Return a value with every property that a schema describes."""
    if "$ref" in schema:
        return example(DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    if "properties" in schema:
        return {name: example(each) for name, each in schema["properties"].items()}
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return example(schema[choice][0])
    if schema.get("type") == "array" and "examples" not in schema:
        return [example(schema["items"])]
    if schema.get("type") == "object" and "examples" not in schema:
        return {}
    if schema.get("type") == "boolean":
        return True
    for keyword in ("const", "enum", "examples"):
        if keyword in schema:
            return schema[keyword] if keyword == "const" else schema[keyword][0]
    raise AssertionError(f"no example: {schema}")


def documented_answer(operation: dict[str, Any], request: httpx.Request) -> httpx.Response:
    """Return the success of an operation, with everything that the document describes. A second page is the last."""
    status, answer = next((int(key), value) for key, value in operation["responses"].items() if key[0] in "23")
    headers = {"location": "https://cdn.example.com/a.png"}
    if "content" not in answer:
        return httpx.Response(status, headers=headers)
    body = example(answer["content"]["application/json"]["schema"])
    if "cursor" in request.url.params:
        del body["next_cursor"]
    return httpx.Response(status, json=body, headers=headers)


@pytest.mark.parametrize("name", CALLS)
def test_the_models_know_every_documented_answer(name: str) -> None:
    operation = OPERATIONS[name][2]
    transport = httpx.MockTransport(lambda request: documented_answer(operation, request))

    with Client(ADDRESS, "key", http=httpx.Client(transport=transport)) as client:
        found = CALLS[name](client)

    assert unknown_fields(found) == set()
    assert found or "content" not in next(iter(operation["responses"].values()))


def unknown_fields(model: Any) -> set[str]:
    """Return the fields of an answer that its model does not declare, on every level."""
    if isinstance(model, list | tuple):
        return {name for each in model for name in unknown_fields(each)}
    if not isinstance(model, BaseModel):
        return set()
    inner = {name for field in type(model).model_fields for name in unknown_fields(getattr(model, field))}
    return inner | set(model.model_extra or {})


def test_every_operation_has_a_method_or_a_reason() -> None:
    assert CALLS.keys() == OPERATIONS.keys()
    assert all(NOT_COVERED.values())


@pytest.mark.parametrize("name", CALLS)
def test_a_method_sends_everything_that_its_route_takes(name: str) -> None:
    method, path, operation = OPERATIONS[name]
    request = sent(CALLS[name])
    parameters = [each for each in operation.get("parameters", ()) if each["name"] not in {"cursor", "dry_run"}]
    headers = {each["name"].lower() for each in parameters if each["in"] == "header"}

    assert (request.method, request.url.path) == (method, path.replace("{", "").replace("}", ""))
    assert set(request.url.params) == {each["name"] for each in parameters if each["in"] == "query"}
    assert headers - set(request.headers) == {"if-none-match"} & headers, "which only the second read of a resource has"
    schema = body_schema(operation)
    assert set(json.loads(request.content or b"{}")) == set((schema or {"properties": {}})["properties"])


def test_a_dry_run_is_marked_as_one() -> None:
    request = sent(lambda client: client.dry_run("p", **EVERY_OPTION))

    assert (request.url.path, dict(request.url.params)) == ("/v1/requests", {"dry_run": "true"})
    assert "idempotency-key" not in request.headers


def test_every_public_method_is_tried() -> None:
    source = inspect.getsource(sys.modules[__name__])
    client = Client(ADDRESS, "key")
    resources = {name: value for name, value in vars(client).items() if not name.startswith("_")}
    methods = {f"{name}.{method}" for name, value in resources.items() for method in dir(value) if method[0] != "_"}

    assert len(methods) >= 25
    assert {name for name in methods if f"c.{name}(" not in source} == {"images.download", "images.save"}


def test_options_are_the_parameters_of_a_new_request() -> None:
    properties = set(DOCUMENT["components"]["schemas"]["NewRequest"]["properties"])

    assert RequestOptions.__annotations__.keys() == properties - {"prompt"} == EVERY_OPTION.keys()


def test_the_sync_client_is_up_to_date() -> None:
    texts = python_client.sync_texts()

    assert set((PACKAGE / "_sync").glob("*.py")) == texts.keys()
    assert [path.name for path, text in texts.items() if path.read_text() != text] == [], "run `make clients`"


def test_nothing_of_the_async_client_is_left_in_the_sync_client() -> None:
    for path, text in python_client.sync_texts().items():
        assert not re.search(r"\b(await|asyncio|aclose|Async\w+|async (def|with|for))\b", text), path.name


def test_the_package_imports_only_what_it_declares() -> None:
    declared = {re.split(r"[<>=]", each)[0].replace("-", "_") for each in PROJECT["dependencies"]}
    imported: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {name.name.partition(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add((node.module or "").partition(".")[0])

    assert imported - sys.stdlib_module_names - {"genai_images"} == declared
    assert declared == {"httpx2", "pydantic", "typing_extensions"}


def test_the_package_has_the_version_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert (PROJECT["version"], PROJECT["requires-python"]) == (project["version"], project["requires-python"])


def test_the_readme_of_the_package_is_short() -> None:
    assert len((ROOT / "clients" / "python" / "README.md").read_text().splitlines()) <= 80
