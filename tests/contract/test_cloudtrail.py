"""The CloudTrail log: what it records, and that nobody can delete it.

It is only linted: the emulator has no trails in templates (docs/cloudtrail.md). The audit trail is another log.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from local.parameters import problems
from services.privacy.platform import LIFECYCLE_DELAY, remains
from tests.support import templates
from tests.support.erasure_on_moto import RETENTIONS
from tests.support.templates import ROOT

RESOURCES: Final = templates.load(ROOT / "services/operations/cloudtrail.yaml")["Resources"]
TRAIL: Final = RESOURCES["Trail"]["Properties"]
BUCKET: Final = RESOURCES["LogBucket"]
DAYS: Final = {"Ref": "CloudTrailRetentionDays"}
PREFIX: Final = "genai-images-prod"


def is_logged(kind: str, arn: str) -> bool:
    """Return whether a selector logs calls to the data of a resource."""
    return any(
        all(_admits(field, {"eventCategory": "Data", "resources.type": kind, "resources.ARN": arn}) for field in fields)
        for fields in (selector["FieldSelectors"] for selector in TRAIL["AdvancedEventSelectors"])
    )


def _admits(field: dict[str, Any], event: dict[str, str]) -> bool:
    value = event[field["Field"]]
    texts = {name: [_written(text) for text in templates.flat(field[name])] for name in field if name != "Field"}
    return (
        ("Equals" not in texts or value in texts["Equals"])
        and ("StartsWith" not in texts or value.startswith(tuple(texts["StartsWith"])))
        and not value.startswith(tuple(texts.get("NotStartsWith", [])))
    )


def _written(text: str) -> str:
    values = {
        "AWS::Partition": "aws",
        "AWS::Region": "us-west-2",
        "AWS::AccountId": "1" * 12,
        "Prefix": PREFIX,
        "LogBucket.Arn": f"arn:aws:s3:::{PREFIX}-cloudtraillog-1abc-logbucket-2def",
    }
    for name, value in values.items():
        text = text.replace(f"${{{name}}}", value)
    return text


def names(kind: str, field: str) -> list[str]:
    """Return the names of all our resources of a type."""
    root = [body["Properties"] for body in templates.root_template()["Resources"].values() if body["Type"] == kind]
    own = [resource.properties for resource in templates.resources(kind)]
    found = [templates.flat(each[field])[0] for each in [*root, *own]]
    return [_written(name).replace("genai-images-${Environment}", PREFIX) for name in found]


# What is logged ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", names("AWS::S3::Bucket", "BucketName"))
def test_calls_to_the_objects_of_a_bucket_are_logged(name: str) -> None:
    assert is_logged("AWS::S3::Object", f"arn:aws:s3:::{name}/key")


@pytest.mark.parametrize("name", names("AWS::DynamoDB::Table", "TableName"))
def test_calls_to_items_are_logged_unless_keys_are_names(name: str) -> None:
    is_named = name == f"{PREFIX}-accounts"

    assert is_logged("AWS::DynamoDB::Table", f"arn:aws:dynamodb:us-west-2:{'1' * 12}:table/{name}") != is_named


def test_the_log_does_not_log_itself_and_no_strangers() -> None:
    assert not is_logged("AWS::S3::Object", _written("${LogBucket.Arn}/AWSLogs/1/x.json.gz"))
    assert not is_logged("AWS::S3::Object", "arn:aws:s3:::somebody-else/key")
    assert not is_logged("AWS::DynamoDB::Table", f"arn:aws:dynamodb:us-west-2:{'1' * 12}:table/other")


def test_management_events_of_all_regions_are_logged() -> None:
    first = TRAIL["AdvancedEventSelectors"][0]["FieldSelectors"]

    assert first == [{"Field": "eventCategory", "Equals": ["Management"]}]
    for switch in ("IsLogging", "IsMultiRegionTrail", "IncludeGlobalServiceEvents", "EnableLogFileValidation"):
        assert TRAIL[switch] is True
    assert TRAIL["S3BucketName"] == {"Ref": "LogBucket"}
    assert RESOURCES["Trail"]["DependsOn"] == "LogBucketPolicy"


# The bucket ----------------------------------------------------------------------------------------------------------


def test_nobody_can_delete_a_file_before_its_time() -> None:
    lock = BUCKET["Properties"]["ObjectLockConfiguration"]

    assert BUCKET["Properties"]["ObjectLockEnabled"] is True
    assert BUCKET["Properties"]["VersioningConfiguration"] == {"Status": "Enabled"}
    assert lock["Rule"]["DefaultRetention"] == {"Mode": "COMPLIANCE", "Days": DAYS}
    assert BUCKET["DeletionPolicy"] == BUCKET["UpdateReplacePolicy"] == "Retain"
    assert "BucketName" not in BUCKET["Properties"], "a bucket that remains would block the next deployment"


def test_files_are_deleted_when_their_lock_ends() -> None:
    expire, markers = BUCKET["Properties"]["LifecycleConfiguration"]["Rules"]

    assert expire["ExpirationInDays"] == DAYS
    assert markers["ExpiredObjectDeleteMarker"] is True
    assert {rule["NoncurrentVersionExpiration"]["NoncurrentDays"] for rule in (expire, markers)} == {
        LIFECYCLE_DELAY.days
    }


def test_only_this_trail_writes_into_the_bucket() -> None:
    check, deliver, tls = RESOURCES["LogBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    arn = {"Fn::Sub": "arn:${AWS::Partition}:cloudtrail:${AWS::Region}:${AWS::AccountId}:trail/${Prefix}-calls"}

    for statement in (check, deliver):
        assert statement["Principal"] == {"Service": "cloudtrail.amazonaws.com"}
        assert statement["Condition"]["StringEquals"]["aws:SourceArn"] == arn
    assert TRAIL["TrailName"] == {"Fn::Sub": "${Prefix}-calls"}
    assert (check["Action"], deliver["Action"]) == ("s3:GetBucketAcl", "s3:PutObject")
    assert (tls["Effect"], tls["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


# The option ----------------------------------------------------------------------------------------------------------


def test_it_is_off_by_default() -> None:
    root = templates.root_template()

    assert root["Parameters"]["CloudTrail"]["Default"] == "off"
    assert root["Conditions"]["HasCloudTrail"] == {"Fn::Equals": [{"Ref": "CloudTrail"}, "on"]}
    assert root["Resources"]["CloudTrailLog"]["Condition"] == "HasCloudTrail"


@pytest.mark.parametrize(("retention", "refused"), [("Retain", False), ("Delete", True)])
def test_a_locked_log_is_refused_if_data_is_to_be_deleted(retention: str, refused: bool) -> None:
    found = problems(templates.root_template(), {"CloudTrail": "on", "DataRetention": retention}, "us-west-2")

    assert found == (
        ["Set DataRetention to Retain or CloudTrail to off. Nobody can delete the CloudTrail log with the stack."]
        if refused
        else []
    )


@pytest.mark.parametrize("days", [0, 365])
def test_a_receipt_names_the_log_only_if_there_is_one(days: int) -> None:
    now = datetime(2026, 11, 29, tzinfo=UTC)
    kept = timedelta(days=days)
    receipt = remains(now, replace(RETENTIONS, cloud_trail=kept))
    found = [each for each in receipt if each.store == "operations/cloudtrail-log"]

    assert [each.until for each in found] == ([now + kept + LIFECYCLE_DELAY] if days else [])
    assert templates.service_template("privacy")["Parameters"]["CloudTrailRetentionDays"]
    (privacy,) = [
        body["Properties"]["Parameters"]["CloudTrailRetentionDays"]
        for name, body in templates.root_template()["Resources"].items()
        if name == "Privacy"
    ]
    assert privacy == {"Fn::If": ["HasCloudTrail", DAYS, 0]}
