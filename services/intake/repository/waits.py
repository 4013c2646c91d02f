"""The calls of each owner that wait for a result, counted in the request table."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from kit.clock import Clock
from kit.dynamodb import to_item
from kit.telemetry import logger
from services.intake.waiting import MAX_SECONDS, MAX_WAITS

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

SLOT_SECONDS: Final = MAX_SECONDS + 5
"""After this time, the function that took a slot has ended, and a slot that it did not release is free."""
RETENTION_SECONDS: Final = 3600


class WaitTable:
    """Slots for the waiting calls of an owner: one item per owner, with a set of at most ``MAX_WAITS`` members.

    A member starts with the time at which it expires, so a function that ends without releasing its slot does not block
    the owner.
    """

    def __init__(self, client: "DynamoDBClient", name: str, clock: Clock) -> None:
        self._client = client
        self._name = name
        self._clock = clock

    @contextmanager
    def slot(self, owner: str) -> Iterator[bool]:
        """Take a slot of ``owner`` for the duration of the block. Yield False if all are taken.

        Two writes; a third and a fourth only if slots were never released.
        """
        now = int(self._clock.now().timestamp())
        member = f"{now + SLOT_SECONDS}#{secrets.token_hex(4)}"
        taken = self._take(owner, member, now)
        try:
            yield taken
        finally:
            if taken:
                self._release(owner, member)

    def _take(self, owner: str, member: str, now: int) -> bool:
        members = self._add(owner, member, now)
        expired = {each for each in members if int(each.partition("#")[0]) <= now}
        if expired:
            self._remove(owner, expired)
            members = self._add(owner, member, now)
        return not members

    def _add(self, owner: str, member: str, now: int) -> set[str]:
        """Add a member, unless the set is full. Return the members that prevent it."""
        try:
            self._client.update_item(
                TableName=self._name,
                Key=_key(owner),
                UpdateExpression="SET expires_at = :at ADD slots :member",
                ConditionExpression="attribute_not_exists(slots) OR size(slots) < :max",
                ExpressionAttributeValues=to_item(
                    {":at": now + RETENTION_SECONDS, ":member": {member}, ":max": MAX_WAITS}
                ),
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            item: Any = error.response.get("Item", {})
            return set(item["slots"]["SS"])
        return set()

    def _remove(self, owner: str, members: set[str]) -> None:
        self._client.update_item(
            TableName=self._name,
            Key=_key(owner),
            UpdateExpression="DELETE slots :members",
            ExpressionAttributeValues=to_item({":members": members}),
        )

    def _release(self, owner: str, member: str) -> None:
        try:
            self._remove(owner, {member})
        except (ClientError, BotoCoreError) as error:  # the response is ready, and the slot expires
            logger.warning("wait slot not released", error=type(error).__name__)


def _key(owner: str) -> dict[str, Any]:
    return to_item({"pk": f"WAITS#{owner}", "sk": "SLOTS"})
