"""With ``VpcMode=private``, the template deploys and images are generated.

The emulator has the VPC, its subnets, groups, routes and endpoints, but no NAT gateways and no flow logs. It ignores
the `VpcConfig` of functions: what a route or a policy blocks shows on AWS only.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.system import System, own_system


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Return a system of its own in a private network."""
    with own_system(
        tmp_path_factory.mktemp("private"),
        parameters={"VpcMode": "private"},
    ) as system:
        yield system


def nested_stacks(system: System) -> list[dict[str, Any]]:
    """Return the nested stacks with their parameters and outputs as dictionaries."""
    pages = system.client("cloudformation").get_paginator("describe_stacks").paginate()
    return [
        {
            "parameters": {each["ParameterKey"]: each["ParameterValue"] for each in stack.get("Parameters", [])},
            "outputs": {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])},
        }
        for page in pages
        for stack in page["Stacks"]
    ]


def network(system: System) -> dict[str, str]:
    """Return the outputs of the network."""
    (found,) = [stack["outputs"] for stack in nested_stacks(system) if "PrivateSubnetIds" in stack["outputs"]]
    return dict(found)


def test_every_service_gets_the_groups_that_exist(private: System) -> None:
    ec2, outputs = private.client("ec2"), network(private)
    groups = {
        name: ec2.describe_security_groups(GroupIds=[outputs[name]])["SecurityGroups"][0]["Description"]
        for name in ("PrivateGroupId", "OutboundGroupId", "WebhookGroupId")
    }
    given = [stack["parameters"] for stack in nested_stacks(private) if "SubnetIds" in stack["parameters"]]
    webhook = [parameters for parameters in given if "WebhookSubnetIds" in parameters]

    assert len(set(groups.values())) == 3
    assert len(given) == 9
    assert {parameters["SubnetIds"] for parameters in given} == {outputs["PrivateSubnetIds"]}
    assert {parameters["SecurityGroupIds"] for parameters in given} == {outputs["PrivateGroupId"]}
    assert [parameters["WebhookSubnetIds"] for parameters in webhook] == [outputs["WebhookSubnetId"]]
    assert [parameters["WebhookSecurityGroupIds"] for parameters in webhook] == [outputs["WebhookGroupId"]]


def test_every_role_may_be_connected(private: System) -> None:
    lambdas, iam, policy = private.client("lambda"), private.client("iam"), network(private)["PolicyArn"]
    pages = lambdas.get_paginator("list_functions").paginate()
    roles = [each["Role"].rpartition("/")[2] for page in pages for each in page["Functions"]]

    assert len(roles) > 40
    for role in roles:
        attached = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
        assert [each["PolicyArn"] for each in attached] == [policy]


def test_the_private_subnets_have_endpoints_and_no_way_out(private: System) -> None:
    ec2, inner = private.client("ec2"), network(private)["PrivateSubnetIds"].split(",")
    subnets = ec2.describe_subnets(SubnetIds=inner)["Subnets"]
    (table,) = [
        table
        for table in ec2.describe_route_tables()["RouteTables"]
        if {each.get("SubnetId") for each in table["Associations"]} == set(inner)
    ]
    endpoints = ec2.describe_vpc_endpoints()["VpcEndpoints"]

    assert [route["GatewayId"] for route in table["Routes"]] == ["local"]
    assert len({each["AvailabilityZone"] for each in subnets}) == 2
    assert Counter(endpoint["VpcEndpointType"] for endpoint in endpoints) == {"Gateway": 2, "Interface": 9}


def test_an_image_is_generated(private: System) -> None:
    request = private.generate("a heron in the reeds at dawn")

    assert request["status"] == "succeeded", request
