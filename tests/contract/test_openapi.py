"""The OpenAPI document is valid and describes exactly the deployed routes with their authorization."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import BaseModel, Field

from kit.http_api import CALL_ID_HEADER
from kit.problems import ApiProblem, field_error
from tests.support import templates
from tools.docs.descriptions import attribute_docstrings
from tools.docs.generate import ROOT
from tools.docs.openapi import ServedRoute, openapi, routes
from tools.docs.openapi_examples import BODIES, PROPERTIES
from tools.docs.openapi_parameters import PATH_PARAMETERS
from tools.docs.openapi_parts import PROBLEMS
from tools.docs.openapi_schemas import needs_example

DOCUMENT = openapi(ROOT)
ROUTES = routes(ROOT)
EVERY_ROUTE = pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)


def described(route: ServedRoute) -> dict[str, Any]:
    found: dict[str, Any] = DOCUMENT["paths"][route.route.path][route.route.method.lower()]
    return found


def resolved(part: dict[str, Any]) -> dict[str, Any]:
    """Return ``part``, or its target if it is a reference."""
    if "$ref" not in part:
        return part
    found: Any = DOCUMENT
    for step in part["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return resolved(found)


def satisfies(body: Any, schema: dict[str, Any]) -> None:
    """Raise if ``body`` does not match ``schema``, whose references point into the document."""
    whole = {**schema, "components": DOCUMENT["components"]}
    jsonschema.Draft202012Validator(whole, format_checker=jsonschema.FormatChecker()).validate(body)


def objects(part: Any) -> Iterator[dict[str, Any]]:
    """Yield every JSON object in ``part``, itself included."""
    if isinstance(part, dict):
        yield part
    for value in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from objects(value)


def schemas(part: Any) -> Iterator[dict[str, Any]]:
    """Yield every object with properties, wherever it is in ``part``."""
    return (found for found in objects(part) if isinstance(found.get("properties"), dict))


def test_the_document_is_valid_openapi() -> None:
    OpenAPIV31SpecValidator(DOCUMENT).validate()


def test_the_document_has_exactly_the_routes_of_the_templates() -> None:
    deployed = {route.properties["RouteKey"] for route in templates.http_routes()}
    described = {f"{method.upper()} {path}" for path, methods in DOCUMENT["paths"].items() for method in methods}
    assert described == {key for key in deployed if not key.startswith("HEAD ")}


def test_operation_ids_are_unique() -> None:
    names = [route.name for route in ROUTES]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]+", name) for name in names)


@EVERY_ROUTE
def test_security_equals_the_scope_that_the_handler_checks(route: ServedRoute) -> None:
    found, scope = described(route), route.route.scope

    scopes = [] if scope in {None, "any"} else [scope]
    assert found["security"] == ([{"api_key": scopes}, {"bearer": scopes}] if scope else [])
    assert found.get("x-scope") == (scopes[0] if scopes else None)
    assert ("401" in found["responses"]) == (scope is not None)
    assert "403" in found["responses"], "a call that bypasses the edge"


@EVERY_ROUTE
def test_every_path_parameter_is_described(route: ServedRoute) -> None:
    parameters = [part for part in described(route).get("parameters", []) if part["in"] == "path"]

    assert [part["name"] for part in parameters] == re.findall(r"\{(\w+)\+?\}", route.route.path)
    for part in parameters:
        assert part["description"]
        satisfies(part["example"], part["schema"])


@EVERY_ROUTE
def test_every_response_with_a_body_has_a_schema(route: ServedRoute) -> None:
    operation = route.route
    for status, model in operation.responses.items():
        content = described(route)["responses"][str(status)].get("content", {})
        assert ("application/json" in content) or model is None
    for status in operation.problems:
        content = resolved(described(route)["responses"][str(status)])["content"]
        assert "application/problem+json" in content or operation.error_body or status in operation.responses


@EVERY_ROUTE
def test_every_response_header_is_described(route: ServedRoute) -> None:
    always, sometimes = route.route.response_headers, route.route.optional_headers
    for status in always.keys() | sometimes.keys():
        headers = described(route)["responses"][str(status)]["headers"]
        ended = route.route.deprecation.headers if route.route.deprecation else ()
        assert list(headers) == [CALL_ID_HEADER, *always.get(status, ()), *sometimes.get(status, ()), *ended]
        assert all(header["description"] for name, header in headers.items() if name != CALL_ID_HEADER)


@EVERY_ROUTE
def test_every_response_of_a_route_has_the_id_of_the_call(route: ServedRoute) -> None:
    for answer in described(route)["responses"].values():
        assert resolved(answer)["headers"][CALL_ID_HEADER] == {"$ref": "#/components/headers/CallId"}


def test_routes_with_a_successor_are_deprecated_for_a_year() -> None:
    deprecated = {route.route.path: route.route.deprecation for route in ROUTES if route.route.deprecation}

    assert deprecated.keys() == {"/api/images/generate", "/api/moderation/check", "/v1/images/generations"}
    assert all(route.sunset >= route.since + timedelta(days=365) for route in deprecated.values())
    assert {route.successor for route in deprecated.values()} <= DOCUMENT["paths"].keys() - deprecated.keys()


@EVERY_ROUTE
def test_deprecated_routes_are_described_as_such(route: ServedRoute) -> None:
    found, deprecation = described(route), route.route.deprecation

    assert found.get("deprecated", False) == (deprecation is not None)
    if deprecation:
        assert found["x-sunset"] == str(deprecation.sunset)
        assert found["x-sunset"] in found["description"]
        for response in found["responses"].values():
            assert response["headers"].keys() >= deprecation.headers.keys()


def test_every_described_path_parameter_is_used() -> None:
    used = {name for route in ROUTES for name in re.findall(r"\{(\w+)\+?\}", route.route.path)}
    assert PATH_PARAMETERS.keys() == used


def test_every_request_body_has_a_valid_example() -> None:
    components = DOCUMENT["components"]["schemas"]
    bodies = {
        found["requestBody"]["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
        for found in map(described, ROUTES)
        if "application/json" in found.get("requestBody", {}).get("content", {})
    }
    assert bodies <= BODIES.keys() <= components.keys()
    for name, examples in BODIES.items():
        for example in examples:
            satisfies(example, components[name])


def test_the_json_in_the_guide_matches_a_schema() -> None:
    components = DOCUMENT["components"]["schemas"]
    blocks = re.findall(r"^```json\n(.*?)^```", (ROOT / "docs/api.md").read_text(), re.MULTILINE | re.DOTALL)

    def matches(body: dict[str, Any], schema: dict[str, Any]) -> bool:
        whole = jsonschema.Draft202012Validator({**schema, "components": DOCUMENT["components"]})
        return body.keys() <= schema.get("properties", {}).keys() and bool(whole.is_valid(body))

    assert blocks
    for block in blocks:
        assert any(matches(json.loads(block), schema) for schema in components.values()), block


def test_every_exception_of_the_linter_exists() -> None:
    ignored = yaml.safe_load((ROOT / "tests/interop/.redocly.lint-ignore.yaml").read_text())["../../docs/openapi.json"]

    for pointer in (pointer for pointers in ignored.values() for pointer in pointers):
        found: Any = DOCUMENT
        for step in pointer.removeprefix("#/").split("/"):
            found = found[step.replace("~1", "/")]


def test_every_schema_is_defined_and_used() -> None:
    text = json.dumps(DOCUMENT)
    referred = set(re.findall(r'"#/(components/\w+/[\w.-]+)"', text))
    defined = {
        f"components/{group}/{name}"
        for group, parts in DOCUMENT["components"].items()
        if group != "securitySchemes"
        for name in parts
    }
    assert referred == defined


def test_schema_names_contain_no_module_paths() -> None:
    assert not [name for name in DOCUMENT["components"]["schemas"] if "__" in name]


def test_the_title_of_a_component_is_its_name() -> None:
    # Generators name classes by the title: two components with one title lose one of them.
    components = DOCUMENT["components"]["schemas"]
    assert {name: part["title"] for name, part in components.items()} == {name: name for name in components}


def test_every_array_has_a_schema_for_its_items() -> None:
    assert not [part for part in objects(DOCUMENT) if part.get("type") == "array" and "items" not in part]


def values() -> Iterator[tuple[str, dict[str, Any], dict[str, Any], list[Any]]]:
    """Yield name, description's holder, schema and examples of every property, parameter and header."""
    for owner in schemas(DOCUMENT):
        for name, part in owner["properties"].items():
            yield f"{owner.get('title')}.{name}", part, part, part.get("examples", [])
    for part in objects(DOCUMENT):
        named = [(found["name"], found) for found in part.get("parameters", []) if isinstance(found, dict)]
        headers = part["headers"].items() if isinstance(part.get("headers"), dict) else []
        for name, found in [*named, *((name, resolved(found)) for name, found in headers)]:
            schema = found["schema"]
            yield name, found, schema, [found["example"]] if "example" in found else schema.get("examples", [])


