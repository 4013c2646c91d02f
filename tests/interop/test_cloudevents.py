"""Every event becomes a valid CloudEvent by the table in docs/events.md, as the CloudEvents SDK reads it."""

import json
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from events.catalog import CATALOG
from tests.support.events import eventbridge_body, sample
from tests.support.templates import ROOT
from tools.docs.cloudevents import MAPPING, SCHEMA_ID


def mapped(delivered: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Return an event, as EventBridge delivers it, as the table says."""
    return {name: looked_up(place, delivered, schema) for name, (place, _) in MAPPING.items()}


def looked_up(place: str, delivered: dict[str, Any], schema: dict[str, Any]) -> Any:
    if place.startswith('"'):
        return json.loads(place)
    found: Any = schema if place == SCHEMA_ID else delivered
    for step in place.split("."):
        found = found[step]
    return found


@pytest.mark.parametrize(("name", "version"), CATALOG, ids=str)
def test_an_event_is_a_cloud_event(name: str, version: int) -> None:
    event = sample(name, version)
    schema = json.loads((ROOT / f"events/schemas/{name}.v{version}.json").read_text())
    found = JSONFormat().read(CloudEvent, json.dumps(mapped(json.loads(eventbridge_body(event)), schema)))
    data: Any = found.get_data()

    assert (found.get_id(), found.get_type()) == (event.metadata.event_id, name)
    assert found.get_time() == event.metadata.occurred_at
    assert found.get_extension("traceparent") == event.metadata.traceparent
    assert found.get_dataschema() == f"urn:genai-images:event:{name}:{version}" == schema["$id"]
    jsonschema.Draft202012Validator(schema).validate(data)
    assert type(event).model_validate(data) == event


def test_a_cloud_event_is_the_same_if_the_event_is_published_again() -> None:
    first, second = (json.loads(eventbridge_body(sample("ImageStored"))) for _ in range(2))
    assert first["id"] != second["id"]

    assert mapped(first, {SCHEMA_ID: ""}) == mapped(second, {SCHEMA_ID: ""})
