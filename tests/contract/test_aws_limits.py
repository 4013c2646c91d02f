"""Limits of AWS that the emulator does not enforce: lengths of names, sizes of templates, policies and environments."""

import graphlib
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support import templates
from tests.support.templates import ROOT, Resource

TEMPLATES: Final = [ROOT / "template.yaml", *sorted(ROOT.glob("services/*/*.yaml"))]
EVERY_TEMPLATE = pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: f"{path.parent.name}-{path.stem}")
FUNCTIONS: Final = templates.resources("AWS::Serverless::Function")
LONGEST_REGION: Final = "ap-southeast-1"
ACCOUNT: Final = "1" * 12
LONGEST_ARN: Final = "x" * 140
"""Longer than the ARN of any of our queues, tables, buckets or secrets; a test compares them."""
NAMES: Final = {
    "AWS::ApiGatewayV2::Api": ("Name", 128),
    "AWS::ApiGatewayV2::Authorizer": ("Name", 128),
    "AWS::ApplicationAutoScaling::ScalingPolicy": ("PolicyName", 256),
    "AWS::Athena::NamedQuery": ("Name", 128),
    "AWS::Athena::WorkGroup": ("Name", 128),
    "AWS::Backup::BackupVault": ("BackupVaultName", 50),
    "AWS::Budgets::Budget": ("BudgetName", 100),
    "AWS::CloudFront::Function": ("Name", 64),
    "AWS::CloudTrail::Trail": ("TrailName", 128),
    "AWS::CloudFront::OriginAccessControl": ("Name", 64),
    "AWS::CloudFront::ResponseHeadersPolicy": ("Name", 128),
    "AWS::Logs::QueryDefinition": ("Name", 255),
    "AWS::CloudWatch::Alarm": ("AlarmName", 255),
    "AWS::CloudWatch::CompositeAlarm": ("AlarmName", 255),
    "AWS::CloudWatch::Dashboard": ("DashboardName", 255),
    "AWS::DynamoDB::Table": ("TableName", 255),
    "AWS::ElastiCache::ServerlessCache": ("ServerlessCacheName", 40),
    "AWS::ElastiCache::User": ("UserName", 40),
    "AWS::EventSchemas::Registry": ("RegistryName", 64),
    "AWS::EventSchemas::Schema": ("SchemaName", 385),
    "AWS::ECS::Cluster": ("ClusterName", 255),
    "AWS::ECS::Service": ("ServiceName", 255),
    "AWS::Events::Archive": ("ArchiveName", 48),
    "AWS::Events::EventBus": ("Name", 256),
    "AWS::Events::Rule": ("Name", 64),
    "AWS::IAM::Policy": ("PolicyName", 128),
    "AWS::KMS::Alias": ("AliasName", 256),
    "AWS::Logs::LogGroup": ("LogGroupName", 512),
    "AWS::S3::Bucket": ("BucketName", 63),
    "AWS::SNS::Topic": ("TopicName", 256),
    "AWS::SQS::Queue": ("QueueName", 80),
    "AWS::SecretsManager::Secret": ("Name", 512),
    "AWS::Serverless::Function": ("FunctionName", 64),
    "AWS::Serverless::LayerVersion": ("LayerName", 140),
    "AWS::WAFv2::WebACL": ("Name", 128),
}
"""The property with the physical name of each type, and how many characters AWS allows."""
DESCRIPTIONS: Final = {
    "AWS::CloudWatch::Alarm": ("AlarmDescription", 1024),
    "AWS::CloudWatch::CompositeAlarm": ("AlarmDescription", 1024),
    "AWS::EventSchemas::Registry": ("Description", 256),
    "AWS::EventSchemas::Schema": ("Description", 256),
    "AWS::Events::Rule": ("Description", 512),
    "AWS::Serverless::LayerVersion": ("Description", 256),
}


@cache
def longest_environment() -> str:
    """Return the longest name that the parameter ``Environment`` accepts."""
    pattern = re.compile(templates.root_template()["Parameters"]["Environment"]["AllowedPattern"])
    return max((name for name in ("a" * length for length in range(1, 65)) if pattern.fullmatch(name)), key=len)


