"""The private network: which function is in which group, what each group reaches, and which endpoints exist.

docs/network.md and ADR 37. The emulator deploys it (tests/e2e/test_network.py), but does not route through it.
"""

import ipaddress
import json
import re
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from itertools import combinations
from typing import Any, Final

import pytest

from events.model_catalog import model_catalog
from services.notifications.addresses import PORTS, is_public
from services.operations.lifecycle.sentinel import watched_models
from tests.support import templates
from tests.support.templates import ROOT, Resource

NETWORK: Final = ROOT / "services/operations/network.yaml"
TEMPLATE: Final = templates.load(NETWORK)
RESOURCES: Final = TEMPLATE["Resources"]
DOCUMENT: Final = (ROOT / "docs/network.md").read_text()
FUNCTIONS: Final = templates.resources("AWS::Serverless::Function")
EVERY_FUNCTION = pytest.mark.parametrize("function", FUNCTIONS, ids=str)
EVERY_SERVICE = pytest.mark.parametrize("service", templates.services())
NOTHING: Final = {"Ref": "AWS::NoValue"}
IMAGE_REGION: Final = "us-west-2"

ENDPOINT_OF: Final = {"cloudwatch": "monitoring"}
"""Endpoints whose names are not those of the service in IAM."""
BEDROCK_RUNTIME: Final = {"bedrock:InvokeModel", "bedrock:ApplyGuardrail"}
BY_LAMBDA: Final = {
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "dynamodb:DescribeStream",
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "dynamodb:ListStreams",
}
"""What Lambda itself does with a function's role, outside of the VPC: logs, traces, and reading streams."""
IN_THE_VPC: Final = {"elasticache"}
"""The cache has addresses in the private subnets."""
WITHOUT_ENDPOINT: Final = {"cloudfront", "execute-api"}
"""Services that cannot be reached through an endpoint: CloudFront has none, and that of execute-api leads to private
REST APIs only, not to the connections of a WebSocket API."""


def of_type(kind: str) -> dict[str, Any]:
    """Return the resources of a type."""
    return {name: body for name, body in RESOURCES.items() if body["Type"] == kind}


def service_of(action: str) -> str:
    """Return the endpoint to which a call with this permission goes."""
    prefix = action.partition(":")[0]
    return "bedrock-runtime" if action in BEDROCK_RUNTIME else ENDPOINT_OF.get(prefix, prefix)


def called_by(function: Resource) -> set[str]:
    """Return the services that a function calls, from its role."""
    return {
        service_of(action)
        for statement in templates.statements(function)
        for action in templates.flat(statement["Action"])
        if action not in BY_LAMBDA
    }


def group_of(function: Resource) -> str:
    """Return a function's group, ``private``, ``outbound`` or ``webhook``; of generate, the one in us-west-2."""
    condition, config, otherwise = function.properties["VpcConfig"]["Fn::If"]
    assert (condition, otherwise) == ("InVpc", NOTHING)
    found = set()
    for field in ("SubnetIds", "SecurityGroupIds"):
        value = config[field]
        if "Fn::If" in value:
            assert value["Fn::If"][0] == "ModelsElsewhere"
            assert value["Fn::If"][1] == {"Ref": f"Outbound{field}"}
            value = value["Fn::If"][2]
        found.add(value["Ref"].removesuffix(field) or "Private")
    (name,) = found
    return str(name).lower()


# Functions -----------------------------------------------------------------------------------------------------------


@EVERY_FUNCTION
def test_a_function_leaves_only_if_a_service_has_no_endpoint(function: Resource) -> None:
    if str(function) == "notifications-webhookFunction":
        assert group_of(function) == "webhook"
    elif str(function) == "operations-sentinelFunction":  # it asks Bedrock in every Region of the catalog
        assert group_of(function) == "outbound"
    else:
        assert group_of(function) == ("outbound" if called_by(function) & WITHOUT_ENDPOINT else "private")


