"""DynamoDB items as plain dictionaries, for the low-level client. A boto3 resource would slow down cold starts."""

from collections.abc import Mapping
from typing import Any, Final

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

_serializer: Final = TypeSerializer()
_deserializer: Final = TypeDeserializer()


def to_item(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``values`` in DynamoDB's wire format, without keys whose value is None.

    Numbers are ``int`` or ``Decimal``; ``float`` raises ``TypeError``.
    """
    return {key: _wire(value) for key, value in values.items() if value is not None}


def _wire(value: Any) -> Any:
    """Return one value. The common types are matched directly, because boto3 tries eight types in turn."""
    match value:
        case str():
            return {"S": value}
        case dict():
            return {"M": {key: _wire(inner) for key, inner in value.items()}}
        case list():
            return {"L": [_wire(inner) for inner in value]}
        case _:
            return _serializer.serialize(value)


def from_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return a DynamoDB item as plain values; numbers are ``Decimal``."""
    return {key: _deserializer.deserialize(value) for key, value in item.items()}


def short_folder(folder: str, request_id: str) -> str:
    """Return the stored form of a folder of a request's files, in which ``*`` stands for the request's id."""
    return folder.replace(request_id, "*", 1)


def full_folder(stored: str, request_id: str) -> str:
    """Return the folder of which ``stored`` is the stored form."""
    return stored.replace("*", request_id, 1)
