"""Where personal data is: the tables of docs/privacy.md, from the templates' ``Metadata: PersonalData:``.

Each table, bucket, queue, log group and archive has an entry: ``Store``, ``Data``, ``Purpose``, ``Retention``,
``Erasure``. ``Retention`` names parameters of the root template. An entry whose data starts with ``None`` needs no more
than its store. Streams and backups of tables, versions and replicas of buckets follow from their properties.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from events.model_catalog import ModelCatalog
from local.loops import expand
from local.templates import parse_template

STORES: Final = (
    "AWS::Backup::BackupVault",
    "AWS::DynamoDB::Table",
    "AWS::ElastiCache::ServerlessCache",
    "AWS::Events::Archive",
    "AWS::Kinesis::Stream",
    "AWS::KinesisFirehose::DeliveryStream",
    "AWS::Logs::LogGroup",
    "AWS::S3::Bucket",
    "AWS::SQS::Queue",
)
"""Types of resources that store data."""
NONE: Final = "None: "
PARAMETER: Final = re.compile(r"\b[A-Z]\w+Days\b")
BACKUP: Final = "BackupRetentionDays"
VERSION: Final = "VersionRetentionDays"


@dataclass(frozen=True)
class Store:
    """What the documentation says of a store."""

    name: str
    """Service and store, such as ``intake/requests``. Receipts of erasures use the same names."""
    data: str
    purpose: str = ""
    retention: str = ""
    erasure: str = ""

    @property
    def is_personal(self) -> bool:
        """Whether it holds personal data."""
        return not self.data.startswith(NONE)


@dataclass(frozen=True)
class Deployed:
    """A resource that stores data."""

    service: str
    """``platform`` for the root template."""
    resource: str
    body: Mapping[str, Any]
    template: str = "template.yaml"
    """Path below the root of the repository."""

    def __str__(self) -> str:
        return f"{self.service}-{self.resource}"

    @property
    def type(self) -> str:
        """Its type."""
        return str(self.body["Type"])

    @property
    def properties(self) -> Mapping[str, Any]:
        """Its properties."""
        found: Mapping[str, Any] = self.body["Properties"]
        return found

    def store(self) -> Store:
        """Return its entry. Raises ``ValueError`` if there is none or if a field is missing."""
        entry = self.body.get("Metadata", {}).get("PersonalData")
        if not entry:
            raise ValueError(f"{self}: add Metadata: PersonalData: with Store, Data, Purpose, Retention and Erasure")
        values = {name.lower(): _text(value) for name, value in entry.items()}
        store = Store(name=values.pop("store", ""), **values)
        missing = [name for name in ("name", "data") if not getattr(store, name)]
        if store.is_personal:
            missing += [name for name in ("purpose", "retention", "erasure") if not getattr(store, name)]
        if missing:
            raise ValueError(f"{self}: its PersonalData lacks {', '.join(missing)}")
        return store


def deployed_stores(root: Path) -> list[Deployed]:
    """Return every resource of the templates that stores data."""
    nested = sorted(root.glob("services/*/*.yaml"), key=lambda path: (path.parent.name, path.name != "template.yaml"))
    templates = [("platform", root / "template.yaml"), *((path.parent.name, path) for path in nested)]
    return [
        Deployed(service, name, body, str(path.relative_to(root)))
        for service, path in templates
        if any(f" {kind}\n" in path.read_text() for kind in STORES)
        for name, body in expand(parse_template(path.read_text()))["Resources"].items()
        if body["Type"] in STORES
    ]


def stores(root: Path) -> list[Store]:
    """Return all stores, with the copies of tables and buckets. Log groups of one service are one store."""
    found: dict[str, Store] = {}
    for deployed in deployed_stores(root):
        found |= {store.name: store for store in _with_copies(deployed)}
    return list(found.values())


def _with_copies(deployed: Deployed) -> Iterator[Store]:
    store = deployed.store()
    yield store
    if not store.is_personal:
        return
    if "StreamSpecification" in deployed.properties:
        yield Store(
            f"{store.name}-stream",
            "Changes of the table",
            "Publish or process them",
            "24 hours",
            "Expires",
        )
    if "PointInTimeRecoverySpecification" in deployed.properties:
        yield Store(
            f"{store.name}-backup",
            "Former states of the table",
            "Restore the table after a fault",
            BACKUP,
            "Expires; restored data has to be erased again",
        )
    if "VersioningConfiguration" in deployed.properties and "ObjectLockEnabled" not in deployed.properties:
        yield Store(
            f"{store.name}-versions",
            "Files that were deleted by a fault, by an operator or because they had expired or were compacted",
            "Undo a mistake",
            VERSION,
            store.erasure,
        )
    if "ReplicationConfiguration" in deployed.properties:
        yield Store(
            f"{store.name}-replica",
            "A copy in another Region, if ReplicaRegion is set",
            "Go on after the loss of a Region",
            f"As the original; what is deleted there, {VERSION} later",
            "A deletion hides the files at once; the replica's own lifecycle deletes them",
        )


def stores_table(root: Path) -> str:
    """Return the tables of the document: stores with personal data, and the others."""
    defaults = {
        name: parameter.get("Default")
        for name, parameter in parse_template((root / "template.yaml").read_text())["Parameters"].items()
    }
    everything = stores(root)
    lines = ["| store | data | purpose | retention | erasure |", "| --- | --- | --- | --- | --- |"]
    for store in _joined(store for store in everything if store.is_personal):
        retention = PARAMETER.sub(lambda found: f"`{found[0]}` ({defaults[found[0]]})", store.retention)
        lines.append(f"| {store.name} | {store.data} | {store.purpose} | {retention} | {store.erasure} |")
    lines += ["", "These hold no personal data:", "", "| store | data |", "| --- | --- |"]
    others = _joined(store for store in everything if not store.is_personal)
    lines += [f"| {store.name} | {store.data.removeprefix(NONE)} |" for store in others]
    return "\n".join(lines) + "\n"


def _joined(found: Iterable[Store]) -> list[Store]:
    """Return stores with one row for all that differ only by their names."""
    rows: dict[Store, list[str]] = {}
    for store in found:
        rows.setdefault(replace(store, name=""), []).append(f"`{store.name}`")
    return [replace(store, name=", ".join(names)) for store, names in rows.items()]


def _text(value: Any) -> str:
    """Return a value after its loop was expanded: a text, or ``Fn::Sub`` without variables."""
    return str(value["Fn::Sub"] if isinstance(value, dict) else value)


def regions_table(catalog: ModelCatalog) -> str:
    """Return a table of the regions in which each model receives prompts."""
    lines = ["| model | regions |", "| --- | --- |"]
    lines += [f"| `{model.key}` | {', '.join(model.regions)} |" for model in catalog]
    return "\n".join(lines) + "\n"
