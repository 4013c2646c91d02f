"""An installation on moto with the steps that export and erase, and what its ZIP files contain."""

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

from events.catalog.data_exported import DataExported
from events.catalog.image_stored import ImageStored
from kit.exporting import ExportBucket, Exporter, Page, answers
from kit.handoff import sha256
from kit.sealing import Sealer
from kit.trail_table import TrailTable
from services.accounts.exporting import OwnerExport
from services.accounts.repository.erasure import OwnerErasureTable
from services.intake.exporting import RequestExport
from services.intake.repository.exporting import ExportTable
from services.notifications.exporting import WebhookExport
from services.notifications.repository.webhooks import SubscriberTable
from services.operations.exporting import TrailExport
from services.privacy.building import Builder
from services.privacy.exports import Export, Exports, ExportSweeper
from services.storage.exporting import ImageExport
from services.storage.repository.index import DynamoGalleryIndex
from tests.support.erasure_on_moto import EXPORTS, ErasingInstallation
from tests.support.installation_on_moto import PREFIX


class ExportingInstallation(ErasingInstallation):
    """All services that export and erase, with one clock."""

    def __init__(self, template: Any) -> None:
        super().__init__(template)
        self.trail = TrailTable(self.dynamodb, f"{PREFIX}-operations")
        self.sealer = Sealer(self.owner_keys)
        requests = ExportTable(self.dynamodb, f"{PREFIX}-requests")
        images = ImageExport(DynamoGalleryIndex(self.dynamodb, f"{PREFIX}-gallery"), self.catalog, self.clock)
        owners = OwnerErasureTable(self.dynamodb, f"{PREFIX}-accounts")
        subscribers = SubscriberTable(self.dynamodb, f"{PREFIX}-notifications")
        self._let("accounts", OwnerExport(self.keys.owners, owners, self.keys, self.clock).read)
        self._let("intake", RequestExport(requests, self.sealer).read)
        self._let("notifications", WebhookExport(subscribers, self.clock).read)
        self._let("operations", TrailExport(self.trail).read)
        self._let("storage", images.read)
        collect, erase = self.export_collector.collect, self.bus.steps["privacy"]
        self.bus.steps["privacy"] = lambda event: collect(event) if isinstance(event, DataExported) else erase(event)
        self.builder = Builder(self.export_table, self.export_objects, self.clock)
        self.bus.steps["build"] = lambda event: self.builder.build(event)  # noqa: PLW0108 - a test replaces the builder
        self.exports = Exports(self.export_table, self.bus, self.clock)
        self.export_sweeper = ExportSweeper(self.export_table, self.bus, self.clock)

    def _let(self, service: str, read: Callable[[str, str | None], Page]) -> None:
        """Let the step of a service export what ``read`` returns."""
        exporter = Exporter(service, read, ExportBucket(self.s3, EXPORTS))
        self.bus.steps[service] = answers(erase=self.bus.steps[service], export=exporter.export)

    def _store(self, event: ImageStored) -> None:
        """Store images whose hashes are those of their files."""
        images = json.loads(event.data.model_dump_json())["images"]
        for image in images:
            for name in ("original", "display", "thumbnail"):
                image[name]["sha256"] = sha256(b"x" * image[name]["bytes"])
        data = type(event.data).model_validate({**event.data.model_dump(), "images": images})
        super()._store(event.model_copy(update={"data": data}))

    def archives(self, export: Export) -> list[zipfile.ZipFile]:
        """Return the ZIP files of an export, in order, after a check of their hashes."""
        _, _, files = self.exports.show(export.owner, export.export_id)
        found = []
        for file in files:
            content = self.s3.get_object(Bucket=EXPORTS, Key=file.key)["Body"].read()
            assert (len(content), sha256(content)) == (file.bytes, file.sha256)
            found.append(zipfile.ZipFile(io.BytesIO(content)))
        return found


def manifest_of(archive: zipfile.ZipFile) -> Any:
    """Return the manifest of an archive, after a check of every file that it lists."""
    assert archive.testzip() is None
    manifest = json.loads(archive.read("manifest.json"))
    for file in manifest["files"]:
        content = archive.read(file["name"])
        assert (len(content), sha256(content)) == (file["bytes"], file["sha256"]), file
    assert {file["name"] for file in manifest["files"]} | {"manifest.json"} == set(archive.namelist())
    return manifest


def records(archive: zipfile.ZipFile, name: str) -> list[Any]:
    """Return the records of a file in JSON Lines."""
    return [json.loads(line) for line in archive.read(name).splitlines()]