def written_out(text: str) -> str:
    """Insert the longest values into a text with CloudFormation's ``${…}``."""
    prefix = f"genai-images-{longest_environment()}"
    values = {
        "AWS::AccountId": ACCOUNT,
        "AWS::Region": LONGEST_REGION,
        "AWS::Partition": "aws",
        "AWS::URLSuffix": "amazonaws.com",
        "Environment": longest_environment(),
        "Prefix": prefix,
        "EventBusName": f"{prefix}-bus",
        "RunbookUrl": "https://example.com/a/rather/long/address/of/the/runbook/runbook.md",
    }
    return re.sub(r"\$\{([\w.:]+)\}", lambda found: values.get(found[1], LONGEST_ARN), text)


def resolved(value: Any) -> Any:
    """Return ``value`` with the longest text in place of every function."""
    if isinstance(value, list):
        return [resolved(item) for item in value]
    if isinstance(value, dict):
        if "Fn::Sub" in value:
            return written_out(templates.flat(value)[0])
        if "Fn::If" in value:
            return max((resolved(choice) for choice in value["Fn::If"][1:]), key=lambda choice: len(json.dumps(choice)))
        if value == {"Ref": "AWS::NoValue"}:
            return ""
        if len(value) == 1 and next(iter(value)) in {"Ref", "Fn::GetAtt", "Fn::FindInMap", "Fn::Join", "Fn::Split"}:
            return LONGEST_ARN
        return {key: resolved(item) for key, item in value.items()}
    return value


def each(types: dict[str, tuple[str, int]]) -> Iterator[Any]:
    """Yield the property and limit of every resource of ``types`` that has it."""
    for path in TEMPLATES:
        for name, body in templates.load(path)["Resources"].items():
            if body["Type"] not in types:
                continue
            wanted, limit = types[body["Type"]]
            found = list(_values(body.get("Properties", {}), wanted))
            for value in found[:1]:
                yield pytest.param(value, limit, id=f"{path.parent.name}-{name}")


def _values(value: Any, wanted: str) -> Iterator[Any]:
    if isinstance(value, dict):
        if wanted in value:
            yield value[wanted]
        for item in value.values():
            yield from _values(item, wanted)


@pytest.mark.parametrize(("name", "limit"), list(each(NAMES)))
def test_a_name_fits_in_the_longest_environment(name: Any, limit: int) -> None:
    text = resolved(name)

    assert LONGEST_ARN not in text, "the test cannot tell its length"
    assert len(text) <= limit, f"{text} has {len(text)} characters"


@pytest.mark.parametrize(("description", "limit"), list(each(DESCRIPTIONS)))
def test_a_description_fits(description: Any, limit: int) -> None:
    assert len(resolved(description)) <= limit


def test_every_named_type_has_a_limit() -> None:
    # a domain is the operator's
    unnamed = {"MetricName", "StageName", "EventBusName", "ServiceName", "S3BucketName", "DomainName"}
    for path in TEMPLATES:
        for name, body in templates.load(path)["Resources"].items():
            own = {key for key in body.get("Properties", {}) if key.endswith("Name")} - unnamed
            if body["Type"] in {"AWS::Lambda::Permission", "AWS::Lambda::EventSourceMapping"}:
                own -= {"FunctionName"}  # a reference
            if body["Type"] == "AWS::ApplicationAutoScaling::ScalingPolicy":
                own -= {"PolicyName"}  # unique in the installation's own service only
            if body["Type"] == "AWS::EC2::FlowLog":
                own -= {"LogGroupName"}  # a reference
            if body["Type"] == "AWS::Glue::Table":
                own -= {"DatabaseName"}  # a reference
            if body["Type"] == "AWS::Route53::RecordSet":
                own -= {"Name"}  # a parameter
            assert not own or body["Type"] in NAMES, f"{path.parent.name} {name}: add {own} to NAMES"


def test_the_assumed_arn_is_longer_than_ours() -> None:
    names = [resolved(param.values[0]) for param in each(NAMES)]

    assert len(f"arn:aws:dynamodb:{LONGEST_REGION}:{ACCOUNT}:table/") + max(map(len, names)) < len(LONGEST_ARN)


def test_environments_cannot_share_a_prefix() -> None:
    pattern = templates.root_template()["Parameters"]["Environment"]["AllowedPattern"]

    assert re.fullmatch(pattern, "prod")
    assert not re.fullmatch(pattern, "prod-eu"), "genai-images-prod-* would match its names"


