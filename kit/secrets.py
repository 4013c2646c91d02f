"""Keys that several services keep in Secrets Manager."""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager.client import SecretsManagerClient


def secret_key(client: "SecretsManagerClient", secret_id: str) -> Callable[[], bytes]:
    """Return what reads the key ``secret_id`` (a name or an ARN) when it is first called, and remembers it."""

    @cache
    def read() -> bytes:
        return client.get_secret_value(SecretId=secret_id)["SecretString"].encode()

    return read
