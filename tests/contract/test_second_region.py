"""The templates of a second region: replicas instead of its own tables, and a passive role that processes nothing."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli import regions
from local import account, parameters, samconfig
from tests.support.commands import operators_commands
from tests.support.templates import ROOT, load, resources, root_template, service_template, services

PER_REGION = {"ImageLinkKey", "EdgeKey"}
"""Secrets that each region makes for itself: they are between a region and its own CDN."""
REPLICATED = ("AWS::DynamoDB::Table", "AWS::SecretsManager::Secret")
STREAM = "arn:aws:dynamodb:us-west-2:123456789012:table/genai-images-dev-requests/stream/2026"

DOMAIN = {
    "RegionalDomainName": "api.example.com",
    "RegionalCertificateArn": "arn:aws:acm:us-west-2:123456789012:certificate/1b2c",
    "RegionalHostedZoneId": "Z0123456789ABCDEFGHIJ",
}


def templates() -> dict[str, Any]:
    """Return the root template and those of the services."""
    return {"root": root_template(), **{service: service_template(service) for service in services()}}


def replicated(template: Any) -> set[str]:
    """Return the logical ids of the resources that a region shares with the other."""
    found = {name for name, body in template["Resources"].items() if body["Type"] in REPLICATED}
    return found - PER_REGION


def references(value: Any) -> Iterator[str]:
    """Yield the names that ``value`` refers to, except those for which it must own the data."""
    if isinstance(value, list):
        for each in value:
            yield from references(each)
    if not isinstance(value, dict):
        return
    if value.get("Fn::If", [None])[0] == "OwnsData":
        yield from references(value["Fn::If"][2])
        return
    for key, inner in value.items():
        if key == "Ref":
            yield inner
        elif key == "Fn::GetAtt":
            yield inner[0]
        elif key == "Fn::Sub":
            text = inner if isinstance(inner, str) else inner[0]
            yield from (part.split("}")[0].split(".")[0] for part in text.split("${")[1:])
        else:
            yield from references(inner)


@pytest.mark.parametrize("name", templates())
def test_a_replica_has_no_table_and_no_shared_secret_of_its_own(name: str) -> None:
    template = templates()[name]
    for logical_id in replicated(template):
        assert template["Resources"][logical_id].get("Condition") == "OwnsData", logical_id
    if replicated(template):
        assert template["Conditions"]["OwnsData"] == {"Fn::Equals": [{"Ref": "ReplicaOf"}, ""]}


@pytest.mark.parametrize("name", templates())
def test_nothing_refers_to_what_a_replica_lacks(name: str) -> None:
    template = templates()[name]
    missing = replicated(template)
    others = {key: body for key, body in template["Resources"].items() if key not in missing}
    assert not missing.intersection(references([others, template.get("Outputs", {})])), "use its name instead"


@pytest.mark.parametrize(
    ("kind", "name", "known"),
    [
        ("AWS::DynamoDB::Table", "TableName", regions.TABLES),
        ("AWS::SecretsManager::Secret", "Name", regions.SECRETS),
    ],
)
def test_everything_that_a_replica_lacks_is_replicated(kind: str, name: str, known: tuple[str, ...]) -> None:
    found = {
        body["Properties"][name]["Fn::Sub"].removeprefix("${Prefix}-").removeprefix("genai-images-${Environment}-")
        for template in templates().values()
        for logical_id, body in template["Resources"].items()
        if body["Type"] == kind and logical_id not in PER_REGION
    }
    assert found == set(known)


def test_a_replica_relays_only_what_is_new() -> None:
    """From the start of the stream, it would publish a day of events again that the other region has published."""
    for mapping in resources("AWS::Lambda::EventSourceMapping"):
        if "StartingPosition" in mapping.properties:
            assert mapping.properties["StartingPosition"] == {"Fn::If": ["OwnsData", "TRIM_HORIZON", "LATEST"]}


def test_a_passive_region_consumes_nothing() -> None:
    mappings = resources("AWS::Lambda::EventSourceMapping")
    assert len(mappings) > 10
    for mapping in mappings:
        condition, on, off = mapping.properties["Enabled"]["Fn::If"]
        assert (condition, off) == ("IsActive", False), str(mapping)
        assert on is True or mapping.service == "generation", "only generation may have a worker"


def test_a_passive_region_runs_no_schedule() -> None:
    schedules = [rule for rule in resources("AWS::Events::Rule") if "ScheduleExpression" in rule.properties]
    assert len(schedules) >= 5
    for schedule in schedules:
        condition, on, off = schedule.properties["State"]["Fn::If"]
        assert (on, off) == ("ENABLED", "DISABLED"), str(schedule)
        needed = service_template(schedule.service)["Conditions"]
        assert condition == "IsActive" or {"Condition": "IsActive"} in needed[condition]["Fn::And"], str(schedule)


def test_a_stream_has_what_replication_needs() -> None:
    """Global tables replicate through the stream; a table without one gets it with its first replica."""
    for table in resources("AWS::DynamoDB::Table"):
        stream = table.properties.get("StreamSpecification")
        assert stream in (None, {"StreamViewType": "NEW_AND_OLD_IMAGES"}), str(table)
        assert table.properties["BillingMode"] == "PAY_PER_REQUEST", "or all replicas need auto scaling"


def test_one_region_is_active_and_owns_its_data_by_default() -> None:
    declared = root_template()["Parameters"]
    assert declared["RegionRole"]["Default"] == "active"
    assert declared["ReplicaOf"]["Default"] == ""


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"ReplicaOf": "us-east-1"}, "Set RequestsStreamArn and GalleryStreamArn"),
        ({"ReplicaOf": "us-east-1", "RequestsStreamArn": STREAM}, "Set RequestsStreamArn and GalleryStreamArn"),
        ({"ReplicaOf": "us-west-2", "RequestsStreamArn": STREAM, "GalleryStreamArn": STREAM}, "another region"),
        ({"ReplicaOf": "Virginia"}, "must be a region"),
        (
            {
                "ReplicaOf": "us-east-1",
                "RequestsStreamArn": STREAM,
                "GalleryStreamArn": STREAM,
                "Encryption": "customer",
            },
            "Set Encryption to aws",
        ),
        ({"RegionRole": "standby"}, "RegionRole"),
        ({"RegionalDomainName": "api.example.com"}, "Set RegionalCertificateArn and RegionalHostedZoneId"),
        ({**DOMAIN, "Edge": "on"}, "Set Edge to off, or RegionalDomainName to nothing"),
    ],
)
def test_wrong_parameters_are_refused(values: dict[str, str], sentence: str) -> None:
    (problem,) = parameters.problems(root_template(), values, "us-west-2")
    assert sentence in problem


def test_a_replica_can_be_deployed() -> None:
    values = {
        **DOMAIN,
        "ReplicaOf": "us-east-1",
        "RequestsStreamArn": STREAM,
        "GalleryStreamArn": STREAM,
        "RegionRole": "passive",
    }
    assert parameters.problems(root_template(), values, "us-west-2") == []


def test_the_document_has_an_environment_that_can_be_deployed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = (ROOT / "docs/second-region.md").read_text()
    (block,) = re.findall(r"```toml\n(.*?)```", document, re.DOTALL)
    monkeypatch.setattr(samconfig, "FILE", tmp_path / "samconfig.toml")
    samconfig.FILE.write_text((ROOT / "samconfig.toml").read_text() + block.replace("\n   ", "\n"))
    first, second = samconfig.load("prod"), samconfig.load("prod-east")
    assert (second.stack, second.prefix) == (first.stack, first.prefix), "failover finds both by one name"
    assert first.parameters.items() <= second.parameters.items()
    assert account.parameters(second, "")["ReplicaOf"] == second.parameters["ReplicaRegion"] == first.region

    other = {"prod": second.region, "prod-east": first.region}
    used = re.findall(r'AWS=1 ENV=(\S+) ARGS="region (?:add|\w+ --other) (\S+)"', document)
    assert {command[1] for command in operators_commands(document) if command[0] == "region"} == {
        *("add", "status", "failover", "failback")
    }
    assert len(used) == 4
    assert all(other[environment] == region for environment, region in used)
    assert set(re.findall(r"ENV=(\S+)", document)) == set(other)
    assert f'ENV=prod PARAMETERS="ReplicaRegion={second.region}"' in document


def test_dns_follows_the_decision_of_an_operator() -> None:
    """The record of the second region comes first, and is healthy only while its sweeper runs."""
    domain = load(ROOT / "services/operations/regional-domain.yaml")["Resources"]
    record, active = domain["Record"]["Properties"], domain["ActiveCheck"]["Properties"]["HealthCheckConfig"]
    assert record["Failover"] == {"Fn::If": ["IsSecond", "PRIMARY", "SECONDARY"]}
    assert record["HealthCheckId"]["Fn::If"][:2] == ["IsSecond", {"Ref": "ActiveCheck"}]
    assert active["InsufficientDataHealthStatus"] == "Unhealthy"
    alarms = {alarm.properties["AlarmName"]["Fn::Sub"]: alarm for alarm in resources("AWS::CloudWatch::Alarm")}
    alarm = alarms[active["AlarmIdentifier"]["Name"]["Fn::Sub"]]
    sweeper = service_template("intake")["Resources"]["sweepSchedule"]["Properties"]
    assert alarm.properties["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": "sweepFunction"}}]
    assert sweeper["State"] == {"Fn::If": ["IsActive", "ENABLED", "DISABLED"]}
    assert "Metrics" not in alarm.properties, "Route 53 cannot check an alarm with metric math"
    assert alarm.properties.get("DatapointsToAlarm") is None, "nor one of M out of N periods"


def test_callers_of_the_domain_need_tls_1_2() -> None:
    domain = load(ROOT / "services/operations/regional-domain.yaml")["Resources"]["Domain"]["Properties"]
    assert [each["SecurityPolicy"] for each in domain["DomainNameConfigurations"]] == ["TLS_1_2"]
