"""The role with which CloudFormation deploys has the rights for everything in the templates, and little else."""

import json
import re
from typing import Any, Final

import pytest

from local.package import plain_templates
from local.templates import parse_template
from tests.contract.test_aws_limits import ACCOUNT, LONGEST_REGION, longest_environment
from tests.support import templates
from tools import deployer_rights
from tools.deployer_rights import Statement

ROLE: Final = "role/genai-images-${Environment}-*"
POLICY: Final = "policy/genai-images-${Environment}-*"
MOST_INLINE: Final = 10_240
MOST_MANAGED: Final = 6_144
"""https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html: characters without white space."""
PASSED_TO_NOBODY: Final = {"pods.eks.amazonaws.com": "a cluster of yours gets it by EKS Pod Identity"}
BY_NAME: Final = Statement(("logs:*",), ("arn:aws:logs:*:${AWS::AccountId}:log-group:/aws/*/genai-images-dev-*",))
EVERYTHING: Final = Statement(("logs:DescribeLogGroups",), ("*",))
ACTIONS_OF_IAM: Final[dict[str, Any]] = {
    "logs": {
        "privileges": {
            "CreateLogGroup": {"resource_types": {"log-group": {}, "": {}}},
            "DescribeLogGroups": {"resource_types": {"": {}}},
        },
        "resources": {"log-group": {"arn": "arn:${Partition}:logs:${Region}:${Account}:log-group:${LogGroupName}"}},
    }
}


def resource(name: str) -> Any:
    """Return the properties of a resource of the deployer's template."""
    return parse_template(deployer_rights.DEPLOYER.read_text())["Resources"][name]["Properties"]


def allowing(prefix: str) -> list[Any]:
    """Return the statements that allow actions of a service."""
    found = [each for document in deployer_rights.policies().values() for each in document["Statement"]]
    return [each for each in found if any(action.startswith(prefix) for action in templates.flat(each["Action"]))]


def written_out(value: Any) -> str:
    """Return a policy as IAM counts it, with the longest names."""
    text = re.sub(r'\{"Fn::Sub":("[^"]*")\}', r"\1", json.dumps(value, separators=(",", ":")))
    for name, longest in (
        ("Environment", longest_environment()),
        ("AWS::Region", LONGEST_REGION),
        ("AWS::AccountId", ACCOUNT),
        ("AWS::Partition", "aws-us-gov"),
    ):
        text = text.replace(f"${{{name}}}", longest)
    assert "${" not in text
    return re.sub(r"\s", "", text)


def test_cloudformation_may_call_what_it_calls_for_every_type() -> None:
    """If this fails: add the action to the role, or to ``NOT_CALLED`` with the reason."""
    assert list(deployer_rights.missing(deployer_rights.needed(), deployer_rights.statements())) == []


def test_cloudformation_may_call_nothing_else() -> None:
    assert list(deployer_rights.unneeded(deployer_rights.needed(), deployer_rights.statements())) == []


@pytest.mark.parametrize("pattern", deployer_rights.NOT_CALLED)
def test_an_exception_concerns_an_action_of_a_handler(pattern: str) -> None:
    statement = Statement((pattern,), ("*",))

    assert any(statement.allows(action) for action in deployer_rights.needed())


def test_a_type_without_a_right_is_noticed() -> None:
    wanted = {"sns:Publish": {"AWS::New::Type"}, "logs:CreateLogGroup": {"AWS::Logs::LogGroup"}}

    assert list(deployer_rights.missing(wanted, [BY_NAME])) == ["sns:Publish for AWS::New::Type"]


@pytest.mark.parametrize(
    ("action", "statements", "works"),
    [
        ("logs:CreateLogGroup", [BY_NAME], True),
        ("logs:DescribeLogGroups", [BY_NAME, EVERYTHING], True),
        ("logs:DescribeLogGroups", [BY_NAME], False),
        ("logs:CreateLogGroup", [Statement(("logs:*",), ("arn:aws:sns:*:*:genai-images-dev-*",))], False),
        ("logs:NewerThanTheList", [BY_NAME], True),
    ],
)
def test_a_right_for_a_resource_that_an_action_cannot_have_is_noticed(
    action: str, statements: list[Statement], works: bool
) -> None:
    assert (not list(deployer_rights.ineffective([action], statements, ACTIONS_OF_IAM))) is works


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("arn:*:ecs:*:*:cluster/*", "arn:*:ecs:*:*:cluster/genai-images-dev-*", True),
        ("arn:*:ecs:*:*:cluster/*", "arn:*:ecs:*:*:service/genai-images-dev-*", False),
        ("arn:*:ecr:*:*:repository/*", "arn:*:ecr:*:*:repository/dev????/*", True),
        ("*", "arn:aws:s3:::a", False),
        ("arn:aws:s3:::*", "*", True),
    ],
)
def test_two_patterns_overlap_if_an_arn_matches_both(one: str, other: str, expected: bool) -> None:
    assert deployer_rights.overlap(one, other) is expected


def test_the_policies_fit() -> None:
    documents = dict(deployer_rights.policies())

    assert len(written_out(documents.pop("resources"))) <= MOST_INLINE
    assert documents, "those that are attached"
    for name, document in documents.items():
        assert len(written_out(document)) <= MOST_MANAGED, name


def test_every_role_can_be_passed_to_the_service_that_assumes_it() -> None:
    (statement,) = allowing("iam:PassRole")
    roles = [
        body["Properties"]
        for _, template in plain_templates(GradualDeployment="true")
        for body in template["Resources"].values()
        if body["Type"] == "AWS::IAM::Role"
    ]
    text = json.dumps([role["AssumeRolePolicyDocument"] for role in roles])
    assumed_by = set(re.findall(r'"([a-z0-9.-]+\.amazonaws\.com)"', text))
    services = set(statement["Condition"]["StringEquals"]["iam:PassedToService"])

    assert assumed_by - services == PASSED_TO_NOBODY.keys()
    assert services <= assumed_by


def test_cloudformation_cannot_change_its_own_rights() -> None:
    for statement in allowing("iam:"):
        (arn,) = templates.flat(statement["Resource"])
        if statement["Sid"] == "ServiceLinkedRoles":
            assert templates.flat(statement["Action"]) == ["iam:CreateServiceLinkedRole"]
        else:
            assert arn.endswith((f":{ROLE}", f":{POLICY}"))
    names = [resource(name)["RoleName"] for name in ("Deployer", "Execution")]
    names += [resource(each["Ref"])["ManagedPolicyName"] for each in resource("Execution")["ManagedPolicyArns"]]
    for name in names:
        assert not name["Fn::Sub"].startswith("genai-images-${Environment}")


def test_what_may_be_deleted_in_ec2_is_named_after_the_installation() -> None:
    deletes = [each for each in allowing("ec2:Delete") if each["Sid"] == "Delete"]
    (names,) = [each["Condition"]["StringLike"]["aws:ResourceTag/Name"] for each in deletes]

    assert templates.flat(names) == ["genai-images-${Environment}", "genai-images-${Environment}-*"]
    for path, template in plain_templates():
        for name, body in template["Resources"].items():
            tagging = deployer_rights.schemas().get(body["Type"], {}).get("tagging") or {}
            if body["Type"].startswith("AWS::EC2::") and tagging["taggable"]:
                (value,) = [tag["Value"] for tag in body["Properties"]["Tags"] if tag["Key"] == "Name"]
                text = "${Prefix}" if value == {"Ref": "Prefix"} else value["Fn::Sub"]
                assert re.match(r"\$\{Prefix\}(-|$)", text), f"{path.name} {name}"
