"""Tickets and connections on DynamoDB.

pk TICKET#<hash>       sk TICKET       its owner; deleted when it is used
pk OWNER#<owner>       sk LISTENER     a set of "<seconds since 1970>#<connection id>", one per connection
pk CONNECTION#<id>     sk CONNECTION   its owner, and its text in that set
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from kit.dynamodb import from_item, to_item
from services.notifications.sockets import CONNECTIONS_MAX, Connection, RefusedError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

REASONS: Final = ("ticket used", "too many connections")
"""Reasons why the transaction that opens a connection fails, in the order of its actions."""


def _ticket_key(digest: str) -> dict[str, Any]:
    return to_item({"pk": f"TICKET#{digest}", "sk": "TICKET"})


def _listener_key(owner: str) -> dict[str, Any]:
    return to_item({"pk": f"OWNER#{owner}", "sk": "LISTENER"})


def _connection_key(connection_id: str) -> dict[str, Any]:
    return to_item({"pk": f"CONNECTION#{connection_id}", "sk": "CONNECTION"})


def _text(connection: Connection) -> str:
    return f"{int(connection.connected_at.timestamp())}#{connection.connection_id}"


def connections_of(owner: str, listener: Mapping[str, Any]) -> Sequence[Connection]:
    """Return the connections in a listener's values, oldest first."""
    pairs = sorted(text.split("#", 1) for text in listener.get("connections", ()))
    return [Connection(owner, name, datetime.fromtimestamp(int(seconds), UTC)) for seconds, name in pairs]


class ConnectionTable:
    """Tickets and connections. Implements ``SocketStore``."""

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self._client = client
        self._name = name

    def add_ticket(self, digest: str, owner: str, expires_at: datetime) -> None:
        """Store a ticket by its hash."""
        about = to_item({"owner": owner, "expires_at": int(expires_at.timestamp())})
        self._client.put_item(TableName=self._name, Item=_ticket_key(digest) | about)

    def connect(self, digest: str, connection_id: str, now: datetime) -> Connection:
        """Consume a ticket and store its connection; see ``SocketStore.connect``."""
        ticket = self._read(_ticket_key(digest))
        if not ticket or ticket["expires_at"] <= now.timestamp():
            raise RefusedError("unknown ticket" if not ticket else "ticket expired")
        connection = Connection(ticket["owner"], connection_id, now)
        if stale := self._stale(connection.owner, now):
            self._drop(connection.owner, stale)
        ends_at = int(connection.ends_at.timestamp())
        # The listener expires after its last connection.
        values = {":new": {_text(connection)}, ":most": CONNECTIONS_MAX, ":ends": ends_at}
        about = to_item({"owner": connection.owner, "text": _text(connection), "expires_at": ends_at})
        actions: Any = [
            {"Delete": {"Key": _ticket_key(digest), "ConditionExpression": "attribute_exists(pk)"}},
            {
                "Update": {
                    "Key": _listener_key(connection.owner),
                    "UpdateExpression": "ADD connections :new SET expires_at = :ends",
                    "ConditionExpression": "attribute_not_exists(connections) OR size(connections) < :most",
                    "ExpressionAttributeValues": to_item(values),
                }
            },
            {"Put": {"Item": _connection_key(connection_id) | about}},
        ]
        for action in actions:
            next(iter(action.values()))["TableName"] = self._name
        try:
            self._client.transact_write_items(TransactItems=actions)
        except self._client.exceptions.TransactionCanceledException as error:
            codes = [reason.get("Code") for reason in error.response["CancellationReasons"]]
            for code, reason in zip(codes, REASONS, strict=False):
                if code == "ConditionalCheckFailed":
                    raise RefusedError(reason) from error
            raise
        return connection

    def disconnect(self, connection_id: str) -> None:
        """Delete a connection, first from its owner's set."""
        found = self._read(_connection_key(connection_id))
        if found:
            self._drop(found["owner"], {found["text"]})
            self._client.delete_item(TableName=self._name, Key=_connection_key(connection_id))

    def connections(self, owner: str, now: datetime) -> Sequence[Connection]:
        """Return an owner's connections that may be open at ``now``, with a consistent read, oldest first."""
        return [each for each in connections_of(owner, self._read(_listener_key(owner))) if each.ends_at > now]

    def _stale(self, owner: str, now: datetime) -> set[str]:
        """Return expired connections whose end was not reported: they would count towards the limit."""
        kept = connections_of(owner, self._read(_listener_key(owner)))
        return {_text(each) for each in kept if each.ends_at <= now}

    def _drop(self, owner: str, texts: set[str]) -> None:
        self._client.update_item(
            TableName=self._name,
            Key=_listener_key(owner),
            UpdateExpression="DELETE connections :gone",
            ExpressionAttributeValues=to_item({":gone": texts}),
        )

    def _read(self, key: dict[str, Any]) -> dict[str, Any]:
        found = self._client.get_item(TableName=self._name, Key=key, ConsistentRead=True)
        return from_item(found.get("Item", {}))