def test_the_sentinel_asks_in_other_regions() -> None:
    regions = {watched.region for watched in watched_models(model_catalog(), IMAGE_REGION)}

    assert regions > {IMAGE_REGION}, "put operations-sentinel into the private group"


def test_models_of_the_own_region_are_called_through_an_endpoint() -> None:
    today = datetime.now(UTC).date().isoformat()
    current = [model for model in model_catalog() if not model.end_of_life or str(model.end_of_life) > today]
    (generate,) = [each for each in FUNCTIONS if str(each) == "generation-generateFunction"]

    assert current
    assert all(not model.regions or IMAGE_REGION in model.regions for model in current)
    assert templates.service_template("generation")["Conditions"]["ModelsElsewhere"] == {
        "Fn::Or": [
            {"Condition": "HasCustomModels"},
            {"Fn::Not": [{"Fn::Equals": [{"Ref": "AWS::Region"}, IMAGE_REGION]}]},
        ]
    }
    assert "ModelsElsewhere" in str(generate.properties["VpcConfig"])


@EVERY_SERVICE
def test_the_root_passes_each_group_its_subnets(service: str) -> None:
    functions = [function for function in FUNCTIONS if function.service == service]
    if not functions:
        return
    (passed,) = [
        body["Properties"]["Parameters"]
        for body in templates.root_template()["Resources"].values()
        if body["Type"] == "AWS::Serverless::Application"
        and body["Properties"]["Location"] == f"services/{service}/template.yaml"
    ]
    outputs = {
        "NetworkPolicyArn": "PolicyArn",
        "SubnetIds": "PrivateSubnetIds",
        "SecurityGroupIds": "PrivateGroupId",
        "OutboundSubnetIds": "OutboundSubnetId",
        "OutboundSecurityGroupIds": "OutboundGroupId",
        "WebhookSubnetIds": "WebhookSubnetId",
        "WebhookSecurityGroupIds": "WebhookGroupId",
    }
    given = {name: value for name, value in passed.items() if "Network" in json.dumps(value)}

    assert given == {
        name: {"Fn::If": ["InVpc", {"Fn::GetAtt": ["Network", f"Outputs.{outputs[name]}"]}, ""]} for name in given
    }
    assert {"NetworkPolicyArn", "SubnetIds", "SecurityGroupIds"} <= given.keys()
    assert {*outputs.values(), "VpcId"} == TEMPLATE["Outputs"].keys()
    assert templates.service_template(service)["Conditions"]["InVpc"] == {
        "Fn::Not": [{"Fn::Equals": [{"Ref": "NetworkPolicyArn"}, ""]}]
    }


def test_there_is_no_network_by_default() -> None:
    root = templates.root_template()

    assert root["Parameters"]["VpcMode"]["Default"] == "none"
    assert root["Parameters"]["VpcMode"]["AllowedValues"] == ["none", "private"]
    assert root["Conditions"]["InVpc"] == {"Fn::Equals": [{"Ref": "VpcMode"}, "private"]}
    assert root["Resources"]["Network"]["Condition"] == "InVpc"


# Permissions ---------------------------------------------------------------------------------------------------------


@EVERY_FUNCTION
def test_a_role_may_connect_only_if_there_is_a_vpc(function: Resource) -> None:
    role = templates.named(function.service, function.properties["Role"])

    assert role.properties["ManagedPolicyArns"] == {"Fn::If": ["InVpc", [{"Ref": "NetworkPolicyArn"}], NOTHING]}


def test_roles_get_what_lambda_documents_and_code_gets_nothing_of_it() -> None:
    describe, connect, deny = RESOURCES["NetworkInterfaces"]["Properties"]["PolicyDocument"]["Statement"]
    documented = {
        "ec2:CreateNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:DeleteNetworkInterface",
        "ec2:AssignPrivateIpAddresses",
        "ec2:UnassignPrivateIpAddresses",
    }

    assert {*describe["Action"], *connect["Action"]} == set(deny["Action"]) == documented
    assert describe["Resource"] == "*"
    assert all("Describe" in action for action in describe["Action"])
    assert connect["Resource"]["Fn::Sub"].endswith(":ec2:${AWS::Region}:${AWS::AccountId}:*/*")
    assert deny["Effect"] == "Deny"
    assert deny["Condition"]["ArnLike"]["lambda:SourceFunctionArn"]["Fn::Sub"].endswith(":function:${Prefix}-*")
    assert not any(action.startswith("ec2:") for function in FUNCTIONS for action in actions_of(function))


