"""Two regions of one installation: replicas of tables and secrets, the role of a region, open requests (ADR 40)."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from events.catalog.image_requested import ImageRequested
from kit.errors import error_code
from services.generation.repository.ledger import DynamoLedger
from services.intake.repository.requests import SHARDS, RequestTable
from services.moderation.erasure import judged_events
from services.moderation.repository import VerdictErasureTable

TABLES: Final = (
    *("accounts", "analytics", "gallery", "generation", "moderation-verdicts", "notifications", "operations"),
    *("owner-keys", "privacy", "requests"),
)
"""All tables, by their names without the prefix."""
SECRETS: Final = (
    *("accounts-key-hashing", "notifications-webhook-master", "storage-content-credentials"),
    "storage-prompt-hash-key",
)
"""The secrets that both regions share. Each region signs links of its own CDN with a key of its own."""
STREAMS: Final = {"RequestsStreamArn": "requests", "GalleryStreamArn": "gallery"}
"""Parameter of the template → the table whose stream a relay reads."""
CAPABILITIES: Final = ("CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND")
POLL_SECONDS: Final = 1.0
REPLICA_SECONDS: Final = 3600
STACK_SECONDS: Final = 1800


class RegionError(RuntimeError):
    """A step failed. The text says what to do; the same command continues after that."""


def poll(what: str, seconds: float, probe: Callable[[], bool], every: float = POLL_SECONDS) -> None:
    """Return once ``probe`` returns True. Raise ``RegionError`` if it does not within ``seconds``."""
    deadline = time.monotonic() + seconds
    while not probe():
        if time.monotonic() >= deadline:
            raise RegionError(f"{what}: not within {seconds:.0f} s. Run the same command again to continue.")
        time.sleep(every)


def add_replica(dynamodb: Any, there: Any, table: str, region: str) -> bool:
    """Create the replica of a table in ``region``, whose client is ``there``; return whether there was none.

    Its point-in-time recovery is that of the table.
    """

    def described() -> Any:
        return dynamodb.describe_table(TableName=table)["Table"]

    def ready() -> bool:
        return bool(described()["TableStatus"] == "ACTIVE")

    def replicated() -> bool:
        found = {each["RegionName"]: each["ReplicaStatus"] for each in described().get("Replicas", [])}
        return found.get(region) == "ACTIVE" and ready()

    poll(table, REPLICA_SECONDS, ready)
    if not described().get("StreamSpecification", {}).get("StreamEnabled"):
        stream = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
        dynamodb.update_table(TableName=table, StreamSpecification=stream)
        poll(table, REPLICA_SECONDS, ready)
    missing = all(each["RegionName"] != region for each in described().get("Replicas", []))
    if missing:
        dynamodb.update_table(TableName=table, ReplicaUpdates=[{"Create": {"RegionName": region}}])
    poll(f"{table} in {region}", REPLICA_SECONDS, replicated)
    recovery = dynamodb.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    if recovery.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus") == "ENABLED":
        enabled = {"PointInTimeRecoveryEnabled": True}
        there.update_continuous_backups(TableName=table, PointInTimeRecoverySpecification=enabled)
    return missing


def add_secret(secrets: Any, name: str, region: str) -> bool:
    """Replicate a secret to ``region``; return whether it was not."""
    found = secrets.describe_secret(SecretId=name).get("ReplicationStatus", [])
    if any(each["Region"] == region for each in found):
        return False
    secrets.replicate_secret_to_regions(SecretId=name, AddReplicaRegions=[{"Region": region}])
    return True


def stream_arns(dynamodb: Any, prefix: str) -> dict[str, str]:
    """Return the parameters that name the streams of a region's tables."""
    return {
        parameter: str(dynamodb.describe_table(TableName=f"{prefix}-{table}")["Table"]["LatestStreamArn"])
        for parameter, table in STREAMS.items()
    }


def stack_parameters(cloudformation: Any, stack: str) -> dict[str, str]:
    """Return the parameters with which ``stack`` was deployed."""
    found = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    return {each["ParameterKey"]: each["ParameterValue"] for each in found.get("Parameters", [])}


