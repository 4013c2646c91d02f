"""With ``Encryption=customer``, everything that is stored is encrypted with one key, which few may use.

The roles of functions are compared with what they do in tests/integration/permissions.
"""

import json
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support import templates
from tests.support.templates import ROOT, Resource

TEMPLATES: Final = [ROOT / "template.yaml", *sorted(ROOT.glob("services/*/*.yaml"))]
KEY_TEMPLATE: Final = ROOT / "services/operations/encryption.yaml"
ROOT_KEY: Final = {"Fn::GetAtt": ["EncryptionKey", "Outputs.Arn"]}
NOTHING: Final = {"Ref": "AWS::NoValue"}
SSE: Final = "ServerSideEncryptionByDefault"


def stores() -> list[tuple[Path, str, Any]]:
    """Return every resource that stores data, with the path of its template, except the CloudTrail log.

    That one is locked for years, also against somebody who would delete the key.
    """
    return [
        (path, name, body)
        for path in TEMPLATES
        for name, body in templates.load(path)["Resources"].items()
        if body["Type"] in ENCRYPTED and path.name != "cloudtrail.yaml"
    ]


def chosen(value: Any, own: bool) -> Any:
    """Return ``value`` after its ``Fn::If``."""
    if isinstance(value, dict) and "Fn::If" in value:
        _, then, otherwise = value["Fn::If"]
        return chosen(then if own else otherwise, own)
    if isinstance(value, dict):
        return {name: found for name, each in value.items() if (found := chosen(each, own)) != NOTHING}
    return [chosen(each, own) for each in value] if isinstance(value, list) else value


ENCRYPTED: Final[dict[str, tuple[str, ...]]] = {
    "AWS::DynamoDB::Table": ("SSESpecification",),
    "AWS::S3::Bucket": ("BucketEncryption",),
    "AWS::SQS::Queue": ("SqsManagedSseEnabled", "KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds"),
    "AWS::SNS::Topic": ("KmsMasterKeyId",),
    "AWS::Logs::LogGroup": ("KmsKeyId",),
    "AWS::SecretsManager::Secret": ("KmsKeyId",),
    "AWS::ElastiCache::ServerlessCache": ("KmsKeyId",),
}
"""The properties that say how a resource is encrypted."""
WITH_AWS: Final[dict[str, Any]] = {
    "AWS::DynamoDB::Table": {"SSESpecification": {"SSEEnabled": True}},
    "AWS::S3::Bucket": {
        "BucketEncryption": {
            "ServerSideEncryptionConfiguration": [{"BucketKeyEnabled": False, SSE: {"SSEAlgorithm": "AES256"}}]
        }
    },
    "AWS::SQS::Queue": {"SqsManagedSseEnabled": True},
    "AWS::SNS::Topic": {"KmsMasterKeyId": {"Fn::GetAtt": ["AlarmKey", "Arn"]}},
    "AWS::Logs::LogGroup": {},
    "AWS::SecretsManager::Secret": {},
    "AWS::ElastiCache::ServerlessCache": {},
}


