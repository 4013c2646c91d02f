"""Rules for gradual deployments: aliases, what invokes them, canaries and their rollback alarms.

The tests read the templates after the SAM transform, once with `GradualDeployment=true` and once without.
"""

import copy
import json
import re
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from local.build import SAM_PYTHON
from local.package import ARTIFACTS, transform
from tests.support import templates
from tests.support.templates import ALIAS, ROOT, Resource

Plain = dict[str, Any]

FUNCTIONS = templates.resources("AWS::Serverless::Function")
EVERY_FUNCTION = pytest.mark.parametrize("function", FUNCTIONS, ids=str)
BOTH_WAYS = pytest.mark.parametrize("gradual", ["true", "false"])
SERVICES = sorted({function.service for function in FUNCTIONS})

PARTS_OF_A_FUNCTION = ("AWS::Lambda::Version", "AWS::Lambda::Alias", "AWS::CloudWatch::Alarm")
"""Types that refer to a function without invoking it. Metrics of a function include all of its versions."""
RESOURCES_MAX = 500
"""CloudFormation's limit per stack."""
ROLLBACK_ALARMS_MAX = 10
"""CodeDeploy's limit per deployment group."""


@cache
def plain(gradual: str, release: str = "unbuilt") -> dict[str, Plain]:
    """Return the resources of all services by service, as CloudFormation gets them after the SAM transform."""
    bodies = []
    for service in SERVICES:
        body = copy.deepcopy(templates.service_template(service))
        body["Parameters"]["GradualDeployment"]["Default"] = gradual
        body["Globals"]["Function"]["Environment"]["Variables"]["RELEASE"] = release
        for resource in body["Resources"].values():
            if artifact := ARTIFACTS.get(resource["Type"]):
                resource["Properties"][artifact] = "s3://bucket/code"
        bodies.append(body)
    return dict(zip(SERVICES, transform(bodies), strict=True))


def resources(function: Resource, gradual: str) -> Plain:
    """Return the resources of the function's service."""
    found: Plain = plain(gradual)[function.service]["Resources"]
    return found


