"""CloudFormation's custom resource `LinkKeys`: the key group of the CDN and its first public key.

It exists as long as the CDN. Later keys are an operator's: `ops secrets rotate storage-image-link-key`. ADR 30.
"""

import json
import urllib.request
from collections.abc import Mapping
from typing import Any, Final

import boto3

from kit import startup
from kit.keyring import Keyring
from kit.telemetry import logger, measure
from services.storage.image_link_keys import LinkKeys, unpublished

TIMEOUT: Final = 10
"""Seconds for the answer to CloudFormation."""

_secrets = boto3.client("secretsmanager")
startup.finished()


def handler(event: dict[str, Any], _context: Any) -> None:
    """Create or delete the keys, and answer CloudFormation. Raises only if the answer is not accepted."""
    answer = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    try:
        group_id = _apply(event["RequestType"], event["ResourceProperties"])
    except Exception as error:
        logger.exception("keys of image links not changed")
        reason = f"{type(error).__name__}: {error}. The log of storage-keys says more."
        answer |= {"Status": "FAILED", "Reason": reason, "PhysicalResourceId": event.get("PhysicalResourceId", "none")}
    else:
        answer |= {"Status": "SUCCESS", "PhysicalResourceId": event.get("PhysicalResourceId", group_id)}
        answer |= {"Data": {"KeyGroupId": group_id}} if group_id else {}
    request = urllib.request.Request(  # noqa: S310 - CloudFormation's presigned address
        event["ResponseURL"], json.dumps(answer).encode(), {"Content-Type": ""}, method="PUT"
    )
    with urllib.request.urlopen(request, timeout=TIMEOUT):  # noqa: S310
        measure("custom resource", {}, request=event["RequestType"], status=answer["Status"])


def _apply(request: str, properties: Mapping[str, str]) -> str | None:
    """Create or delete the keys. Return the id of the key group if there is one."""
    keys, secret_id = LinkKeys(boto3.client("cloudfront"), properties["Prefix"]), properties["SecretId"]
    stored = Keyring.parse(_secrets.get_secret_value(SecretId=secret_id)["SecretString"])
    if request == "Delete":
        keys.delete()
        keyring, group_id = unpublished(stored), None
    else:
        keyring, group_id = keys.publish(stored)
    if keyring != stored:
        _secrets.put_secret_value(SecretId=secret_id, SecretString=keyring.to_text())
    return group_id