@EVERY_TEMPLATE
def test_a_template_fits(path: Path) -> None:
    template = templates.load(path)

    assert len(json.dumps(template)) < 900_000, "CloudFormation takes 1 MB; SAM adds to the functions"
    assert len(template["Resources"]) <= 450, "CloudFormation takes 500; SAM adds versions and permissions"
    for section in ("Parameters", "Outputs", "Mappings"):
        assert len(template.get(section, {})) <= 200


@EVERY_TEMPLATE
def test_no_resource_waits_for_itself(path: Path) -> None:
    """In the root template the resources include the nested stacks, which wait for each other's outputs."""
    resources = templates.load(path)["Resources"]
    graph = {
        name: {each.removesuffix("Aliaslive") for each in _references(body)} & resources.keys()
        for name, body in resources.items()
    }

    assert list(graphlib.TopologicalSorter(graph).static_order())


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _references(item)
    if isinstance(value, dict):
        waits_for = value.get("DependsOn", [])
        yield from [waits_for] if isinstance(waits_for, str) else waits_for
        if name := templates.referenced(value):
            yield name
        if "Fn::Sub" in value:
            text = value["Fn::Sub"] if isinstance(value["Fn::Sub"], str) else value["Fn::Sub"][0]
            yield from (found.split(".")[0] for found in re.findall(r"\$\{([\w.]+)\}", text))
        for key, item in value.items():
            if key != "DeploymentPreference":  # SAM makes a resource of its own of it, which waits for its alarms
                yield from _references(item)


@pytest.mark.parametrize("function", FUNCTIONS, ids=str)
def test_a_functions_environment_fits(function: Resource) -> None:
    parameters = templates.service_template(function.service)["Parameters"]

    def longest(value: Any) -> str:
        if isinstance(value, dict) and value.get("Ref") in parameters:
            root = templates.root_template()["Parameters"].get(value["Ref"], {})
            if "AllowedValues" in root:
                return max(map(str, root["AllowedValues"]), key=len)
            return "x" * int(root.get("MaxLength", len(LONGEST_ARN)))
        return str(resolved(value))

    variables = function.properties["Environment"]["Variables"]

    assert sum(len(name) + len(longest(value)) for name, value in variables.items()) <= 4096


@pytest.mark.parametrize("function", FUNCTIONS, ids=str)
def test_a_roles_policies_fit(function: Resource) -> None:
    statements = [resolved(statement) for statement in templates.statements(function)]

    assert len(json.dumps(statements, separators=(",", ":"))) <= 10_240 - 50 * len(statements)


@pytest.mark.parametrize("rule", templates.resources("AWS::Events::Rule"), ids=str)
def test_a_rule_has_few_targets_and_a_short_pattern(rule: Resource) -> None:
    assert 1 <= len(rule.properties["Targets"]) <= 5
    assert len(json.dumps(rule.properties.get("EventPattern", {}))) <= 2048


@pytest.mark.parametrize("alarm", templates.resources("AWS::CloudWatch::CompositeAlarm"), ids=str)
def test_a_composite_alarm_fits(alarm: Resource) -> None:
    rule = alarm.properties["AlarmRule"]["Fn::Sub"]

    assert len(written_out(rule)) <= 10_240


def test_the_apis_fit() -> None:
    routes, integrations = templates.http_routes(), templates.resources("AWS::ApiGatewayV2::Integration")

    assert len(routes) <= 300
    assert len(integrations) <= 300
    for integration in integrations:
        assert integration.properties.get("TimeoutInMillis", 30_000) <= 30_000


@pytest.mark.parametrize("table", templates.resources("AWS::DynamoDB::Table"), ids=str)
def test_a_named_resource_is_never_replaced_in_silence(table: Resource) -> None:
    """CloudFormation refuses to replace a resource with a name of its own, so an update cannot lose a table."""
    assert "TableName" in table.properties
    indexes = table.properties.get("GlobalSecondaryIndexes", [])
    projected = sum(len(index["Projection"].get("NonKeyAttributes", [])) for index in indexes)

    assert len(indexes) <= 20
    assert projected <= 100, "DynamoDB counts the attributes of all indexes together"
