"""API Gateway's management endpoint, through which a function talks to an open WebSocket."""

from functools import cached_property
from typing import TYPE_CHECKING, Final

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from kit.errors import TransientError, error_code

if TYPE_CHECKING:
    from mypy_boto3_apigatewaymanagementapi.client import ApiGatewayManagementApiClient

PATIENCE: Final = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})
"""One connection must not hold up the others for long."""


class Gateway:
    """Open WebSockets. Implements ``Sockets``."""

    def __init__(self, url: str) -> None:
        self._url = url

    @cached_property
    def _client(self) -> "ApiGatewayManagementApiClient":
        return boto3.client("apigatewaymanagementapi", endpoint_url=self._url, config=PATIENCE)

    def send(self, connection_id: str, text: str) -> bool:
        """Send ``text``; return False where the connection is gone. Raises ``TransientError`` where it is too much."""
        try:
            self._client.post_to_connection(ConnectionId=connection_id, Data=text.encode())
        except self._client.exceptions.GoneException:
            return False
        except ClientError as error:
            if error_code(error) == "LimitExceededException":
                raise TransientError("the gateway takes no more messages at the moment") from error
            raise
        return True
