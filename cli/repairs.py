"""The audit's repairs, with the operator's own credentials. The scheduled audit has no permission for them."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from botocore.exceptions import ClientError

from events.pipeline import TERMINAL
from kit.dynamodb import to_item
from kit.errors import error_code
from services.operations.audit.auditor import GALLERY_FOLDER, Auditor
from services.operations.audit.records import Finding

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_s3.client import S3Client


class Repairer(Protocol):
    """The repairs. Each checks again what it changes."""

    def schedule_check(self, request_id: str, now: datetime) -> bool:
        """Have the sweeper check an open request immediately; return whether the request is open."""

    def remove_from_index(self, request_id: str) -> bool:
        """Remove a terminal request from the sweeper's index; return whether the request is terminal."""

    def delete_file(self, key: str) -> bool:
        """Delete an object of the gallery bucket."""


def repair(auditor: Auditor, repairer: Repairer, finding: Finding, now: datetime) -> bool:
    """Repair a finding if it still is one; return whether it was repaired."""
    if finding.repair is None or all(again.key != finding.key for again in auditor.check_again([finding])):
        return False
    match finding.repair:
        case "schedule_check":
            return repairer.schedule_check(finding.subject, now)
        case "remove_from_index":
            return repairer.remove_from_index(finding.subject)
        case "delete_file":
            return repairer.delete_file(finding.subject)


class AwsRepairer:
    """Implements ``Repairer`` with the operator's credentials. Writes are conditional: the state may have changed."""

    def __init__(self, *, dynamodb: "DynamoDBClient", s3: "S3Client", prefix: str, gallery_bucket: str) -> None:
        self._dynamodb = dynamodb
        self._s3 = s3
        self._requests = f"{prefix}-requests"
        self._gallery_bucket = gallery_bucket

    def schedule_check(self, request_id: str, now: datetime) -> bool:
        """Make an open request due, so that the sweeper, which runs every minute, checks it."""
        # Any shard will do if the request has none.
        change = "SET open_shard = if_not_exists(open_shard, :shard), next_check_at = :now"
        return self._update(request_id, change, "NOT", {":shard": "0", ":now": now.isoformat()})

    def remove_from_index(self, request_id: str) -> bool:
        """Remove a terminal request from the sweeper's index."""
        return self._update(request_id, "REMOVE open_shard, next_check_at", "", {})

    def _update(self, request_id: str, change: str, negation: str, values: Mapping[str, str]) -> bool:
        terminal = {f":terminal{number}": status for number, status in enumerate(sorted(TERMINAL))}
        try:
            self._dynamodb.update_item(
                TableName=self._requests,
                Key=to_item({"pk": f"REQUEST#{request_id}", "sk": "STATE"}),
                UpdateExpression=change,
                ConditionExpression=f"attribute_exists(pk) AND {negation} #status IN ({', '.join(terminal)})",
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues=to_item({**values, **terminal}),
            )
        except ClientError as error:
            if error_code(error) != "ConditionalCheckFailedException":
                raise
            return False
        return True

    def delete_file(self, key: str) -> bool:
        """Delete an object of the gallery bucket."""
        if not key.startswith(GALLERY_FOLDER):
            raise ValueError(f"{key} is not a gallery file")
        self._s3.delete_object(Bucket=self._gallery_bucket, Key=key)
        return True
