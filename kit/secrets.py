"""Secrets in Secrets Manager that several services use."""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager.client import SecretsManagerClient


def secret_key(client: "SecretsManagerClient", secret_id: str) -> Callable[[], bytes]:
    """Return a function that reads the secret ``secret_id`` (a name or an ARN) on its first call and caches it."""

    @cache
    def read() -> bytes:
        return client.get_secret_value(SecretId=secret_id)["SecretString"].encode()

    return read