def with_own(kind: str, key: Any) -> Any:
    """Return the encryption of a resource with the installation's own key."""
    return {
        "AWS::DynamoDB::Table": {"SSESpecification": {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": key}},
        "AWS::S3::Bucket": {
            "BucketEncryption": {
                "ServerSideEncryptionConfiguration": [
                    {"BucketKeyEnabled": True, SSE: {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
                ]
            }
        },
        "AWS::SQS::Queue": {"KmsMasterKeyId": key, "KmsDataKeyReusePeriodSeconds": 3600},
        "AWS::SNS::Topic": {"KmsMasterKeyId": key},
        "AWS::Logs::LogGroup": {"KmsKeyId": key},
        "AWS::SecretsManager::Secret": {"KmsKeyId": key},
        "AWS::ElastiCache::ServerlessCache": {"KmsKeyId": key},
    }[kind]


def has_function(role: Resource) -> bool:
    """Return whether a role is that of a function. Only they use the key: a replica is refused with it."""
    (statement,) = role.properties["AssumeRolePolicyDocument"]["Statement"]
    return bool(statement.get("Principal") == {"Service": "lambda.amazonaws.com"})


@pytest.mark.parametrize(
    ("path", "name", "body"), [pytest.param(*each, id=f"{each[0].parent.name}-{each[1]}") for each in stores()]
)
def test_a_store_is_encrypted_with_the_chosen_key(path: Path, name: str, body: Any) -> None:
    kind = body["Type"]
    properties = {each: value for each, value in body["Properties"].items() if each in ENCRYPTED[kind]}
    key = ROOT_KEY if path.parent == ROOT else {"Ref": "EncryptionKeyArn"}

    assert chosen(properties, own=False) == WITH_AWS[kind], f"{name}: encrypt it with AWS's key by default"
    assert chosen(properties, own=True) == with_own(kind, key), f"{name}: encrypt it with the key of the account"


def test_every_kind_of_store_is_checked() -> None:
    assert {body["Type"] for _, _, body in stores()} == set(ENCRYPTED)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_template_with_a_store_gets_the_key(path: Path) -> None:
    if path.parent == ROOT or not any(each == path for each, _, _ in stores()):
        return
    (application,) = (
        body["Properties"]
        for body in templates.root_template()["Resources"].values()
        if body["Type"] == "AWS::Serverless::Application" and ROOT / body["Properties"]["Location"] == path
    )

    assert application["Parameters"]["EncryptionKeyArn"] == {"Fn::If": ["HasCustomerKey", ROOT_KEY, ""]}


def test_the_key_is_made_if_chosen_and_kept_like_the_data() -> None:
    root = templates.root_template()
    resources = templates.load(KEY_TEMPLATE)["Resources"]
    key = resources["Key"]

    assert root["Parameters"]["Encryption"]["Default"] == "aws"
    assert root["Resources"]["EncryptionKey"]["Condition"] == "HasCustomerKey"
    assert root["Resources"]["AlarmKey"]["Condition"] == "HasNoCustomerKey"
    assert key["DeletionPolicy"] == {"Fn::If": ["KeepsData", "RetainExceptOnCreate", "Delete"]}
    assert key["UpdateReplacePolicy"] == {"Ref": "DataRetention"}
    assert key["Properties"]["EnableKeyRotation"] is True
    assert resources["KeyAlias"]["Properties"] == {
        "AliasName": {"Fn::Sub": "alias/${Prefix}"},
        "TargetKeyId": {"Ref": "Key"},
    }


@pytest.mark.parametrize(
    "role", [each for each in templates.resources("AWS::IAM::Role") if has_function(each)], ids=str
)
def test_a_role_may_use_the_key_only_if_there_is_one(role: Resource) -> None:
    (inline,) = role.properties["Policies"]
    statements = inline["PolicyDocument"]["Statement"]
    (statement,) = (each for each in statements if "EncryptionKeyArn" in json.dumps(each))
    condition, allowed, otherwise = statement["Fn::If"]

    assert (condition, otherwise) == ("HasEncryptionKey", NOTHING)
    assert allowed["Resource"] == {"Ref": "EncryptionKeyArn"}
    assert list(allowed["Condition"]["StringLike"]) == ["kms:ViaService"]


# The policy of the key ----------------------------------------------------------------------------------------------


def policy() -> dict[str, Any]:
    """Return the statements of the key's policy by their id."""
    statements = templates.load(KEY_TEMPLATE)["Resources"]["Key"]["Properties"]["KeyPolicy"]["Statement"]
    return {statement["Sid"]: statement for statement in statements}


def test_the_policy_names_the_services_that_act_without_a_role() -> None:
    named = {
        sid: templates.flat(statement["Principal"].get("Service", statement["Principal"].get("AWS")))
        for sid, statement in policy().items()
    }

    assert named == {
        "IamPolicies": ["arn:${AWS::Partition}:iam::${AWS::AccountId}:root"],
        "LogGroups": ["logs.${AWS::Region}.${AWS::URLSuffix}"],
        "RulesToQueues": ["events.amazonaws.com"],
        "AlarmsToTopic": ["cloudwatch.amazonaws.com", "budgets.amazonaws.com"],
        "CdnFromBuckets": ["cloudfront.amazonaws.com"],
    }


@pytest.mark.parametrize("sid", [sid for sid in policy() if sid != "IamPolicies"])
def test_a_service_may_use_the_key_for_this_installation_only(sid: str) -> None:
    statement = policy()[sid]
    conditions = [
        text for each in statement["Condition"].values() for value in each.values() for text in templates.flat(value)
    ]

    assert any("AccountId" in text for text in conditions)
    assert not any(action == "kms:*" or "Grant" in action or "Put" in action for action in statement["Action"])


def test_the_policy_covers_every_log_group_and_bucket() -> None:
    groups = policy()["LogGroups"]["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]
    patterns = [text.rpartition(":log-group:")[2].replace("${Prefix}", "PREFIX") for text in templates.flat(groups)]
    buckets = policy()["CdnFromBuckets"]["Condition"]["ArnLike"]["kms:EncryptionContext:aws:s3:arn"]["Fn::Sub"]
    for _, name, body in stores():
        if body["Type"] == "AWS::Logs::LogGroup":
            (text,) = templates.flat(body["Properties"]["LogGroupName"])
            assert any(fnmatchcase(_with_prefix(text), each) for each in patterns), name
        if body["Type"] == "AWS::S3::Bucket":
            (text,) = templates.flat(body["Properties"]["BucketName"])
            assert fnmatchcase(_with_prefix(text), _with_prefix(buckets).rpartition(":")[2]), name


def test_the_policy_covers_every_rule_with_a_queue() -> None:
    rules = policy()["RulesToQueues"]["Condition"]["ArnLike"]["aws:SourceArn"]["Fn::Sub"].rpartition(":rule/")[2]
    bus = templates.root_template()["Resources"]["EventBus"]["Properties"]["Name"]["Fn::Sub"]
    for rule in templates.rules():
        (name,) = templates.flat(rule.properties["Name"])
        on_bus = "EventBusName" in rule.properties
        assert fnmatchcase(f"{_with_prefix(bus)}/" * on_bus + _with_prefix(name), _with_prefix(rules)), rule


def _with_prefix(text: str) -> str:
    return text.replace("genai-images-${Environment}", "PREFIX").replace("${Prefix}", "PREFIX")
