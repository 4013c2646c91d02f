"""The AsyncAPI document describes every event, and the messages of the WebSocket and of webhooks."""

import json
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from pydantic import BaseModel

from events.catalog import CATALOG, event_type
from events.catalog.request_status_changed import RequestStatusChanged
from services.notifications.messages import NotUnderstood, Ping, Pong, StatusChanged
from tests.support import templates
from tests.support.events import eventbridge_body, sample
from tools.docs.asyncapi import asyncapi
from tools.docs.generate import ROOT
from tools.docs.golden import golden_events

DOCUMENT = asyncapi(ROOT, golden_events())
COMPONENTS = DOCUMENT["components"]
EVERY_EVENT = pytest.mark.parametrize(("name", "version"), CATALOG, ids=str)
CHANGE = RequestStatusChanged.model_validate(sample("RequestStatusChanged").model_dump())


def refused(body: Any, schema: dict[str, Any]) -> list[str]:
    """Return why ``body`` does not match ``schema``, whose references point into the document."""
    whole = {"components": COMPONENTS, "allOf": [schema]}
    checks = jsonschema.Draft7Validator(whole, format_checker=jsonschema.FormatChecker())
    return [error.message for error in checks.iter_errors(body)]


def messages(channel: str) -> dict[str, dict[str, Any]]:
    """Return the messages of a channel by name."""
    names = DOCUMENT["channels"][channel]["messages"]
    return {name: COMPONENTS["messages"][name] for name in names}


@EVERY_EVENT
def test_the_bus_has_a_message_for_every_event_version(name: str, version: int) -> None:
    message = messages("bus")[f"{name}.v{version}"]
    event = json.loads(eventbridge_body(sample(name, version)))
    envelope = COMPONENTS["messageTraits"]["eventBridge"]["headers"]
    detail = event.pop("detail")

    assert refused(detail, message["payload"]) == []
    assert [example["payload"] for example in message["examples"]] == [detail]
    assert refused(event, message["headers"]) == refused(event, envelope) == []
    assert envelope["properties"].keys() - event.keys() == {"replay-name"}
    assert refused({**event, "source": "genai-images.elsewhere"}, message["headers"])


def test_the_bus_has_no_other_messages() -> None:
    assert messages("bus").keys() == {f"{name}.v{version}" for name, version in CATALOG}


@EVERY_EVENT
def test_an_operations_pattern_admits_its_event_only(name: str, version: int) -> None:
    pattern = DOCUMENT["operations"][f"receive{name}V{version}"]["x-event-pattern"]
    admitted = [key for key in CATALOG if templates.admits(pattern, json.loads(eventbridge_body(sample(*key))))]

    assert admitted == [(name, version)]


@EVERY_EVENT
def test_a_message_names_the_service_that_publishes_it(name: str, version: int) -> None:
    kind = event_type(name, version)
    assert kind is not None
    services = {*templates.services(), "every service"}

    assert messages("bus")[f"{name}.v{version}"]["x-published-by"] in services
    assert set(messages("bus")[f"{name}.v{version}"]["x-consumed-by"]) <= services


@pytest.mark.parametrize(
    ("channel", "message"),
    [
        ("socket", StatusChanged.of(CHANGE)),
        ("socket", Pong()),
        ("socket", NotUnderstood()),
        ("webhook", StatusChanged.of(CHANGE)),
        ("webhook", Ping(id=CHANGE.metadata.event_id, timestamp=CHANGE.metadata.occurred_at)),
    ],
    ids=lambda value: getattr(value, "type", value),
)
def test_messages_of_sockets_and_webhooks_are_the_real_ones(channel: str, message: BaseModel) -> None:
    body = json.loads(message.model_dump_json())
    fitting = [each["name"] for each in messages(channel).values() if not refused(body, each["payload"])]

    assert fitting == [body["type"]]


def test_every_field_of_a_payload_is_described() -> None:
    missing = [
        f"{name}.{field}"
        for name, schema in COMPONENTS["schemas"].items()
        for field, part in schema.get("properties", {}).items()
        if "description" not in part and "const" not in part
    ]

    assert missing == []


def test_nothing_is_next_to_a_reference() -> None:
    """AsyncAPI ignores it, so a description would be lost."""

    def siblings(part: Any) -> list[Any]:
        if isinstance(part, list):
            return [found for each in part for found in siblings(each)]
        if not isinstance(part, dict):
            return []
        return ([part] if "$ref" in part and len(part) > 1 else []) + siblings(list(part.values()))

    assert siblings(DOCUMENT) == []


def test_every_component_is_used() -> None:
    text = json.dumps(DOCUMENT)
    unused = [
        f"{group}/{name}"
        for group, parts in COMPONENTS.items()
        for name in parts
        if f'"#/components/{group}/{name}"' not in text
    ]

    assert unused == []
