"""Snapshots and provisioned concurrency shorten starts of the APIs. Both are off by default and exclude each other."""

from typing import Any, Final

import pytest

from tests.support import templates
from tests.support.templates import Resource
from tools.benchmarks.functions import functions

APIS: Final = {(function.service, function.logical_id) for function in functions() if function.kind == "api"}
PROVISIONED: Final = {("accounts", "authorizerFunction"), ("intake", "apiFunction")}
"""Every call passes the authorizer, and most callers call the request API."""
NONE: Final = {"Ref": "AWS::NoValue"}
EVERY_FUNCTION = pytest.mark.parametrize("function", templates.resources("AWS::Serverless::Function"), ids=str)


def identity(function: Resource) -> tuple[str, str]:
    return function.service, function.name


@EVERY_FUNCTION
def test_only_apis_start_from_snapshots(function: Resource) -> None:
    found = function.properties.get("SnapStart")
    expected = {"Fn::If": ["UseSnapStart", {"ApplyOn": "PublishedVersions"}, NONE]}

    assert found == (expected if identity(function) in APIS else None)


@EVERY_FUNCTION
def test_only_the_request_api_and_the_authorizer_are_provisioned(function: Resource) -> None:
    found = function.properties.get("ProvisionedConcurrencyConfig")
    expected = {
        "Fn::If": [
            "ProvisionsConcurrency",
            {"ProvisionedConcurrentExecutions": {"Ref": "ProvisionedConcurrency"}},
            NONE,
        ]
    }

    assert found == (expected if identity(function) in PROVISIONED else None)


def test_both_are_off_by_default_and_reach_their_services() -> None:
    root = templates.root_template()
    passed = {
        name: {
            service
            for service in templates.services()
            if root["Resources"][service.capitalize()]["Properties"]["Parameters"].get(name) == {"Ref": name}
        }
        for name in ("SnapStart", "ProvisionedConcurrency")
    }

    assert passed["SnapStart"] == {service for service, _ in APIS}
    assert passed["ProvisionedConcurrency"] == {service for service, _ in PROVISIONED}
    assert root["Parameters"]["SnapStart"]["Default"] == "off"
    assert root["Parameters"]["ProvisionedConcurrency"]["Default"] == 0
    for service, _ in APIS:
        conditions = templates.service_template(service)["Conditions"]
        assert conditions["UseSnapStart"] == {"Fn::Equals": [{"Ref": "SnapStart"}, "on"]}
    for service, _ in PROVISIONED:
        conditions = templates.service_template(service)["Conditions"]
        assert conditions["ProvisionsConcurrency"] == {
            "Fn::Not": [{"Fn::Equals": [{"Ref": "ProvisionedConcurrency"}, 0]}]
        }


def test_a_rule_refuses_both_at_once_and_runtimes_without_snapshots() -> None:
    rule: dict[str, Any] = templates.root_template()["Rules"]["Snapshots"]
    image, both, runtime = (assertion["Assert"] for assertion in rule["Assertions"])

    assert rule["RuleCondition"] == {"Fn::Equals": [{"Ref": "SnapStart"}, "on"]}
    assert image == {"Fn::Equals": [{"Ref": "StoragePackage"}, "zip"]}
    assert both == {"Fn::Equals": [{"Ref": "ProvisionedConcurrency"}, "0"]}
    assert runtime == {"Fn::Contains": [["python3.12", "python3.13", "python3.14"], {"Ref": "Runtime"}]}
