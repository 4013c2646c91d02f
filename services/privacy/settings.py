"""The settings of the privacy functions."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Literal

from kit.settings import Settings
from services.privacy.platform import FLOW_LOGS, REFUSED_CALLS, SOCKET_LOGS, WORKER_LOGS, Retentions


class PrivacySettings(Settings):
    """Settings of every function."""

    table_name: str
    receipt_retention_days: int = 400


class PublisherSettings(PrivacySettings):
    """Settings of the functions that start erasures, exports and sweeps."""

    event_bus_name: str
    export_retention_days: int = 7


class CollectSettings(PrivacySettings):
    """Settings of privacy.collect."""

    owner_keys_table: str
    exports_bucket_name: str
    export_retention_days: int = 7
    archive_days: int
    """Days for which the archive of the event bus keeps events; 0 without an archive."""
    log_retention_days: int
    vpc_mode: Literal["none", "private"] = "none"
    generation_worker: Literal["lambda", "fargate", "external"] = "lambda"
    """A worker has a log of its own, also an external one that is set up as docs/kubernetes.md says."""
    socket_access_logs: Literal["on", "off"] = "off"
    firewall: Literal["on", "off"] = "off"
    """Whether a firewall is in front of the API."""
    backup_retention_days: int
    version_retention_days: int = 7
    replica_region: str = ""
    """Region with a replica of the gallery and of the archive of analytics; empty without one."""
    backups: Literal["off", "daily"] = "off"
    """Whether AWS Backup copies the tables to a vault."""
    ledger_retention_days: int
    archive_retention_days: int
    """Days for which analytics keeps its archive; 0 for ever."""
    cloud_trail_retention_days: int
    """Days for which the CloudTrail log is kept; 0 without one."""

    def retentions(self) -> Retentions:
        """Return how long the platform keeps data."""
        return Retentions(
            logs=timedelta(days=self.log_retention_days),
            optional_logs=frozenset(self._optional_logs()),
            backups=timedelta(days=self.backup_retention_days),
            versions=timedelta(days=self.version_retention_days),
            has_vault=self.backups == "daily",
            has_replica=bool(self.replica_region),
            event_archive=timedelta(days=self.archive_days),
            ledgers=timedelta(days=self.ledger_retention_days),
            lake=timedelta(days=self.archive_retention_days),
            receipts=timedelta(days=self.receipt_retention_days),
            cloud_trail=timedelta(days=self.cloud_trail_retention_days),
        )

    def _optional_logs(self) -> Iterator[str]:
        if self.vpc_mode == "private":
            yield FLOW_LOGS
        if self.generation_worker != "lambda":
            yield WORKER_LOGS
        if self.socket_access_logs == "on":
            yield SOCKET_LOGS
        if self.firewall == "on":
            yield REFUSED_CALLS


class BuildSettings(Settings):
    """Settings of privacy.build."""

    table_name: str
    exports_bucket_name: str
    gallery_bucket_name: str
    export_retention_days: int = 7


class ApiSettings(PublisherSettings):
    """Settings of the API."""

    exports_bucket_name: str
    audit_trail_table: str
    """Operations' table, to which the API adds entries of the audit trail."""
    trail_retention_days: int
    """How long they are kept."""
