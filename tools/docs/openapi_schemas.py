"""The JSON Schemas of all request and response bodies, from the services' pydantic models."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from kit.http_api import Route
from tools.docs.descriptions import DescribedSchema
from tools.docs.openapi_examples import BODIES, PROPERTIES

Schema = dict[str, Any]


class Schemas:
    """The JSON Schemas of all request and response bodies, and of other ``messages``, each once."""

    def __init__(self, routes: list[Route], messages: Sequence[type[BaseModel]] = ()) -> None:
        wanted: dict[tuple[type[BaseModel], JsonSchemaMode], None] = {
            (model, "serialization"): None for model in messages
        }
        for route in routes:
            for model in (route.body, route.query):
                if model:
                    wanted[model, "validation"] = None
            for model in (*route.responses.values(), route.error_body):
                if model:
                    wanted[model, "serialization"] = None
        self._queries = {route.query for route in routes}
        refs, definitions = models_json_schema(
            list(wanted), ref_template="#/components/schemas/{model}", schema_generator=_Generator
        )
        self._refs = refs
        self._definitions = definitions.get("$defs", {})

    def ref(self, model: type[BaseModel], mode: JsonSchemaMode) -> Schema:
        """Return a reference to a model's schema."""
        found = self._refs[model, mode]
        return {"$ref": _short_names(found["$ref"])} if "$ref" in found else found

    def properties(self, query: type[BaseModel]) -> Iterator[tuple[str, Schema, bool]]:
        """Yield name, schema and whether it is required of each query parameter."""
        schema = self._definitions[self._refs[query, "validation"]["$ref"].rsplit("/", 1)[1]]
        for name, part in schema.get("properties", {}).items():
            _drop_null(part)  # a query parameter cannot be null
            yield name, _renamed(part), name in schema.get("required", [])

    def components(self) -> dict[str, Schema]:
        """Return every schema by name, except those of query parameters, which are listed with their routes."""
        hidden = {
            self._refs[query, "validation"]["$ref"].rsplit("/", 1)[1] for query in self._queries if query is not None
        }
        return {
            _short_names(name): _component(_short_names(name), _renamed(schema))
            for name, schema in sorted(self._definitions.items())
            if name not in hidden
        }


class _Generator(DescribedSchema):
    """JSON Schema for callers: described, and without nulls in responses."""

    def model_schema(self, schema: Any) -> Schema:
        """Return a model's schema without nulls in responses, which omit None."""
        found = super().model_schema(schema)
        for name, part in found.get("properties", {}).items():
            if needs_example(part) and (key := _example_key(schema["cls"], name)):
                part["examples"] = [PROPERTIES[key]]
            if self.mode == "serialization" and _drop_null(part):
                found["required"] = [other for other in found.get("required", []) if other != name]
        if found.get("required") == []:
            del found["required"]
        return found


def needs_example(part: Schema) -> bool:
    """Return whether a schema does not show its values: neither an enum nor a boolean, nor another component."""
    if "$ref" in part or "enum" in part or "const" in part or part.get("type") in ("boolean", "null"):
        return False
    if choices := part.get("anyOf"):
        return any(needs_example(choice) for choice in choices)
    below = part.get("items") or part.get("additionalProperties")
    return needs_example(below) if isinstance(below, dict) else True


def _example_key(model: type, name: str) -> str | None:
    """Return the key of a property's example. The classes that a model inherits from have precedence over the name."""
    keys = [*(f"{cls.__name__}.{name}" for cls in model.__mro__), name]
    return next((key for key in keys if key in PROPERTIES), None)


def _drop_null(part: Schema) -> bool:
    """Remove null from the choices of a property. Return whether it was one."""
    choices = part.get("anyOf", [])
    rest = [choice for choice in choices if choice.get("type") != "null"]
    if len(rest) == len(choices):
        return False
    del part["anyOf"]
    if part.get("default", 0) is None:
        del part["default"]
    part.update(rest[0] if len(rest) == 1 else {"anyOf": rest})
    return True


def _short_names(name: str) -> str:
    """Shorten the names that pydantic makes unique.

    Two services may use the same name (`IntakeImage`), and a model may differ between request and response
    (`Preferences`, `PreferencesResponse`).
    """
    name = re.sub(
        r"services__([a-z_]+?)__(?:\w+?__)*([A-Z])", lambda part: part[1].title().replace("_", "") + part[2], name
    )
    return name.replace("-Input", "").replace("-Output", "Response")


def _renamed(schema: Any) -> Any:
    text = json.dumps(schema)
    return json.loads(re.sub(r'"#/components/schemas/[^"]+"', lambda found: _short_names(found[0]), text))


def _component(name: str, schema: Schema) -> Schema:
    """Return a schema with its examples, and with its name as title: generators name classes by the title.

    A choice between models is `oneOf`, because each has required properties that the others lack: generators that read
    `anyOf` as all of them at once fail on every response.
    """
    if "anyOf" in schema:
        schema = {**schema, "oneOf": schema["anyOf"]}
        del schema["anyOf"]
    return {**schema, "title": name, **({"examples": BODIES[name]} if name in BODIES else {})}
