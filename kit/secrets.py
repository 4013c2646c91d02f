"""Keyrings in Secrets Manager.

One secret contains all valid versions of a key, so one read gives them all. It is a JSON object, for example
`{"1": {"key": "…"}, "2": {"key": "…", "active_from": "2026-11-29T12:00:00+00:00"}}`. Any other text is version 1, as
CloudFormation generates it.

A new version is used only ``ACTIVATION`` after it was made. By then every function has read the secret again, so no
function meets a version that it does not know.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from kit.keyring import Keyring, SecretVersion
from kit.telemetry import logger

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager.client import SecretsManagerClient

REFRESH_SECONDS: Final = 300
"""Age at which a function reads its secret again."""
RETRY_SECONDS: Final = 30
"""Until a function tries again if that fails; until then it uses what it has."""
ACTIVATION: Final = timedelta(seconds=2 * REFRESH_SECONDS)


class CachedKeyring:
    """Reads the keyring of a secret on first use, and again when it is older than ``REFRESH_SECONDS``."""

    def __init__(
        self, client: "SecretsManagerClient", secret_id: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = client
        self._secret_id = secret_id
        self._clock = clock
        self._read: Keyring | None = None
        self._until = 0.0

    def __call__(self) -> Keyring:
        """Return the keyring. Raises boto3's errors if the first read fails; later it keeps what it has."""
        if self._read is not None and self._clock() < self._until:
            return self._read
        try:
            answer = self._client.get_secret_value(SecretId=self._secret_id)
        except (ClientError, BotoCoreError) as error:
            if self._read is None:
                raise
            logger.warning("secret not refreshed", secret=self._secret_id, error=type(error).__name__)
            self._until = self._clock() + RETRY_SECONDS
            return self._read
        self._read = Keyring.parse(answer["SecretString"])
        self._until = self._clock() + REFRESH_SECONDS
        return self._read

    def current(self) -> SecretVersion:
        """Return the version to use for something new."""
        return self().current(datetime.now(UTC))
