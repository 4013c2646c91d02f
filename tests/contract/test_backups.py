"""Backups, versions and replicas: what is copied, by whom, for how long, and that none of it costs anything by default.

Selections of AWS Backup and the replication of buckets are not deployed by any test: the emulator's CloudFormation has
neither. ADR 35.
"""

import json
import re
from typing import Any, Final

import pytest

from local.parameters import problems
from tests.support import templates
from tests.support.templates import ROOT, Resource, flat

ROOT_TEMPLATE: Final = templates.root_template()
BACKUPS: Final = templates.load(ROOT / "services/operations/backups.yaml")
TABLES: Final = templates.resources("AWS::DynamoDB::Table")
OWNER_KEYS: Final = "owner-keys"
PREFIX: Final = "${Prefix}-"
REPLICATED: Final = {"storage": ("gallery", "images/"), "analytics": ("analytics", "events/")}
"""Buckets that must survive, by service: the name and the prefix of the objects."""
NOT_REPLICATED: Final = {
    "HandoffBucket": "raw images are made again from the request, or are in the gallery already",
    "ExportsBucket": "an export is built again from the stores that are restored",
    "Files": "the web app is published again",
}
"""Buckets that need not survive, and why. ADR 35 says the same."""


def names(resources: Any) -> set[str]:
    """Return the names of tables in ARNs, without the prefix."""
    arns = resources if isinstance(resources, list) else [resources]
    return {arn["Fn::Sub"].partition(f":table/{PREFIX}")[2] for arn in arns}


ENCRYPTION_KEY: Final = {"Ref": "EncryptionKeyArn"}


def all_statements(resource: str) -> list[dict[str, Any]]:
    """Return the statements of a policy of backups.yaml; of a condition, the one if it holds."""
    found = BACKUPS["Resources"][resource]["Properties"]["PolicyDocument"]["Statement"]
    return [statement["Fn::If"][1] if "Fn::If" in statement else statement for statement in found]


def statements(resource: str) -> list[dict[str, Any]]:
    """Return those statements that are not about the encryption key."""
    return [each for each in all_statements(resource) if each["Resource"] != ENCRYPTION_KEY]


def bucket(service: str) -> Resource:
    """Return the only bucket of a service."""
    (found,) = [each for each in templates.resources("AWS::S3::Bucket") if each.service == service]
    return found


# AWS Backup ----------------------------------------------------------------------------------------------------------


def test_every_table_is_backed_up_but_the_keys_of_owners() -> None:
    """A key that an erasure destroyed would come back with the table."""
    declared = {table.properties["TableName"]["Fn::Sub"].removeprefix(PREFIX) for table in TABLES}
    shared = [
        body["Properties"]["TableName"]["Fn::Sub"]
        for body in ROOT_TEMPLATE["Resources"].values()
        if body["Type"] == "AWS::DynamoDB::Table"
    ]
    selected = names(BACKUPS["Resources"]["Selection"]["Properties"]["BackupSelection"]["Resources"])

    assert shared == [f"genai-images-${{Environment}}-{OWNER_KEYS}"], "decide whether it may be backed up"
    assert selected == declared
    assert BACKUPS["Resources"]["MissingAlarm"]["Properties"]["Threshold"] == len(declared)


def test_backups_have_the_retention_that_receipts_promise() -> None:
    plan = BACKUPS["Resources"]["Plan"]["Properties"]["BackupPlan"]
    (rule,) = plan["BackupPlanRule"]
    (copied,) = rule["CopyActions"]["Fn::If"][1]

    assert rule["Lifecycle"] == copied["Lifecycle"] == {"DeleteAfterDays": {"Ref": "BackupRetentionDays"}}
    assert copied["DestinationBackupVaultArn"] == {"Ref": "CopyVaultArn"}
    assert rule["TargetBackupVault"] == {"Ref": "Vault"}


