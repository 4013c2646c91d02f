"""On the emulator: the vault and its plan are deployed, and a deletion follows an image into its replica."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cli.recovery.files import GalleryFiles
from cli.recovery.tables import Tables
from cli.recovery.versions import Versions
from local.deploy import client
from local.emulator import REGION, Child, emulator, free_port
from services.storage.repository.files import S3GalleryFiles
from tests.support import templates
from tests.support.templates import ROOT
from tests.unit.storage.fakes import REQUEST, variant

PREFIX = "genai-images-test"
ACCOUNT = "000000000000"
GALLERY, REPLICA = (f"{PREFIX}-gallery-{ACCOUNT}-{region}" for region in (REGION, "eu-west-1"))
PARAMETERS = {
    "Prefix": PREFIX,
    "AlarmTopicArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:alarms",
    "RunbookUrl": "docs/runbook.md",
    "DataRetention": "Delete",
    "BackupRetentionDays": "21",
    "CopyVaultArn": f"arn:aws:backup:eu-west-1:{ACCOUNT}:backup-vault:{PREFIX}-backups",
    "VaultLock": "governance",
    "EmulatorHost": "127.0.0.1:4566",
}


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Child]:
    directory = tmp_path_factory.mktemp("aws") / "aws"
    child = emulator(directory, port=free_port(), models_url="http://127.0.0.1:9", auth=False).start()
    try:
        child.wait_until_ready()
        yield child
    finally:
        child.stop()


def test_the_vault_and_its_plan_are_deployed(aws: Child) -> None:
    cloudformation, backup = client("cloudformation", aws.url), client("backup", aws.url)
    cloudformation.create_stack(
        StackName="backups",
        TemplateBody=json.dumps(templates.load(ROOT / "services/operations/backups.yaml")),
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in PARAMETERS.items()],
        Capabilities=["CAPABILITY_IAM"],
    )
    cloudformation.get_waiter("stack_create_complete").wait(StackName="backups", WaiterConfig={"Delay": 1})

    assert backup.describe_backup_vault(BackupVaultName=f"{PREFIX}-backups")["BackupVaultName"]
    (plan,) = backup.list_backup_plans()["BackupPlansList"]
    (rule,) = backup.get_backup_plan(BackupPlanId=plan["BackupPlanId"])["BackupPlan"]["Rules"]
    assert int(rule["Lifecycle"]["DeleteAfterDays"]) == 21
    assert rule["CopyActions"][0]["DestinationBackupVaultArn"] == PARAMETERS["CopyVaultArn"]


def replicated(aws: Child) -> Any:
    """Create both buckets with the versions and the replication of the template. Return a client of S3."""
    s3 = client("s3", aws.url)
    properties = templates.service_template("storage")["Resources"]["GalleryBucket"]["Properties"]
    (rule,) = properties["ReplicationConfiguration"]["Fn::If"][1]["Rules"]
    for bucket in (GALLERY, REPLICA):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=properties["VersioningConfiguration"])
    rule = {"ID": rule["Id"], **{name: value for name, value in rule.items() if name != "Id"}}
    rule["Destination"] = {"Bucket": f"arn:aws:s3:::{REPLICA}"}
    role = f"arn:aws:iam::{ACCOUNT}:role/replication"
    s3.put_bucket_replication(Bucket=GALLERY, ReplicationConfiguration={"Role": role, "Rules": [rule]})
    return s3


def test_a_deleted_image_is_hidden_in_the_replica(aws: Child) -> None:
    """What is left there is a former version, which the replica's lifecycle deletes."""
    s3 = replicated(aws)
    files, key = S3GalleryFiles(s3, GALLERY), variant("a").key
    files.write([(variant("a", b"image"), b"image")])
    assert s3.get_object(Bucket=REPLICA, Key=key)["Body"].read() == b"image"

    files.delete([key])

    assert files.of_request(REQUEST) == []
    with pytest.raises(ClientError, match="NoSuchKey"):
        s3.get_object(Bucket=REPLICA, Key=key)
    kept = s3.list_object_versions(Bucket=REPLICA)
    assert [each["IsLatest"] for each in kept["DeleteMarkers"]] == [True]
    assert [each["IsLatest"] for each in kept["Versions"]] == [False]


def test_deleted_files_come_back_from_their_versions(aws: Child) -> None:
    s3, bucket = client("s3", aws.url), "restored-from-versions"
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for key in ("events/day=2026-11-29/a", "images/b"):
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
        for _ in range(2):
            s3.delete_object(Bucket=bucket, Key=key)

    versions = Versions(s3, bucket)
    ((key, deleted),) = versions.deleted("events/", quiet).items()
    assert versions.read(key, deleted.version) == key.encode()
    versions.undelete(key, deleted.markers)
    assert GalleryFiles(s3, bucket, bucket).restore(["images/b"], quiet) == (1, [])
    assert versions.deleted("", quiet) == {}
    for key in ("events/day=2026-11-29/a", "images/b"):
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()


def test_a_restored_table_has_no_replica(aws: Child) -> None:
    dynamodb, name = client("dynamodb", aws.url), f"{PREFIX}-replicated"
    tables = Tables(dynamodb, client("lambda", aws.url), PREFIX)
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    dynamodb.update_table(TableName=name, ReplicaUpdates=[{"Create": {"RegionName": "eu-west-1"}}])
    shape, backup = tables.shape("replicated"), tables.back_up("replicated", "one")
    dynamodb.delete_table(TableName=name)

    tables.begin_restore(backup)
    tables.wait(["replicated"], quiet)
    tables.equip("replicated", shape)
    tables.connect_stream("replicated", shape, quiet)
    assert shape.replicas == ["eu-west-1"]
    assert tables.shape("replicated").replicas == []


def quiet() -> None:
    """Give no sign of life."""