def actions_of(function: Resource) -> list[str]:
    """Return all actions of a function's role."""
    return [a for statement in templates.statements(function) for a in templates.flat(statement["Action"])]


# Endpoints -----------------------------------------------------------------------------------------------------------


OF_CONTAINERS: Final = {"ecr.api": "HasContainers", "ecr.dkr": "HasContainers", "xray": "ContainersTrace"}
"""Endpoints that exist only if a worker runs on Fargate, with their conditions."""


def endpoints(kind: str, *, of_containers: bool = False) -> dict[str, Any]:
    """Return the properties of the endpoints of a type by service, those of functions or those of containers."""
    return {
        templates.flat(body["Properties"]["ServiceName"])[0].removeprefix("com.amazonaws.${AWS::Region}."): body[
            "Properties"
        ]
        for body in of_type("AWS::EC2::VPCEndpoint").values()
        if body["Properties"]["VpcEndpointType"] == kind and ("Condition" in body) == of_containers
    }


def test_endpoints_are_those_of_the_services_that_are_called() -> None:
    """KMS is not among them: other services use the key for a function (``kms:ViaService``)."""
    called = (
        {service for function in FUNCTIONS for service in called_by(function)} - WITHOUT_ENDPOINT - IN_THE_VPC - {"kms"}
    )

    assert {*endpoints("Gateway"), *endpoints("Interface")} == called
    assert endpoints("Gateway").keys() == {"s3", "dynamodb"}, "they cost nothing"


def test_gateway_endpoints_are_in_every_route_table_of_functions() -> None:
    for properties in endpoints("Gateway").values():
        assert properties["RouteTableIds"] == [{"Ref": "PrivateRoutes"}, {"Ref": "OutboundRoutes"}]


def test_endpoints_of_containers_exist_only_with_containers() -> None:
    found = {
        templates.flat(body["Properties"]["ServiceName"])[0].removeprefix("com.amazonaws.${AWS::Region}."): body[
            "Condition"
        ]
        for body in of_type("AWS::EC2::VPCEndpoint").values()
        if "Condition" in body
    }
    passed = templates.root_template()["Resources"]["Network"]["Properties"]["Parameters"]

    assert found == OF_CONTAINERS
    assert passed["Containers"] == {"Fn::If": ["OnFargate", "on", "off"]}
    assert TEMPLATE["Conditions"]["HasContainers"] == {"Fn::Equals": [{"Ref": "Containers"}, "on"]}


@pytest.mark.parametrize("service", [*endpoints("Interface"), *OF_CONTAINERS])
def test_an_interface_endpoint_is_in_both_zones(service: str) -> None:
    properties = {**endpoints("Interface"), **endpoints("Interface", of_containers=True)}[service]

    assert properties["SubnetIds"] == [{"Ref": "PrivateSubnetA"}, {"Ref": "PrivateSubnetB"}]
    assert properties["SecurityGroupIds"] == [{"Ref": "EndpointGroup"}]
    assert properties["PrivateDnsEnabled"] is True


@pytest.mark.parametrize("service", [*endpoints("Interface"), *endpoints("Gateway"), *OF_CONTAINERS])
def test_an_endpoint_accepts_only_credentials_of_our_account(service: str) -> None:
    containers = endpoints("Interface", of_containers=True)
    properties = {**endpoints("Interface"), **endpoints("Gateway"), **containers}[service]
    first, *others = (each for each in properties["PolicyDocument"]["Statement"] if "Fn::If" not in each)

    assert first["Condition"]["StringEquals"]["aws:PrincipalAccount"] == {"Ref": "AWS::AccountId"}
    assert [other["Sid"] for other in others] == (["AnswersToCloudFormation"] if service == "s3" else [])


