"""The schema registry describes events as EventBridge delivers them, within the registry's limits."""

import json
import re
from typing import Any

import pytest
from openapi_schema_validator import OAS30Validator, oas30_format_checker
from openapi_spec_validator import OpenAPIV30SpecValidator

from events.catalog import CATALOG, event_type
from tests.support import templates
from tests.support.events import SAMPLES, eventbridge_body, sample
from tests.support.templates import ROOT
from tools.docs.schema_registry import openapi

SCHEMAS = {
    name: body["Properties"]
    for name, body in templates.load(ROOT / "services/operations/registry.yaml")["Resources"].items()
    if body["Type"] == "AWS::EventSchemas::Schema"
}
EVERY_EVENT = pytest.mark.parametrize(("name", "version"), CATALOG, ids=str)


def document(name: str, version: int) -> Any:
    return json.loads(SCHEMAS[f"{name}V{version}"]["Content"])


def problems(found: Any, event: Any) -> list[str]:
    """Return what is wrong with an event according to a document."""
    whole = found | {"allOf": [{"$ref": "#/components/schemas/AWSEvent"}]}
    validator = OAS30Validator(whole, format_checker=oas30_format_checker)
    return [error.message for error in validator.iter_errors(event)]


def test_the_registry_has_every_event_version() -> None:
    assert SCHEMAS.keys() == {f"{name}V{version}" for name, version in CATALOG}


@EVERY_EVENT
def test_a_schema_is_an_openapi_document_within_the_limits(name: str, version: int) -> None:
    properties = SCHEMAS[f"{name}V{version}"]
    kind = event_type(name, version)
    assert kind is not None

    assert list(OpenAPIV30SpecValidator(document(name, version)).iter_errors()) == []
    assert properties["Type"] == "OpenApi3"
    assert len(properties["Content"]) <= 100_000
    assert properties["SchemaName"] == f"{kind.source}@{name}-v{version}"
    assert re.fullmatch(r"[0-9A-Za-z_.@-]+", properties["SchemaName"])


@EVERY_EVENT
def test_a_schema_names_the_event_that_its_rule_matches(name: str, version: int) -> None:
    kind = event_type(name, version)
    assert kind is not None
    envelope = document(name, version)["components"]["schemas"]["AWSEvent"]

    assert (envelope["x-amazon-events-source"], envelope["x-amazon-events-detail-type"]) == (kind.source, name)


@EVERY_EVENT
def test_a_schema_accepts_the_sample_as_eventbridge_delivers_it(name: str, version: int) -> None:
    event = json.loads(eventbridge_body(sample(name, version)))
    found = document(name, version)

    assert problems(found, event) == []
    del event["detail"]["metadata"]["request_id"]
    assert problems(found, event) == ["'request_id' is a required property"]


def test_every_sample_is_of_a_registered_schema() -> None:
    assert {path.stem.replace(".v", "V") for path in SAMPLES.glob("*.json")} == SCHEMAS.keys()


@pytest.mark.parametrize(
    ("schema", "translated"),
    [
        ({"const": 1, "type": "integer"}, {"enum": [1], "type": "integer"}),
        ({"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}, {"type": "string"}),
        ({"anyOf": [{"$ref": "#/$defs/A"}, {"type": "null"}]}, {"allOf": [{"$ref": "#/components/schemas/A"}]}),
        (
            {"anyOf": [{"type": "string"}, {"type": "integer"}]},
            {"anyOf": [{"type": "string"}, {"type": "integer"}]},
        ),
        (
            {"$ref": "#/$defs/A", "description": "Of this."},
            {"allOf": [{"$ref": "#/components/schemas/A"}], "description": "Of this."},
        ),
        ({"type": "string", "examples": ["a", "b"]}, {"type": "string", "example": "a"}),
    ],
    ids=["const", "optional", "optional reference", "choice", "reference with a description", "examples"],
)
def test_keywords_that_openapi_lacks_are_translated(schema: Any, translated: Any) -> None:
    assert openapi(schema) == translated


def test_a_keyword_without_a_translation_is_refused() -> None:
    with pytest.raises(ValueError, match="prefixItems"):
        openapi({"prefixItems": [{"type": "string"}]})


def test_the_registry_is_off_by_default() -> None:
    root = templates.root_template()

    assert root["Parameters"]["SchemaRegistry"]["Default"] == "off"
    assert root["Conditions"]["HasSchemaRegistry"] == {"Fn::Equals": [{"Ref": "SchemaRegistry"}, "on"]}
    assert root["Resources"]["Registry"]["Condition"] == "HasSchemaRegistry"