def set_role(cloudformation: Any, stack: str, role: str) -> bool:
    """Deploy ``stack`` as it is with another ``RegionRole``, and wait; return whether it had another one."""

    def described() -> Any:
        return cloudformation.describe_stacks(StackName=stack)["Stacks"][0]

    def settled() -> bool:
        return not str(described()["StackStatus"]).endswith("_IN_PROGRESS")

    poll(f"stack {stack}", STACK_SECONDS, settled)
    parameters = stack_parameters(cloudformation, stack)
    if "RegionRole" not in parameters:
        raise RegionError(f"The stack {stack} has no parameter RegionRole. Deploy this version of the template first.")
    if parameters["RegionRole"] == role:
        return False
    try:
        cloudformation.update_stack(
            StackName=stack,
            UsePreviousTemplate=True,
            Capabilities=list(CAPABILITIES),
            Parameters=[
                {"ParameterKey": name, "ParameterValue": role}
                if name == "RegionRole"
                else {"ParameterKey": name, "UsePreviousValue": True}
                for name in parameters
            ],
        )
    except ClientError as error:
        if error_code(error) != "ValidationError":
            raise
        raise RegionError(f"The stack {stack} cannot be updated: {error}") from error
    poll(f"stack {stack}", STACK_SECONDS, settled)
    if (status := described()["StackStatus"]) != "UPDATE_COMPLETE":
        raise RegionError(f"The stack {stack} is {status}. Repair it, and run the same command again.")
    return True


def open_requests(dynamodb: Any, table: str) -> Iterator[ImageRequested]:
    """Yield every request without a terminal status, from the index of the sweeper."""
    requests = RequestTable(dynamodb, table)
    pages = dynamodb.get_paginator("query")
    for shard in range(SHARDS):
        for page in pages.paginate(
            TableName=table,
            IndexName="open",
            KeyConditionExpression="open_shard = :shard",
            ExpressionAttributeValues={":shard": {"S": str(shard)}},
        ):
            for item in page["Items"]:
                try:
                    yield requests.read_request(item["pk"]["S"].removeprefix("REQUEST#"))
                except KeyError:
                    continue  # its items were replicated one by one, and the region was lost in between


@dataclass(frozen=True)
class LostImages:
    """Finds requests whose raw images are in the lost region only, and lets their images be generated again."""

    dynamodb: Any
    s3: Any
    prefix: str
    handoff_bucket: str

    def forget(self, request_id: str) -> bool:
        """Forget verdicts and outcomes of a request if a raw image is missing; return whether one was.

        Verdicts about the lost images must not hold for the new ones. The images are paid for again.
        """
        ledger = f"{self.prefix}-generation"
        pages = self.dynamodb.get_paginator("query").paginate(
            TableName=ledger,
            KeyConditionExpression="request_id = :request",
            ExpressionAttributeValues={":request": {"S": request_id}},
            ConsistentRead=True,
        )
        recorded = [json.loads(item["outcome"]["S"]) for page in pages for item in page["Items"] if "outcome" in item]
        if all(self._exists(outcome["image"]["key"]) for outcome in recorded if outcome.get("image")):
            return False
        VerdictErasureTable(self.dynamodb, f"{self.prefix}-moderation-verdicts").delete(judged_events(request_id))
        DynamoLedger(self.dynamodb, ledger).erase(request_id)
        return True

    def _exists(self, key: str) -> bool:
        try:
            self.s3.head_object(Bucket=self.handoff_bucket, Key=key)
        except ClientError as error:
            if error_code(error) not in {"404", "NoSuchKey"}:
                raise
            return False
        return True


def mappings(lambdas: Any, prefix: str) -> Mapping[str, int]:
    """Return the number of the installation's event source mappings by state."""
    found: dict[str, int] = {}
    for page in lambdas.get_paginator("list_event_source_mappings").paginate():
        for mapping in page["EventSourceMappings"]:
            if f":function:{prefix}-" in mapping["FunctionArn"]:
                found[mapping["State"]] = found.get(mapping["State"], 0) + 1
    return found