def test_s3_and_dynamodb_are_limited_to_our_buckets_and_tables() -> None:
    gateways = endpoints("Gateway")
    buckets, layers, answers = gateways["s3"]["PolicyDocument"]["Statement"]
    (tables,) = gateways["dynamodb"]["PolicyDocument"]["Statement"]

    assert [text.partition(":s3:::")[2] for text in templates.flat(buckets["Resource"])] == [
        "${Prefix}-*",
        "${Prefix}-*/*",
    ]
    assert buckets["Condition"]["StringEquals"]["aws:ResourceAccount"] == {"Ref": "AWS::AccountId"}
    assert templates.flat(tables["Resource"])[0].endswith(":table/${Prefix}-*")
    condition, pulled, otherwise = layers["Fn::If"]
    assert (condition, otherwise) == ("HasContainers", NOTHING)
    assert pulled["Action"] == "s3:GetObject"
    assert templates.flat(pulled["Resource"])[0].endswith(":s3:::prod-${AWS::Region}-starport-layer-bucket/*")
    assert answers["Action"] == "s3:PutObject", "a custom resource answers CloudFormation"
    assert templates.flat(answers["Resource"])[0].endswith(":::cloudformation-custom-resource-response-${Region}/*")


# Routes and security groups ------------------------------------------------------------------------------------------


def routes(table: str) -> list[dict[str, Any]]:
    """Return the properties of the routes of a route table."""
    return [
        body["Properties"]
        for body in of_type("AWS::EC2::Route").values()
        if body["Properties"]["RouteTableId"] == {"Ref": table}
    ]


def route_table(subnet: str) -> str:
    """Return the route table of a subnet."""
    (found,) = [
        body["Properties"]["RouteTableId"]["Ref"]
        for body in of_type("AWS::EC2::SubnetRouteTableAssociation").values()
        if body["Properties"]["SubnetId"] == {"Ref": subnet}
    ]
    return str(found)


def test_no_route_of_the_private_subnets_leaves_the_vpc() -> None:
    assert {route_table("PrivateSubnetA"), route_table("PrivateSubnetB")} == {"PrivateRoutes"}
    assert routes("PrivateRoutes") == []


def test_only_the_outbound_and_the_webhook_subnet_use_the_nat_gateway() -> None:
    (outbound,), (public,) = routes("OutboundRoutes"), routes("PublicRoutes")

    assert outbound["NatGatewayId"] == {"Ref": "NatGateway"}
    assert public["GatewayId"] == {"Ref": "InternetGateway"}
    assert [name for name in of_type("AWS::EC2::Subnet") if route_table(name) == "OutboundRoutes"] == [
        "OutboundSubnet",
        "WebhookSubnet",
    ]
    assert RESOURCES["NatGateway"]["Properties"]["SubnetId"] == {"Ref": "PublicSubnet"}
    assert not [name for name, output in TEMPLATE["Outputs"].items() if "PublicSubnet" in str(output)]


def test_subnets_are_in_two_zones_and_do_not_overlap() -> None:
    network = ipaddress.IPv4Network(RESOURCES["Vpc"]["Properties"]["CidrBlock"])
    chosen = {name: body["Properties"] for name, body in of_type("AWS::EC2::Subnet").items()}
    blocks = [ipaddress.IPv4Network(properties["CidrBlock"]) for properties in chosen.values()]

    assert all(block.subnet_of(network) for block in blocks)
    assert not any(one.overlaps(other) for one, other in combinations(blocks, 2))
    zones = [chosen[f"PrivateSubnet{letter}"]["AvailabilityZone"]["Fn::Select"][0] for letter in "AB"]
    assert zones == [0, 1]


def test_a_webhook_cannot_reach_the_network() -> None:
    network = ipaddress.IPv4Network(RESOURCES["Vpc"]["Properties"]["CidrBlock"])

    assert not is_public(network[0])
    assert not is_public(network[-1])


