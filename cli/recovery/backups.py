"""Backups of an installation: one of every table at nearly the same time, and what no backup of a table contains."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from pydantic import AwareDatetime, BaseModel, ConfigDict

from cli.recovery.store import Store
from cli.recovery.tables import RestoreError, TableBackup, Tables, TableShape

RPO: Final = timedelta(hours=1)
"""Data of at most so long may be lost."""
RTO: Final = timedelta(hours=4)
"""Within so long, requests are accepted again."""
OWNER_KEYS: Final = "owner-keys"
"""A key that an erasure destroyed must not come back (ADR 26), so one backup of this table exists at a time."""
MANIFESTS: Final = "backups/"
NAME: Final = "recovery-"


class Manifest(BaseModel):
    """A backup of all tables."""

    model_config = ConfigDict(frozen=True)

    backup_id: str
    created_at: AwareDatetime
    shapes: dict[str, TableShape]
    """By table."""
    files: int | None = None
    """Files of the gallery with a copy. None: none was made."""


@dataclass(frozen=True)
class BackupSet:
    """A manifest and the backups of its tables that exist."""

    manifest: Manifest
    tables: Sequence[str]


class Backups:
    """Makes and lists backups."""

    def __init__(self, tables: Tables, store: Store, keep: timedelta) -> None:
        self._tables = tables
        self._store = store
        self._keep = keep

    def make(self, now: datetime, mirror: Callable[[], int] | None = None, *, accept_missing: bool = False) -> Manifest:
        """Back up every table, write the manifest, and delete backups that are too old.

        Raise ``RestoreError`` if a table of the last backup is gone, unless ``accept_missing``: a drill after a backup
        without it would not restore it.
        """
        if not accept_missing:
            self._refuse_without_tables()
        backup_id = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
        shapes = {}
        for table in self._tables.names():
            shapes[table] = self._tables.shape(table)
            self._tables.back_up(table, f"{NAME}{backup_id}")
        manifest = Manifest(
            backup_id=backup_id, created_at=now, shapes=shapes, files=None if mirror is None else mirror()
        )
        self._store.write(f"{MANIFESTS}{backup_id}.json", manifest.model_dump_json())
        self._prune(manifest, now)
        return manifest

    def _refuse_without_tables(self) -> None:
        last, existing = self.newest_manifest(), set(self._tables.names())
        for table, shape in last.shapes.items() if last else ():
            if table not in existing or self._tables.restored_by_hand(table, shape):
                state = "lacks its settings" if table in existing else "is gone"
                raise RestoreError(
                    f"{self._tables.full_name(table)} {state}. Run `recovery drill` before a backup, or add "
                    "--accept-missing if a release has removed the table"
                )

    def _prune(self, newest: Manifest, now: datetime) -> None:
        """Delete our own backups and manifests that are older than the retention, and older keys of owners at once."""
        for backup in self._tables.backups():
            is_ours = backup.name.startswith(NAME)
            is_keys = backup.table == OWNER_KEYS and OWNER_KEYS in newest.shapes
            is_replaced = is_keys and backup.name != f"{NAME}{newest.backup_id}"
            if is_ours and (is_replaced or now - backup.created_at > self._keep):
                self._tables.delete_backup(backup)
        for key in self._store.keys(MANIFESTS):
            if now - self._read(key).created_at > self._keep:
                self._store.delete(key)

    def _read(self, key: str) -> Manifest:
        found = self._store.read(key)
        if found is None:
            raise KeyError(key)
        return Manifest.model_validate_json(found[0])

    def list(self) -> Sequence[BackupSet]:
        """Return all backups, newest first."""
        existing = self._tables.backups()
        return [
            BackupSet(manifest, [backup.table for backup in existing if backup.name == f"{NAME}{manifest.backup_id}"])
            for manifest in map(self._read, reversed(self._store.keys(MANIFESTS)))
        ]

    def newest_manifest(self) -> Manifest | None:
        """Return the newest manifest."""
        keys = self._store.keys(MANIFESTS)
        return self._read(keys[-1]) if keys else None

    def of_tables(self) -> Sequence[TableBackup]:
        """Return all backups of tables, newest first, whoever made them."""
        return self._tables.backups()