def test_every_property_parameter_and_header_is_described() -> None:
    assert sorted({name for name, part, _, _ in values() if not part.get("description", "").endswith(".")}) == []


def test_every_property_parameter_and_header_has_a_valid_example() -> None:
    assert sorted({name for name, _, schema, found in values() if needs_example(schema) and not found}) == []
    for _, _, schema, found in values():
        for example in found:
            satisfies(example, schema)


def test_every_example_of_a_property_is_used() -> None:
    used = [(name.rsplit(".", 1)[-1], found) for name, _, _, found in values()]
    assert [key for key, example in PROPERTIES.items() if (key.rsplit(".", 1)[-1], [example]) not in used] == []


def test_webhooks_have_a_tag_of_their_own() -> None:
    def tags(group: str) -> set[str]:
        found = [operation for item in DOCUMENT[group].values() for operation in item.values()]
        return {tag for operation in found for tag in operation["tags"]}

    assert not tags("paths") & tags("webhooks")
    assert tags("paths") | tags("webhooks") == {tag["name"] for tag in DOCUMENT["tags"] if tag["description"]}


@pytest.mark.parametrize("status", PROBLEMS)
def test_problem_examples_match_their_schema(status: int) -> None:
    code, detail, errors = PROBLEMS[status]
    problem = ApiProblem(code, detail, errors=errors)

    assert problem.status == status
    satisfies(json.loads(problem.response().body or ""), DOCUMENT["components"]["schemas"]["Problem"])


