"""Released schemas stay compatible, samples stay valid, and generated files are up to date."""

import copy
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from pydantic import ValidationError
from referencing import Registry, Resource

from events.catalog import CATALOG, event_type
from events.envelope import Event
from tests.support.events import SAMPLES, sample
from tools.docs.generate import ROOT, incompatibilities, main, outputs, schema

SCHEMAS = ROOT / "events" / "schemas"
EVERY_EVENT = pytest.mark.parametrize(("name", "version"), CATALOG, ids=str)


def model(name: str, version: int) -> type[Event]:
    kind = event_type(name, version)
    assert kind is not None
    return kind


def released(name: str, version: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SCHEMAS / f"{name}.v{version}.json").read_text())
    return found


def golden(name: str, version: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SAMPLES / f"{name}.v{version}.json").read_text())
    return found


def validator(found: dict[str, Any]) -> Any:
    return jsonschema.Draft202012Validator(found, format_checker=jsonschema.FormatChecker())


@EVERY_EVENT
def test_an_event_has_the_same_name_on_the_wire_and_in_the_catalog(name: str, version: int) -> None:
    kind = model(name, version)

    assert (kind.detail_type, kind.version) == (name, version)
    assert kind.source.startswith("genai-images.")
    assert {"source", "detail_type", "version"} <= vars(kind).keys(), "literals of its own, not inherited"


def test_an_event_that_does_not_exist_has_no_model() -> None:
    assert event_type("ImageRequested", 99) is None
    assert event_type("ImageWished", 1) is None


@EVERY_EVENT
def test_the_released_schema_is_the_model(name: str, version: int) -> None:
    assert released(name, version) == schema(model(name, version))


def test_every_released_schema_is_in_the_catalog() -> None:
    known = {f"{name}.v{version}.json" for name, version in CATALOG}

    assert {path.name for path in SCHEMAS.iterdir()} == known
    assert {path.name for path in SAMPLES.iterdir()} == known


@EVERY_EVENT
def test_a_sample_satisfies_its_released_schema(name: str, version: int) -> None:
    found = released(name, version)
    jsonschema.Draft202012Validator.check_schema(found)

    validator(found).validate(golden(name, version))


@EVERY_EVENT
def test_a_sample_survives_a_round_trip(name: str, version: int) -> None:
    event = sample(name, version)

    assert json.loads(event.model_dump_json(exclude_none=True)) == golden(name, version)
    assert type(event).model_validate_json(event.model_dump_json()) == event


@EVERY_EVENT
def test_a_schema_refuses_an_event_without_its_required_fields(name: str, version: int) -> None:
    checks = validator(released(name, version))

    assert not checks.is_valid({})
    for field in ("event_id", "request_id", "owner", "occurred_at"):
        broken = golden(name, version)
        del broken["metadata"][field]
        assert not checks.is_valid(broken), field


@EVERY_EVENT
def test_a_consumer_ignores_fields_of_later_releases(name: str, version: int) -> None:
    tomorrow = golden(name, version)
    tomorrow["metadata"]["added_later"] = tomorrow["data"]["added_later"] = {"anything": 1}

    assert model(name, version).model_validate(tomorrow) == sample(name, version)
    validator(released(name, version)).validate(tomorrow)