def test_a_lock_holds_the_retention_and_only_compliance_cannot_be_undone() -> None:
    condition, lock, none = BACKUPS["Resources"]["Vault"]["Properties"]["LockConfiguration"]["Fn::If"]
    immutable, days, changeable = lock["ChangeableForDays"]["Fn::If"]
    description = ROOT_TEMPLATE["Parameters"]["BackupVaultLock"]["Description"]

    assert condition == "IsLocked"
    assert lock["MinRetentionDays"] == lock["MaxRetentionDays"] == {"Ref": "BackupRetentionDays"}
    assert immutable == "IsImmutable"
    assert BACKUPS["Conditions"]["IsImmutable"] == {"Fn::Equals": [{"Ref": "VaultLock"}, "compliance"]}
    assert none == changeable == {"Ref": "AWS::NoValue"}
    assert f"from {days} days after" in description
    assert "cannot be undone, not even by AWS" in description


def test_the_vault_is_retained_like_the_tables() -> None:
    vault = BACKUPS["Resources"]["Vault"]

    assert vault["DeletionPolicy"] == {"Fn::If": ["KeepsData", "RetainExceptOnCreate", "Delete"]}
    assert vault["UpdateReplacePolicy"] == {"Ref": "DataRetention"}


def test_only_aws_backup_of_this_account_assumes_the_roles() -> None:
    roles = [body["Properties"] for body in BACKUPS["Resources"].values() if body["Type"] == "AWS::IAM::Role"]

    assert len(roles) == 2
    for role in roles:
        assert role.keys() == {"AssumeRolePolicyDocument"}, "no managed policy"
        (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Principal"] == {"Service": "backup.amazonaws.com"}
        assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_the_role_of_backups_reads_the_selected_tables_only() -> None:
    granted = {action: each for each in statements("BackupPolicy") for action in flat(each["Action"])}
    selected = BACKUPS["Resources"]["Selection"]["Properties"]["BackupSelection"]["Resources"]

    assert granted.keys() == {
        *("dynamodb:CreateBackup", "dynamodb:DescribeTable", "dynamodb:ListTagsOfResource"),
        *("dynamodb:StartAwsBackupJob", "dynamodb:DescribeBackup", "dynamodb:DeleteBackup"),
        *("backup:DescribeBackupVault", "backup:TagResource", "backup:CopyFromBackupVault"),
        "backup:CopyIntoBackupVault",
    }
    assert granted["dynamodb:StartAwsBackupJob"]["Resource"] == selected
    assert granted["dynamodb:DeleteBackup"]["Resource"]["Fn::Sub"].endswith(f":table/{PREFIX}*/backup/*")
    assert granted["backup:CopyIntoBackupVault"]["Resource"] == {"Ref": "CopyVaultArn"}
    assert granted["backup:CopyFromBackupVault"]["Condition"] == {
        "ForAllValues:ArnEquals": {"backup:CopyTargets": {"Ref": "CopyVaultArn"}}
    }
    assert all(each["Effect"] == "Allow" and each["Resource"] != "*" for each in statements("BackupPolicy"))


def test_the_roles_use_the_encryption_key_through_dynamodb_only() -> None:
    for policy in ("BackupPolicy", "RestorePolicy"):
        conditional = BACKUPS["Resources"][policy]["Properties"]["PolicyDocument"]["Statement"]
        found = [each["Fn::If"] for each in conditional if each.get("Fn::If", [""])[0] == "HasEncryptionKey"]
        assert found
        assert all(allowed["Resource"] == ENCRYPTION_KEY for _, allowed, _ in found)
        assert all(allowed["Condition"]["StringLike"] == {"kms:ViaService": "dynamodb.*"} for _, allowed, _ in found)


def test_the_role_of_restores_cannot_touch_the_keys_of_owners() -> None:
    allowed, denied = statements("RestorePolicy")

    assert (allowed["Effect"], names(allowed["Resource"])) == ("Allow", {"*"})
    assert all(action.startswith("dynamodb:") and "*" not in action for action in allowed["Action"])
    assert (denied["Effect"], denied["Action"], names(denied["Resource"])) == ("Deny", "dynamodb:*", {OWNER_KEYS})


def test_the_emulator_gets_all_but_the_selection() -> None:
    conditional = {name: body["Condition"] for name, body in BACKUPS["Resources"].items() if "Condition" in body}

    assert conditional == {"Selection": "OnAws"}
    assert BACKUPS["Conditions"]["OnAws"] == {"Fn::Equals": [{"Ref": "EmulatorHost"}, ""]}


# Buckets -------------------------------------------------------------------------------------------------------------


def test_every_bucket_has_a_decision() -> None:
    shared = {name for name, body in ROOT_TEMPLATE["Resources"].items() if body["Type"] == "AWS::S3::Bucket"}
    own = {each.name for each in templates.resources("AWS::S3::Bucket") if each.service not in REPLICATED}
    decision = (ROOT / "docs/adr/0035-backups-and-copies.md").read_text()

    assert shared | own == NOT_REPLICATED.keys()
    for why in NOT_REPLICATED.values():
        assert why in " ".join(decision.split())


@pytest.mark.parametrize("name", NOT_REPLICATED)
def test_a_bucket_that_need_not_survive_has_no_versions(name: str) -> None:
    own = {each.name: each.properties for each in templates.resources("AWS::S3::Bucket")}
    properties = own[name] if name in own else ROOT_TEMPLATE["Resources"][name]["Properties"]

    assert not {"VersioningConfiguration", "ReplicationConfiguration"} & properties.keys()


@pytest.mark.parametrize("service", REPLICATED)
def test_a_bucket_that_must_survive_has_versions_that_expire(service: str) -> None:
    properties = bucket(service).properties
    rules = {rule["Id"]: rule for rule in properties["LifecycleConfiguration"]["Rules"] if "Id" in rule}

    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert rules["former-versions"] == {
        "Id": "former-versions",
        "Status": "Enabled",
        "NoncurrentVersionExpiration": {"NoncurrentDays": {"Ref": "VersionRetentionDays"}},
        "ExpiredObjectDeleteMarker": True,
    }


@pytest.mark.parametrize("service", REPLICATED)
def test_a_replica_receives_everything_and_deletes_what_is_deleted(service: str) -> None:
    name, prefix = REPLICATED[service]
    condition, replication, otherwise = bucket(service).properties["ReplicationConfiguration"]["Fn::If"]
    (rule,) = replication["Rules"]
    target = rule["Destination"]["Bucket"]["Fn::Sub"]
    own_name = bucket(service).properties["BucketName"]["Fn::Sub"]

    assert (condition, otherwise) == ("HasReplica", {"Ref": "AWS::NoValue"})
    assert replication["Role"] == {"Fn::GetAtt": ["ReplicationRole", "Arn"]}
    assert rule["Status"] == rule["DeleteMarkerReplication"]["Status"] == "Enabled"
    assert rule["Filter"] == {"Prefix": prefix}
    assert own_name == f"{PREFIX}{name}-${{AWS::AccountId}}-${{AWS::Region}}"
    assert target.partition(":::")[2] == own_name.replace("AWS::Region", "ReplicaRegion"), "of the same template there"


@pytest.mark.parametrize("service", REPLICATED)
def test_the_role_of_a_replication_reads_one_bucket_and_writes_the_other(service: str) -> None:
    name, prefix = REPLICATED[service]
    role = templates.service_template(service)["Resources"]["ReplicationRole"]
    (policy,) = role["Properties"]["Policies"]
    granted = {
        statement["Resource"]["Fn::Sub"].partition(":::")[2]: set(statement["Action"])
        for statement in policy["PolicyDocument"]["Statement"]
    }
    (trust,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    source, target = (
        f"{PREFIX}{name}-${{AWS::AccountId}}-${{{region}}}" for region in ("AWS::Region", "ReplicaRegion")
    )

    assert role["Condition"] == "HasReplica"
    assert trust["Principal"] == {"Service": "s3.amazonaws.com"}
    assert granted == {
        source: {"s3:GetReplicationConfiguration", "s3:ListBucket"},
        f"{source}/{prefix}*": {f"s3:GetObjectVersion{part}" for part in ("ForReplication", "Acl", "Tagging")},
        f"{target}/{prefix}*": {f"s3:Replicate{part}" for part in ("Object", "Delete", "Tags")},
    }


# Former versions are reached by nobody -------------------------------------------------------------------------------


def test_no_link_and_no_function_reads_a_former_version() -> None:
    """A signed link has the permission of the role that signs it, and CloudFront's is in the bucket's policy."""
    every = json.dumps([templates.service_template(service) for service in templates.services()])
    readers = {"s3:GetObjectVersion", "s3:Get*", "s3:GetObject*"}

    assert not readers & set(re.findall(r'"(s3:[A-Za-z*]+)"', every))


def test_the_cdn_forwards_no_version() -> None:
    distribution = templates.service_template("storage")["Resources"]["CachePolicy"]["Properties"]["CachePolicyConfig"]
    behaviors = templates.service_template("storage")["Resources"]["Distribution"]["Properties"]["DistributionConfig"]

    key = distribution["ParametersInCacheKeyAndForwardedToOrigin"]
    assert key["QueryStringsConfig"] == {"QueryStringBehavior": "none"}
    assert "OriginRequestPolicyId" not in json.dumps(behaviors)


def test_every_function_that_deletes_an_image_may_delete_its_versions() -> None:
    deleting = [
        (policy, statement)
        for policy in templates.resources("AWS::IAM::Policy")
        for statement in policy.properties["PolicyDocument"]["Statement"]
        if "s3:DeleteObject" in flat(statement.get("Action", []))
        and "GalleryBucket.Arn" in json.dumps(statement["Resource"])
    ]

    assert {policy.name for policy, _ in deleting} == {"storePolicy", "removePolicy", "derivePolicy", "erasePolicy"}
    for policy, statement in deleting:
        assert "s3:DeleteObjectVersion" in statement["Action"]
        assert "s3:ListBucketVersions" in json.dumps(policy.properties)


# Parameters ----------------------------------------------------------------------------------------------------------


def test_nothing_is_copied_by_default() -> None:
    defaults = {name: each.get("Default") for name, each in ROOT_TEMPLATE["Parameters"].items()}

    assert defaults["Backups"] == "off"
    assert defaults["BackupVaultLock"] == "none"
    assert defaults["BackupCopyVaultArn"] == defaults["ReplicaRegion"] == ""
    assert ROOT_TEMPLATE["Resources"]["BackupPlan"]["Condition"] == "HasBackups"
    assert ROOT_TEMPLATE["Conditions"]["HasBackups"] == {"Fn::Equals": [{"Ref": "Backups"}, "daily"]}


VAULT: Final = "arn:aws:backup:us-east-1:123456789012:backup-vault:genai-images-dev-backups"


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"BackupVaultLock": "compliance"}, "Set Backups to daily, or BackupVaultLock to none"),
        ({"BackupCopyVaultArn": VAULT}, "Set Backups to daily, or BackupCopyVaultArn to nothing"),
        ({"ReplicaRegion": "us-west-2"}, "Set ReplicaRegion to another Region"),
        ({"ReplicaRegion": "us-east-1", "Encryption": "customer"}, "or Encryption to aws"),
        ({"Backups": "daily", "BackupCopyVaultArn": "vault"}, "must be the ARN of a backup vault"),
        ({"ReplicaRegion": "Oregon"}, "must be a Region"),
        ({"VersionRetentionDays": "0"}, "must be 1 to 35 days"),
    ],
)
def test_a_wrong_choice_is_refused_before_the_build(values: dict[str, str], says: str) -> None:
    (problem,) = problems(ROOT_TEMPLATE, values, "us-west-2")

    assert says in problem


def test_everything_together_is_accepted() -> None:
    values = {
        "Backups": "daily",
        "BackupVaultLock": "governance",
        "BackupCopyVaultArn": VAULT,
        "ReplicaRegion": "us-east-1",
    }

    assert problems(ROOT_TEMPLATE, values, "us-west-2") == []