def test_security_groups_open_the_ports_that_are_needed() -> None:
    groups = {name: body["Properties"] for name, body in of_type("AWS::EC2::SecurityGroup").items()}

    def ports(rules: list[Any]) -> set[int]:
        assert all(rule["FromPort"] == rule["ToPort"] and rule["IpProtocol"] == "tcp" for rule in rules)
        return {rule["FromPort"] for rule in rules}

    assert [name for name, properties in groups.items() if "SecurityGroupIngress" in properties] == ["EndpointGroup"]
    assert ports(groups["PrivateGroup"]["SecurityGroupEgress"]) == {443}
    assert ports(groups["OutboundGroup"]["SecurityGroupEgress"]) == {443}
    assert ports(groups["WebhookGroup"]["SecurityGroupEgress"]) == PORTS
    ingress = groups["EndpointGroup"]["SecurityGroupIngress"]
    assert ports(ingress) == {443}
    assert {rule["SourceSecurityGroupId"]["Ref"] for rule in ingress} == groups.keys() - {"EndpointGroup"}


def test_connections_are_logged_with_a_retention() -> None:
    log = RESOURCES["FlowLog"]["Properties"]

    assert (log["ResourceId"], log["TrafficType"]) == ({"Ref": "Vpc"}, "ALL")
    assert log["LogGroupName"] == {"Ref": "FlowLogs"}
    assert RESOURCES["FlowLogs"]["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}


def test_only_what_the_emulator_lacks_is_missing_there() -> None:
    missing = {body["Type"] for body in RESOURCES.values() if body.get("Condition") == "OnAws"}

    assert missing == {"AWS::EC2::EIP", "AWS::EC2::FlowLog", "AWS::EC2::NatGateway", "AWS::EC2::Route"}
    assert all(body.get("Condition") in {None, "OnAws", *OF_CONTAINERS.values()} for body in RESOURCES.values())


# Document ------------------------------------------------------------------------------------------------------------


def test_the_document_names_every_function_that_leaves_the_vpc() -> None:
    rows = dict(re.findall(r"^\| (private|outbound|webhook) \| (.+?) \|", DOCUMENT, re.MULTILINE))
    elsewhere = {"generation-generate"}  # on a condition
    sizes = Counter(group_of(function) for function in FUNCTIONS)
    picture = re.search(r"(\d+) functions +(\d+) functions +(\d+) function ", DOCUMENT)

    assert picture
    assert [int(number) for number in picture.groups()] == [sizes["private"], sizes["outbound"], sizes["webhook"]]
    for group in ("outbound", "webhook"):
        named = set(re.findall(r"`([a-z]+-[a-z]+)`", rows[group])) - elsewhere
        assert named == {
            function.properties["FunctionName"]["Fn::Sub"].removeprefix("${Prefix}-")
            for function in FUNCTIONS
            if group_of(function) == group
        }


def test_the_document_names_every_endpoint_and_adds_up_the_cost() -> None:
    table = DOCUMENT.partition("<!-- begin cost -->")[2].partition("<!-- end cost -->")[0]
    rows = {
        cells[1].strip(): [Decimal(number) for number in re.findall(r"\d+(?:\.\d+)?", "|".join(cells[2:]))]
        for cells in (line.split("|") for line in table.splitlines() if line.startswith("| ") and line.count("|") > 3)
    }
    zones = 2
    count, hour, month = rows["interface endpoints, per zone"]
    others = [values[-1] for name, values in rows.items() if name in {"NAT gateway", "its public address"}]

    assert set(re.findall(r"^\| `([a-z0-9.-]+)` \|", DOCUMENT, re.MULTILINE)) == {
        *endpoints("Gateway"),
        *endpoints("Interface"),
        *OF_CONTAINERS,
        *WITHOUT_ENDPOINT,
    }
    assert count == zones * len(endpoints("Interface"))
    assert month == count * hour * 730
    assert len(others) == 2
    assert rows["**total**"][-1] == month + sum(others)
