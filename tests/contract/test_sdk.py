"""Functions use no operation and no field that the oldest SDK of a Lambda runtime lacks, or have the SDK layer.

botocore refuses a parameter that it does not know, but drops an unknown field of a response silently.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import grimp
import pytest
from botocore import xform_name

from services.operations.health import OLDEST_BOTO3
from tests.support import templates
from tests.support.sdk import news, operations
from tests.support.templates import ROOT, Resource

FUNCTIONS = templates.resources("AWS::Serverless::Function")
GRAPH = grimp.build_graph("services", "kit", "events", exclude_type_checking_imports=True, cache_dir=None)


@dataclass
class Used:
    """The names in the code of a function that may be operations and fields of AWS services."""

    services: set[str] = field(default_factory=set)
    """Names of clients, such as ``bedrock-runtime``."""
    operations: set[str] = field(default_factory=set)
    """Names of methods and of paginators."""
    fields: set[str] = field(default_factory=set)
    """Strings, and keywords of methods."""

    def add(self, tree: ast.AST) -> None:
        """Add the names in a module."""
        for node in ast.walk(tree):
            match node:
                case ast.Constant(value=str(text)):
                    self.fields.add(text)
                case ast.Call(func=ast.Attribute(attr=method), args=arguments, keywords=keywords):
                    self.operations.add(method)
                    self.fields |= {keyword.arg for keyword in keywords if keyword.arg}
                    match method, arguments:
                        case "client", [ast.Constant(value=str(service)), *_]:
                            self.services.add(service)
                        case "get_paginator", [ast.Constant(value=str(operation)), *_]:
                            self.operations.add(operation)
                case ast.Attribute(attr=method):  # a bound method that is passed on
                    self.operations.add(method)


def used(function: Resource) -> Used:
    """Return the names in the modules that a function's handler imports."""
    handler = function.properties["Handler"].rpartition(".")[0]
    found = Used()
    for module in {handler, *GRAPH.find_upstream_modules(handler)}:
        path = ROOT / f"{module.replace('.', '/')}.py"
        if path.exists():
            found.add(ast.parse(path.read_text()))
    return found


def too_new(found: Used) -> Iterator[str]:
    """Yield the operations and fields in the code that the oldest SDK does not know."""
    for service in found.services:
        for operation in operations(service):
            if xform_name(operation) not in found.operations:
                continue
            unknown = news(service, operation)
            if unknown is None:
                yield f"{service} {operation}"
            else:
                yield from (
                    f"{service} {operation} {'.'.join(path)}" for path in unknown if found.fields.issuperset(path)
                )


def has_sdk_layer(function: Resource) -> bool:
    """Return whether a function has the layer with the pinned SDK."""
    return {"Ref": "SdkLayer"} in function.properties.get("Layers", [])


@pytest.mark.parametrize("function", [each for each in FUNCTIONS if not has_sdk_layer(each)], ids=str)
def test_the_oldest_sdk_knows_what_a_function_uses(function: Resource) -> None:
    assert list(too_new(used(function))) == [], "give the function the SDK layer"


@pytest.mark.parametrize("function", [each for each in FUNCTIONS if has_sdk_layer(each)], ids=str)
def test_a_function_with_the_sdk_layer_needs_it(function: Resource) -> None:
    assert list(too_new(used(function))) != [], "remove the layer"


def test_the_sentinel_reads_a_field_that_the_oldest_sdk_drops() -> None:
    (sentinel,) = (each for each in FUNCTIONS if str(each) == "operations-sentinelFunction")

    assert "bedrock GetFoundationModel modelDetails.modelLifecycle.endOfLifeTime" in set(too_new(used(sentinel)))


def test_every_client_of_a_function_is_found() -> None:
    found = {str(function): used(function).services for function in FUNCTIONS}

    assert found["moderation-promptFunction"] == {"bedrock-runtime", "dynamodb", "events", "sqs"}
    assert [name for name, services in found.items() if not services] == []


def test_the_sdk_layer_has_the_clients_of_its_functions() -> None:
    makefile = (ROOT / "services/operations/sdk/Makefile").read_text()
    (kept,) = re.findall("^services = (.*)$", makefile, re.MULTILINE)
    needed = {service for each in FUNCTIONS if has_sdk_layer(each) for service in used(each).services}

    assert set(kept.split()) == needed


def test_readiness_names_the_oldest_sdk() -> None:
    pinned = (ROOT / "requirements/oldest-sdk.in").read_text()

    assert re.findall(r"^boto3==([\d.]+)$", pinned, re.MULTILINE) == [".".join(map(str, OLDEST_BOTO3))]