def test_the_problem_schema_accepts_our_problems_only() -> None:
    schema = DOCUMENT["components"]["schemas"]["Problem"]
    errors = [field_error("size", "is not one", allowed=["1024x1024"])]
    document = ApiProblem("validation_failed", "No", errors=errors, instance="/v1/requests/1").document()

    satisfies(document, schema)
    for broken in ({"message": "no"}, {**document, "status": 200}, {**document, "type": "about:blank"}):
        with pytest.raises(jsonschema.ValidationError):
            satisfies(broken, schema)


def test_responses_omit_none_and_their_schemas_have_no_null() -> None:
    answers = [
        resolved(answer["content"]["application/json"]["schema"])
        for found in map(described, ROUTES)
        for status, answer in found["responses"].items()
        if status.startswith("2") and "application/json" in answer.get("content", {})
    ]
    assert answers
    for part in schemas(answers):
        for name, value in part["properties"].items():
            assert {"type": "null"} not in value.get("anyOf", []), name


def test_field_docstrings_become_descriptions() -> None:
    class Base(BaseModel):
        first: str
        """Said of the
        first, with ``code``."""

    class Wish(Base):
        second: int = Field(1, ge=1)
        """Said of the second."""
        third: int = 2

    assert attribute_docstrings(Wish) == {"first": "Said of the first, with `code`.", "second": "Said of the second."}
