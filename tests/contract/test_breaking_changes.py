"""Changes of the OpenAPI document that break clients of the released one are found; compatible ones pass."""

import copy
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tools.docs import generate
from tools.docs.breaking_changes import breaking_changes

Plain = dict[str, Any]
TODAY = date(2026, 11, 28)

RELEASED: Plain = {
    "paths": {
        "/v1/requests": {
            "post": {
                "security": [{"api_key": ["requests:write"]}],
                "parameters": [
                    {"in": "query", "name": "dry_run", "required": False, "schema": {"type": "boolean"}},
                    {"in": "header", "name": "Prefer", "required": False, "schema": {"type": "string"}},
                ],
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/New"}}}},
                "responses": {
                    "200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Either"}}}},
                    "202": {
                        "headers": {"Location": {}},
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/View"}}},
                    },
                    "422": {"$ref": "#/components/responses/Error422"},
                },
            }
        },
        "/api/old": {"get": {"deprecated": True, "x-sunset": "2027-11-28", "responses": {"204": {}}}},
    },
    "webhooks": {
        "changed": {
            "post": {
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/View"}}}}
            }
        }
    },
    "components": {
        "responses": {
            "Error422": {"content": {"application/problem+json": {"schema": {"type": "object", "required": ["code"]}}}}
        },
        "schemas": {
            "New": {
                "type": "object",
                "required": ["prompt"],
                "additionalProperties": False,
                "properties": {
                    "prompt": {"type": "string", "maxLength": 100},
                    "style": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                    "quality": {"type": "string", "enum": ["standard", "premium"]},
                    "scale": {"type": "integer", "minimum": 1},
                },
            },
            "View": {
                "title": "View",
                "type": "object",
                "required": ["id", "status"],
                "properties": {
                    "id": {"type": "string"},
                    "status": {"type": "string", "enum": ["accepted", "failed"]},
                    "reason": {"type": "string"},
                    "cost": {"type": "number"},
                    "children": {"type": "array", "items": {"$ref": "#/components/schemas/View"}},
                },
            },
            "Price": {
                "title": "Price",
                "type": "object",
                "required": ["usd"],
                "properties": {"usd": {"type": "string"}},
            },
            "Either": {"oneOf": [{"$ref": "#/components/schemas/View"}, {"$ref": "#/components/schemas/Price"}]},
        },
    },
}


def changes(change: Callable[[Plain, Plain, Plain], object], today: date = TODAY) -> list[str]:
    """Apply ``change`` to the operation, the request and the response of the document, and return what it breaks."""
    new = copy.deepcopy(RELEASED)
    schemas = new["components"]["schemas"]
    change(new["paths"]["/v1/requests"]["post"], schemas["New"], schemas["View"])
    return breaking_changes(RELEASED, new, today)


def parameter(name: str, *, required: bool) -> Plain:
    return {"in": "query", "name": name, "required": required, "schema": {"type": "string"}}


