"""An operator's way into one installation, with credentials of their own."""

import getpass
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from services.operations.settings import Target


class Connection:
    """Clients for one installation, made when they are asked for."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._session = boto3.Session(region_name=target.region)

    def client(self, service: Any) -> Any:
        """Return boto3's client of ``service``."""
        return self._session.client(service, endpoint_url=self.target.endpoint_url)

    def bucket(self, name: str) -> str:
        """Return the full name of one of the installation's buckets: account and region are part of it."""
        account = self.client("sts").get_caller_identity()["Account"]
        return f"{self.target.prefix}-{name}-{account}-{self._session.region_name}"

    @property
    def region(self) -> str:
        """The region it is in."""
        return str(self._session.region_name or "us-east-1")

    def caller(self) -> str:
        """Return who is at work: the ARN that AWS knows, or the login name where AWS does not say."""
        try:
            return str(self.client("sts").get_caller_identity()["Arn"])
        except (ClientError, BotoCoreError):
            return getpass.getuser()
