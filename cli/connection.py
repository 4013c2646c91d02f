"""An operator's connection to one installation, with the operator's own AWS credentials."""

import getpass
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from cli.stack import Stack, find_stack
from kit.trail import Operator
from kit.trail_table import RETENTION, TrailTable


@dataclass(frozen=True)
class Target:
    """One installation. boto3 decides everything that is None."""

    prefix: str
    """All physical names start with it and a dash."""
    profile: str | None = None
    region: str | None = None
    endpoint_url: str | None = None
    bus: str | None = None
    """Name of the event bus, if it is not the installation's own."""

    @property
    def bus_name(self) -> str:
        """The event bus."""
        return self.bus or f"{self.prefix}-bus"

    @property
    def requests_table(self) -> str:
        """Intake's table of requests."""
        return f"{self.prefix}-requests"

    @property
    def accounts_table(self) -> str:
        """Accounts' table of API keys."""
        return f"{self.prefix}-accounts"

    @property
    def analytics_table(self) -> str:
        """Analytics' table of counters."""
        return f"{self.prefix}-analytics"

    @property
    def verdicts_table(self) -> str:
        """Moderation's table of verdicts."""
        return f"{self.prefix}-moderation-verdicts"

    @property
    def generation_table(self) -> str:
        """Generation's ledger, with the daily budget."""
        return f"{self.prefix}-generation"

    @property
    def gallery_table(self) -> str:
        """Storage's table of images."""
        return f"{self.prefix}-gallery"

    @property
    def owner_keys_table(self) -> str:
        """The platform's table of owners' keys."""
        return f"{self.prefix}-owner-keys"

    @property
    def operations_table(self) -> str:
        """Operations' table: the audit trail and the quarantine."""
        return f"{self.prefix}-operations"

    @property
    def notifications_table(self) -> str:
        """Notifications' table of webhooks and connections."""
        return f"{self.prefix}-notifications"

    @property
    def key_hash_secret(self) -> str:
        """The secret with which API keys are hashed."""
        return self.secret("accounts-key-hashing")

    def secret(self, name: str) -> str:
        """Return the full name of a secret."""
        return f"{self.prefix}-{name}"


class Connection:
    """Creates clients for one installation."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._session = boto3.Session(profile_name=target.profile, region_name=target.region)

    def client(self, service: Any, region: str | None = None, config: Any = None) -> Any:
        """Return boto3's client of ``service``, in another region if one is given."""
        return self._session.client(service, region_name=region, endpoint_url=self.target.endpoint_url, config=config)

    def bucket(self, name: str) -> str:
        """Return the full name of one of the installation's buckets, which contains account and region."""
        return f"{self.target.prefix}-{name}-{self.bucket_suffix()}"

    def bucket_suffix(self) -> str:
        """Return what the names of all the installation's buckets end with."""
        return f"{self.client('sts').get_caller_identity()['Account']}-{self.region}"

    def retention(self, parameter: str, default: timedelta) -> timedelta:
        """Return the value of a parameter such as ``QuarantineRetentionDays``, or ``default`` without a stack."""
        days = self.parameter(parameter)
        return default if days is None else timedelta(days=int(days))

    def parameter(self, name: str) -> str | None:
        """Return the value of a parameter of the stack, or None without a stack."""
        return self._stack.parameters.get(name) if self._stack else None

    def output(self, name: str) -> str | None:
        """Return an output of the stack, or None without one of this name."""
        return self._stack.outputs.get(name) if self._stack else None

    @cached_property
    def _stack(self) -> Stack | None:
        """The installation's stack. A command that needs several parameters reads it once."""
        return find_stack(self.client("cloudformation"), self.target.prefix)

    @property
    def region(self) -> str:
        """The region of the installation."""
        return str(self._session.region_name or "us-east-1")

    def trail(self) -> TrailTable:
        """Return the audit trail, which keeps new entries as long as the stack's parameter says."""
        retention = self.retention("TrailRetentionDays", RETENTION)
        return TrailTable(self.client("dynamodb"), self.target.operations_table, retention)

    def operator(self, name: str | None = None) -> Operator:
        """Return the operator with the ARN that AWS reports, or the login name if AWS reports none.

        Without ``name``, that is the name as well.
        """
        try:
            identity = str(self.client("sts").get_caller_identity()["Arn"])
        except (ClientError, BotoCoreError):
            identity = getpass.getuser()
        return Operator(name or identity, identity)