BREAKS: dict[str, tuple[Callable[[Plain, Plain, Plain], object], str]] = {
    "a scope is added": (
        lambda op, _n, _v: op.update(security=[{"api_key": ["admin"]}]),
        "requires [{'api_key': ['admin']}]",
    ),
    "a parameter is removed": (lambda op, _n, _v: op["parameters"].pop(), "parameter Prefer was removed"),
    "a new parameter is required": (
        lambda op, _n, _v: op["parameters"].append(parameter("region", required=True)),
        "parameter region became required",
    ),
    "a parameter becomes required": (
        lambda op, _n, _v: op["parameters"][0].update(required=True),
        "parameter dry_run became required",
    ),
    "the type of a parameter changes": (
        lambda op, _n, _v: op["parameters"][0].update(schema={"type": "integer"}),
        "parameter dry_run: type boolean against integer",
    ),
    "a field of a request is removed": (lambda _o, new, _v: new["properties"].pop("style"), "body.style was removed"),
    "a field of a request becomes required": (
        lambda _o, new, _v: new["required"].append("quality"),
        "body.quality became required",
    ),
    "a value of a request's enum is removed": (
        lambda _o, new, _v: new["properties"]["quality"]["enum"].pop(),
        "body.quality: value 'premium'",
    ),
    "a request's text becomes an enum": (
        lambda _o, new, _v: new["properties"]["prompt"].update(enum=["a fox"]),
        "body.prompt: any value against",
    ),
    "a limit of a request is narrowed": (
        lambda _o, new, _v: new["properties"]["prompt"].update(maxLength=50),
        "body.prompt: maxLength 100 against 50",
    ),
    "a limit of a request is added": (
        lambda _o, new, _v: new["properties"]["scale"].update(maximum=9),
        "body.scale: maximum None against 9",
    ),
    "a pattern of a request is added": (
        lambda _o, new, _v: new["properties"]["prompt"].update(pattern="^a"),
        "body.prompt: pattern None against ^a",
    ),
    "null is no longer accepted": (
        lambda _o, new, _v: new["properties"].update(style={"type": "string"}),
        "body.style: no longer accepts null",
    ),
    "a body becomes another media type": (
        lambda op, _n, _v: op["requestBody"].update(content={"text/plain": {"schema": {}}}),
        "body: application/json was removed",
    ),
    "a field of a response is removed": (
        lambda _o, _n, view: view["properties"].pop("reason"),
        "response 202.reason was removed",
    ),
    "a field of a response becomes optional": (
        lambda _o, _n, view: view["required"].remove("status"),
        "response 202.status became optional",
    ),
    "the type of a response's field changes": (
        lambda _o, _n, view: view["properties"]["id"].update(type="integer"),
        "response 202.id: type integer against string",
    ),
    "a response's enum has a new value": (
        lambda _o, _n, view: view["properties"]["status"]["enum"].append("paused"),
        "response 202.status: value 'paused'",
    ),
    "a response's field may be null": (
        lambda _o, _n, view: view["properties"]["reason"].update(type=["string", "null"]),
        "response 202.reason: may also be null",
    ),
    "a success status is removed": (lambda op, _n, _v: op["responses"].pop("202"), "response 202 was removed"),
    "a header of a response is removed": (
        lambda op, _n, _v: op["responses"]["202"].pop("headers"),
        "response 202: header Location was removed",
    ),
}
COMPATIBLE: dict[str, Callable[[Plain, Plain, Plain], object]] = {
    "nothing changes": lambda _o, _n, _v: None,
    "a description changes": lambda op, new, _v: (op.update(description="."), new.update(description=".")),
    "an optional parameter is added": lambda op, _n, _v: op["parameters"].append(parameter("region", required=False)),
    "an optional field of a request is added": lambda _o, new, _v: new["properties"].update(tag={"type": "string"}),
    "a field of a request becomes optional": lambda _o, new, _v: new["required"].remove("prompt"),
    "a request's enum has a new value": lambda _o, new, _v: new["properties"]["quality"]["enum"].append("best"),
    "a limit of a request is widened": lambda _o, new, _v: new["properties"]["prompt"].update(maxLength=200),
    "a limit of a request is removed": lambda _o, new, _v: new["properties"]["scale"].pop("minimum"),
    "a request also accepts null": lambda _o, new, _v: new["properties"]["scale"].update(type=["integer", "null"]),
    "a request also accepts fractions": lambda _o, new, _v: new["properties"]["scale"].update(type="number"),
    "a field of a response is added": lambda _o, _n, view: (
        view["properties"].update(seed={"type": "integer"}),
        view["required"].append("seed"),
    ),
    "a field of a response is always there": lambda _o, _n, view: view["required"].append("reason"),
    "a value of a response's enum is removed": lambda _o, _n, view: view["properties"]["status"]["enum"].pop(),
    "a response's number is an integer": lambda _o, _n, view: view["properties"]["cost"].update(type="integer"),
    "an error status is removed": lambda op, _n, _v: op["responses"].pop("422"),
}


@pytest.mark.parametrize("kind", BREAKS)
def test_a_breaking_change_is_found(kind: str) -> None:
    change, expected = BREAKS[kind]

    assert any(f"POST /v1/requests: {expected}" in found for found in changes(change)), changes(change)


@pytest.mark.parametrize("kind", COMPATIBLE)
def test_a_compatible_change_passes(kind: str) -> None:
    assert changes(COMPATIBLE[kind]) == []


def without(group: str, name: str) -> Plain:
    new = copy.deepcopy(RELEASED)
    del new[group][name]
    return new


def test_a_removed_route_is_a_breaking_change() -> None:
    assert breaking_changes(RELEASED, without("paths", "/v1/requests"), TODAY) == ["POST /v1/requests: was removed"]


def test_a_deprecated_route_may_be_removed_after_its_sunset() -> None:
    new = without("paths", "/api/old")

    assert breaking_changes(RELEASED, new, date(2027, 11, 27)) == ["GET /api/old: was removed"]
    assert breaking_changes(RELEASED, new, date(2027, 11, 28)) == []


def test_a_webhook_is_compared_as_something_that_callers_receive() -> None:
    new = copy.deepcopy(RELEASED)
    new["components"]["schemas"]["View"]["required"].remove("id")

    assert "webhook POST changed: body.id became optional" in breaking_changes(RELEASED, new, TODAY)
    assert "webhook POST changed: was removed" in breaking_changes(RELEASED, without("webhooks", "changed"), TODAY)


def test_a_change_inside_a_choice_is_found() -> None:
    new = copy.deepcopy(RELEASED)
    new["components"]["schemas"]["Price"]["properties"]["usd"]["type"] = "number"

    assert breaking_changes(RELEASED, new, TODAY) == ["POST /v1/requests: response 200.usd: type number against string"]


def test_the_api_breaks_no_client_of_the_released_document() -> None:
    assert generate.broken_clients((generate.ROOT / "docs/openapi.json").read_text()) == []


def test_the_generator_refuses_to_break_clients(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    document = json.loads((generate.ROOT / "docs/openapi.json").read_text())
    document["paths"]["/v1/everything"] = {"get": {"responses": {"200": {}}}}
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    monkeypatch.setattr(generate, "RELEASED", tmp_path / "openapi.json")
    monkeypatch.setattr(generate, "outputs", dict)

    assert generate.main(["--check"]) == 1
    assert "GET /v1/everything: was removed" in capsys.readouterr().out
    assert generate.main(["--release"]) == 0
    assert generate.main(["--check"]) == 0
