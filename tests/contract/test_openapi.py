"""The OpenAPI document is valid and describes exactly the deployed routes with their authorization."""

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import BaseModel, Field

from kit.http_api import CALL_ID_HEADER, ApiProblem, field_error
from tests.support import templates
from tools.docs.descriptions import attribute_docstrings
from tools.docs.generate import ROOT
from tools.docs.openapi import ServedRoute, openapi, routes
from tools.docs.openapi_parts import EXAMPLES, PATH_PARAMETERS, PROBLEMS

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


def schemas(part: Any) -> Iterator[dict[str, Any]]:
    """Yield every object with properties, wherever it is in ``part``."""
    if isinstance(part, dict):
        if isinstance(part.get("properties"), dict):
            yield part
        for value in part.values():
            yield from schemas(value)
    elif isinstance(part, list):
        for value in part:
            yield from schemas(value)


def test_the_document_is_valid_openapi() -> None:
    OpenAPIV31SpecValidator(DOCUMENT).validate()


def test_the_document_has_exactly_the_routes_of_the_templates() -> None:
    deployed = {route.properties["RouteKey"] for route in templates.http_routes()}
    assert {f"{method.upper()} {path}" for path, methods in DOCUMENT["paths"].items() for method in methods} == deployed


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
    assert ("401" in found["responses"]) == ("403" in found["responses"]) == (scope is not None)


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
    for status, names in route.route.response_headers.items():
        headers = described(route)["responses"][str(status)]["headers"]
        assert list(headers) == [CALL_ID_HEADER, *names]
        assert all(header["description"] for name, header in headers.items() if name != CALL_ID_HEADER)


@EVERY_ROUTE
def test_every_response_of_a_route_has_the_id_of_the_call(route: ServedRoute) -> None:
    for answer in described(route)["responses"].values():
        assert resolved(answer)["headers"][CALL_ID_HEADER] == {"$ref": "#/components/headers/CallId"}


def test_every_described_path_parameter_is_used() -> None:
    used = {name for route in ROUTES for name in re.findall(r"\{(\w+)\+?\}", route.route.path)}
    assert PATH_PARAMETERS.keys() == used


def test_every_request_body_has_a_valid_example() -> None:
    components = DOCUMENT["components"]["schemas"]
    bodies = {
        found["requestBody"]["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
        for found in map(described, ROUTES)
        if "requestBody" in found
    }
    assert bodies <= EXAMPLES.keys() <= components.keys()
    for name, examples in EXAMPLES.items():
        for example in examples:
            satisfies(example, components[name])


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


@pytest.mark.parametrize("status", PROBLEMS)
def test_problem_examples_match_their_schema(status: int) -> None:
    code, title, errors = PROBLEMS[status]
    problem = ApiProblem(status, code, title, errors=errors)

    satisfies(json.loads(problem.response().body or ""), DOCUMENT["components"]["schemas"]["Problem"])


def test_the_problem_schema_accepts_our_problems_only() -> None:
    schema = DOCUMENT["components"]["schemas"]["Problem"]
    problem = ApiProblem(
        422, "validation_failed", "No", errors=[field_error("size", "is not one", allowed=["1024x1024"])]
    )

    satisfies(json.loads(problem.response().body or ""), schema)
    for broken in ({"message": "no"}, {"type": "about:blank", "status": 200, "code": "ok", "title": "fine"}):
        with pytest.raises(jsonschema.ValidationError):
            satisfies(broken, schema)


def test_responses_omit_none_and_their_schemas_have_no_null() -> None:
    answers = [
        resolved(answer["content"]["application/json"]["schema"])
        for found in map(described, ROUTES)
        for status, answer in found["responses"].items()
        if status.startswith("2") and "content" in answer
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