def parts(found: Any, where: str = "$") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the schema of every model and property in ``found``, with its place."""
    if not isinstance(found, dict):
        return
    yield where, found
    for group in ("properties", "$defs"):
        for name, part in found.get(group, {}).items():
            yield from parts(part, f"{where}.{name}")


@EVERY_EVENT
def test_every_field_of_a_schema_is_described(name: str, version: int) -> None:
    described = {where: part.get("description") for where, part in parts(released(name, version))}

    assert {"$.metadata", "$.Metadata.event_id"} <= described.keys()
    assert [where for where, text in described.items() if not text] == []
    assert [text for text in described.values() if re.search("``|\n", text or "")] == [], "Markdown, on one line"


@EVERY_EVENT
def test_a_schema_has_an_id_and_a_title(name: str, version: int) -> None:
    found = released(name, version)

    assert found["$id"] == f"urn:genai-images:event:{name}:{version}"
    assert found["title"] == f"{name} version {version}"
    assert {part: body["title"] for part, body in found["$defs"].items()} == {part: part for part in found["$defs"]}


def test_a_schema_can_be_referred_to_by_its_id() -> None:
    resources = [Resource.from_contents(released(*key)) for key in CATALOG]
    registry = resources @ Registry()
    whole = {"$ref": "urn:genai-images:event:ImageStored:1#/$defs/StoredImage/properties/original"}
    checks = jsonschema.Draft202012Validator(whole, registry=registry)
    (image,) = golden("ImageStored", 1)["data"]["images"]

    checks.validate(image["original"])
    assert not checks.is_valid({**image["original"], "bytes": "many"})


Change = Callable[[dict[str, Any]], None]

BREAKS: dict[str, Change] = {
    "a field was removed": lambda s: s["$defs"]["RawImage"]["properties"].pop("sha256"),
    "a field changed its type": lambda s: s["$defs"]["RawImage"]["properties"]["width"].update(type="string"),
    "an optional field became required": lambda s: s["$defs"]["Metadata"]["required"].append("replays"),
    "a required field became optional": lambda s: s["$defs"]["Metadata"]["required"].remove("owner"),
    "a new field is required": lambda s: (
        s["$defs"]["RawImage"]["properties"].update(new={"type": "string"}),
        s["$defs"]["RawImage"]["required"].append("new"),
    )[1],
    "an enumeration changed": lambda s: s["$defs"]["ImageOutcome"]["properties"]["status"]["enum"].append("lost"),
    "a pattern changed": lambda s: s["$defs"]["Metadata"]["properties"]["event_id"].update(pattern="^x$"),
    "a format changed": lambda s: s["$defs"]["Metadata"]["properties"]["occurred_at"].update(format="date"),
    "a list's items changed": lambda s: s["$defs"]["ImageGeneratedData"]["properties"]["outcomes"]["items"].update(
        {"$ref": "#/$defs/RawImage"}
    ),
    "a bound of a number moved": lambda s: s["$defs"]["GenerationParameters"]["properties"]["count"].update(maximum=2),
    "a list may be empty": lambda s: s["$defs"]["ImageGeneratedData"]["properties"]["outcomes"].pop("minItems"),
    "a null is no longer allowed": lambda s: s["$defs"]["GenerationParameters"]["properties"]["style"]["anyOf"].pop(),
    "another definition is referred to": lambda s: s["properties"]["metadata"].update({"$ref": "#/$defs/Other"}),
    "a default changed": lambda s: s["$defs"]["Metadata"]["properties"]["replays"].update(default=1),
    "the schema has another id": lambda s: s.update({"$id": "urn:genai-images:event:ImageGenerated:2"}),
    "other fields are forbidden": lambda s: s["$defs"]["RawImage"].update(additionalProperties=False),
}


@pytest.mark.parametrize("change", BREAKS.values(), ids=BREAKS.keys())
def test_a_breaking_change_is_detected(change: Change) -> None:
    old = released("ImageGenerated", 1)
    new = copy.deepcopy(old)
    change(new)

    assert new != old
    assert incompatibilities(old, new)


COMPATIBLE: dict[str, Change] = {
    "a new optional field": lambda s: s["$defs"]["RawImage"]["properties"].update(new={"type": "string"}),
    "another description": lambda s: s.update(description="Said better."),
    "another description of a field": lambda s: s["$defs"]["RawImage"]["properties"]["key"].update(description="Key."),
    "another title": lambda s: s["$defs"]["RawImage"].update(title="Raw image"),
    "a new definition": lambda s: s["$defs"].update(New={"type": "object"}),
}


def test_an_id_and_descriptions_may_be_added() -> None:
    new = released("ImageGenerated", 1)
    old = copy.deepcopy(new)
    for _, part in parts(old):
        part.pop("description")
    del old["$id"]

    assert incompatibilities(old, new) == []


@pytest.mark.parametrize("change", COMPATIBLE.values(), ids=COMPATIBLE.keys())
def test_a_compatible_change_is_allowed(change: Change) -> None:
    old = released("ImageGenerated", 1)
    new = copy.deepcopy(old)
    change(new)

    assert new != old
    assert incompatibilities(old, new) == []


def test_generated_files_are_up_to_date() -> None:
    stale = [path.name for path, text in outputs().items() if not path.exists() or path.read_text() != text]

    assert stale == [], "run: python -m tools.docs"


def test_the_generator_reports_outdated_files(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path, text = next(iter(outputs().items()))
    monkeypatch.setattr("tools.docs.generate.outputs", lambda: {path: text + " "})

    assert main(["--check"]) == 1
    assert path.name in capsys.readouterr().out


def test_the_generator_refuses_breaking_changes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = SCHEMAS / "ImageGenerated.v1.json"
    before = path.read_text()
    broken = released("ImageGenerated", 1)
    BREAKS["a field was removed"](broken)
    monkeypatch.setattr("tools.docs.generate.outputs", lambda: {path: json.dumps(broken)})

    assert main([]) == 1
    assert "sha256 was removed" in capsys.readouterr().out
    assert path.read_text() == before


@EVERY_EVENT
def test_no_event_accepts_a_text_that_is_not_sealed(name: str, version: int) -> None:
    event = golden(name, version)
    for field in ("prompt", "negative_prompt"):
        if "parameters" in event["data"]:
            event["data"]["parameters"] |= {field: "a red fox"}
            with pytest.raises(ValidationError, match=f"parameters.{field}"):
                model(name, version).model_validate(event)