def references(value: Any) -> Iterator[str]:
    """Yield all names in `Ref`, `Fn::GetAtt` and `Fn::Sub` in ``value``, those in `Fn::Sub` with what follows them."""
    if isinstance(value, list):
        for item in value:
            yield from references(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            if name == "Ref":
                yield item
            elif name == "Fn::GetAtt":
                yield item[0]
            elif name == "Fn::Sub":
                text = item if isinstance(item, str) else item[0]
                yield from (
                    found.removesuffix(".Arn}:live") + ALIAS
                    if found.endswith(".Arn}:live")
                    else re.split(r"[.}]", found)[0]
                    for found in re.findall(r"\$\{([\w.]+\}(?::live)?)", text)
                )
                yield from references(item[1:] if isinstance(item, list) else [])
            else:
                yield from references(item)


def is_scheduled(function: Resource) -> bool:
    """Return whether a schedule invokes the function."""
    return any(
        function.is_meant_by(target["Arn"])
        for rule in templates.resources("AWS::Events::Rule")
        if rule.service == function.service
        for target in rule.properties["Targets"]
    )


def mapping_of(function: Resource) -> Resource | None:
    """Return the event source mapping that invokes the function."""
    for mapping in templates.resources("AWS::Lambda::EventSourceMapping"):
        if mapping.service == function.service and function.is_meant_by(mapping.properties["FunctionName"]):
            return mapping
    return None


def serves_http(function: Resource) -> bool:
    """Return whether the HTTP API waits for the function's result, directly or through another function."""
    waits_for = [
        *(
            found.properties.get("IntegrationUri")
            for found in templates.resources("AWS::ApiGatewayV2::Integration")
            if found.service == function.service and found.properties["ApiId"] == {"Ref": "HttpApiId"}
        ),
        *(
            found.properties["AuthorizerUri"]
            for found in templates.resources("AWS::ApiGatewayV2::Authorizer")
            if found.service == function.service
        ),
        *(
            value
            for other in FUNCTIONS
            if other.service == function.service
            for value in other.properties["Environment"]["Variables"].values()
        ),
    ]
    return f"{function.name}{ALIAS}" in references(waits_for)


@BOTH_WAYS
@EVERY_FUNCTION
def test_a_function_has_an_alias_for_its_own_version(function: Resource, gradual: str) -> None:
    found = resources(function, gradual)
    alias = found[f"{function.name}{ALIAS}"]["Properties"]
    version = found[alias["FunctionVersion"]["Fn::GetAtt"][0]]

    assert alias["Name"] == "live"
    assert alias["FunctionName"] == version["Properties"]["FunctionName"] == {"Ref": function.name}
    assert version["Type"] == "AWS::Lambda::Version"
    assert version["DeletionPolicy"] == "Retain", "a rollback needs the version before"


@BOTH_WAYS
@EVERY_FUNCTION
def test_everything_that_invokes_a_function_invokes_its_alias(function: Resource, gradual: str) -> None:
    users = {
        name: list(references(body["Properties"]))
        for name, body in resources(function, gradual).items()
        if body["Type"] not in PARTS_OF_A_FUNCTION
    }

    assert not [name for name, used in users.items() if function.name in used]
    assert [name for name, used in users.items() if f"{function.name}{ALIAS}" in used], "nothing invokes it"


@EVERY_FUNCTION
def test_every_function_except_scheduled_ones_has_a_canary(function: Resource) -> None:
    found = resources(function, "true")
    policy = found[f"{function.name}{ALIAS}"].get("UpdatePolicy")
    group = found.get(f"{function.name}DeploymentGroup")

    if is_scheduled(function):
        assert policy is group is None
        return
    assert group is not None
    assert policy == {
        "CodeDeployLambdaAliasUpdate": {
            "ApplicationName": group["Properties"]["ApplicationName"],
            "DeploymentGroupName": {"Ref": f"{function.name}DeploymentGroup"},
        }
    }
    assert group["Properties"]["DeploymentConfigName"]["Fn::Sub"][1] == {"ConfigName": "Canary10Percent10Minutes"}
    assert set(group["Properties"]["AutoRollbackConfiguration"]["Events"]) >= {
        "DEPLOYMENT_STOP_ON_ALARM",
        "DEPLOYMENT_STOP_ON_REQUEST",
    }


@pytest.mark.parametrize("function", [each for each in FUNCTIONS if not is_scheduled(each)], ids=str)
def test_a_canary_is_rolled_back_by_the_alarms_of_its_function(function: Resource) -> None:
    found = resources(function, "true")
    configuration = found[f"{function.name}DeploymentGroup"]["Properties"]["AlarmConfiguration"]
    names = [alarm["Name"]["Ref"] for alarm in configuration["Alarms"]]
    role = function.name.removesuffix("Function")
    expected = {f"{role}ErrorsAlarm"}
    if serves_http(function):
        expected |= {"HttpApiAlarm"}
    if (mapping := mapping_of(function)) is not None:  # failed messages and records are no errors of the function
        expected |= {f"{role}LagAlarm" if "StartingPosition" in mapping.properties else f"{role}StallsAlarm"}

    assert configuration["Enabled"] is True
    assert set(names) == expected
    assert len(names) <= ROLLBACK_ALARMS_MAX
    for name in expected - {"HttpApiAlarm"}:
        assert found[name]["Type"] == "AWS::CloudWatch::Alarm"
        assert "Condition" not in found[name], "CodeDeploy fails if an alarm does not exist"


def test_the_root_passes_the_alarm_of_the_http_api() -> None:
    root = templates.root_template()["Resources"]
    passed = {
        name: body["Properties"]["Parameters"]["HttpApiAlarm"]
        for name, body in root.items()
        if body["Type"] == "AWS::Serverless::Application" and "HttpApiAlarm" in body["Properties"]["Parameters"]
    }

    assert passed
    assert all(value == {"Ref": "ApiErrorsAlarm"} for value in passed.values())
    assert root["ApiErrorsAlarm"]["Type"] == "AWS::CloudWatch::Alarm"
    assert root["ApiErrorsAlarm"]["Properties"]["MetricName"] == "5xx"


def test_an_alarm_of_the_http_api_rings_within_a_canary() -> None:
    """A canary in which every call fails is 10 % of all calls, and lasts ten minutes."""
    alarm = templates.root_template()["Resources"]["ApiErrorsAlarm"]["Properties"]

    assert alarm["Threshold"] < 0.1
    assert alarm["Period"] * alarm["EvaluationPeriods"] <= 600


def test_without_gradual_deployment_nothing_needs_codedeploy() -> None:
    """The emulator does not have it, and a first deployment needs no canary."""
    for template in plain("false").values():
        for body in template["Resources"].values():
            assert not body["Type"].startswith("AWS::CodeDeploy::")
            assert "UpdatePolicy" not in body


def test_gradual_deployment_is_on_in_prod_only() -> None:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    on = {
        name
        for name, environment in config.items()
        if isinstance(environment, dict)
        and "GradualDeployment=true"
        in environment.get("global", {}).get("parameters", {}).get("parameter_overrides", [])
    }

    assert on == {"prod"}
    assert templates.root_template()["Parameters"]["GradualDeployment"]["Default"] == "false"


@EVERY_FUNCTION
def test_a_release_publishes_a_version_of_every_function(function: Resource) -> None:
    def version(release: str) -> str:
        alias = plain("true", release)[function.service]["Resources"][f"{function.name}{ALIAS}"]
        return str(alias["Properties"]["FunctionVersion"]["Fn::GetAtt"][0])

    assert templates.environment(function)["RELEASE"] == "unbuilt"
    assert version("r1") != version("r2")


@BOTH_WAYS
@pytest.mark.parametrize("service", SERVICES)
def test_a_stack_stays_below_the_limit_of_resources(service: str, gradual: str) -> None:
    assert len(plain(gradual)[service]["Resources"]) < RESOURCES_MAX / 2


@BOTH_WAYS
def test_transformed_templates_pass_cfn_lint(gradual: str, tmp_path: Path) -> None:
    files = []
    for service, template in plain(gradual).items():
        file = tmp_path / f"{service}.json"
        file.write_text(json.dumps({"AWSTemplateFormatVersion": "2010-09-09", **template}))
        files.append(str(file))
    done = subprocess.run(
        [Path(SAM_PYTHON).with_name("cfn-lint"), "--ignore-checks", "W", "--", *files],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout
