"""Snapshots and provisioned concurrency shorten starts of the APIs. Both are off by default and exclude each other.

Provisioned concurrency may follow the load and a schedule.
"""

from typing import Any, Final

import pytest

from local import parameters
from tests.support import templates
from tests.support.templates import ROOT, Resource
from tools.benchmarks.functions import functions
from tools.permissions.stack import Template

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


def scaling(**values: str) -> dict[str, dict[str, Any]]:
    """Return the resources of the template that scales, with parameters inserted, by logical id."""
    root = Template(ROOT / "template.yaml", values, "us-west-2")
    if "Scaling" not in {name for name, _ in root.deployed("AWS::Serverless::Application")}:
        return {}
    return {name: dict(properties) for name, properties in root.children["Scaling"].deployed(*SCALING_TYPES)}


SCALING_TYPES: Final = ("AWS::ApplicationAutoScaling::ScalableTarget", "AWS::ApplicationAutoScaling::ScalingPolicy")
SCALED: Final = {"ProvisionedConcurrency": "2", "ProvisionedConcurrencyMax": "20"}


def test_every_provisioned_function_follows_the_load() -> None:
    assert scaling(ProvisionedConcurrency="2") == {}

    found = scaling(**SCALED, ProvisionedUtilization="0.6")
    names = {
        f"function:{resource.properties['FunctionName']['Fn::Sub']}:live".replace("${Prefix}", "genai-images-dev")
        for resource in templates.resources("AWS::Serverless::Function")
        if identity(resource) in PROVISIONED
    }
    targets = {name: each for name, each in found.items() if name.endswith("Target")}
    assert {each["ResourceId"] for each in targets.values()} == names
    for name, target in targets.items():
        assert (int(target["MinCapacity"]), int(target["MaxCapacity"])) == (2, 20)
        assert "ScheduledActions" not in target
        policy = found[name.replace("Target", "Policy")]
        tracking = policy["TargetTrackingScalingPolicyConfiguration"]
        assert float(tracking["TargetValue"]) == 0.6
        assert tracking["PredefinedMetricSpecification"] == {
            "PredefinedMetricType": "LambdaProvisionedConcurrencyUtilization"
        }


def test_a_peak_raises_the_least_number_on_working_days() -> None:
    found = scaling(**SCALED, ProvisionedPeak="5", ProvisionedPeakHours="7-19", ProvisionedPeakTimezone="Europe/Berlin")

    for target in (found["apiTarget"], found["authorizerTarget"]):
        begins, ends = target["ScheduledActions"]
        assert (begins["Schedule"], ends["Schedule"]) == ("cron(0 7 ? * MON-FRI *)", "cron(0 19 ? * MON-FRI *)")
        assert {begins["Timezone"], ends["Timezone"]} == {"Europe/Berlin"}
        least = [int(action["ScalableTargetAction"]["MinCapacity"]) for action in (begins, ends)]
        assert least == [5, 2], "afterwards, the load decides again"
        assert {int(action["ScalableTargetAction"]["MaxCapacity"]) for action in (begins, ends)} == {20}


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"ProvisionedConcurrencyMax": "5"}, "Set ProvisionedConcurrency to at least 1"),
        ({"ProvisionedConcurrency": "2", "ProvisionedPeak": "5"}, "Set ProvisionedConcurrencyMax, or ProvisionedPeak"),
        ({"ProvisionedConcurrency": "6", "ProvisionedConcurrencyMax": "5"}, "to at least ProvisionedConcurrency and"),
        (SCALED | {"ProvisionedPeak": "21"}, "to at least ProvisionedConcurrency and ProvisionedPeak"),
        (SCALED | {"ProvisionedUtilization": "70"}, "must be a share"),
        (SCALED | {"ProvisionedPeakHours": "8-24"}, "must be two hours"),
        ({"ShedAfterSeconds": "900,300,1800"}, "Set ShedAfterSeconds to numbers that do not decrease"),
        ({"ShedAfterSeconds": "900"}, "must be off, or three numbers"),
    ],
)
def test_impossible_combinations_are_refused_before_the_build(values: dict[str, str], sentence: str) -> None:
    (problem,) = parameters.problems(templates.root_template(), values, "us-west-2")
    assert sentence in problem


@pytest.mark.parametrize("values", [{}, SCALED, SCALED | {"ProvisionedPeak": "20"}, {"ShedAfterSeconds": "off"}])
def test_possible_combinations_are_accepted(values: dict[str, str]) -> None:
    assert parameters.problems(templates.root_template(), values, "us-west-2") == []
