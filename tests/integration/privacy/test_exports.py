"""Exports through all services on moto: complete, in any order, twice, with lost messages, and with an erasure."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from moto import mock_aws

from events.catalog.export_ready import ExportReady
from events.catalog.export_started import ExportStarted
from kit.trail import Action, Operator, recorded
from services.intake.models import Appeal
from services.intake.repository.appeals import AppealTable
from services.notifications.webhooks import Webhook
from services.privacy.exports import PATIENCE, PAUSE, READY_MAX, ErasingError, Export, TooManyExportsError
from services.storage.shares import create_share
from tests.support.erasure_on_moto import EXPORTS
from tests.support.exporting_on_moto import ExportingInstallation, manifest_of, records
from tests.support.installation_on_moto import GALLERY, PREFIX
from tests.support.sealing import SAMPLE_TEXTS

OWNER = "demo"
RECORDS = (
    *("appeals", "audit_trail", "consents", "images", "keys", "owner", "preferences", "requests", "shares", "webhooks"),
)


@pytest.fixture
def installation(
    aws_test_environment: None, service_template: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ExportingInstallation]:
    monkeypatch.setattr("services.operations.dead_letters.repository.POLL_SECONDS", 0)
    with mock_aws():
        yield ExportingInstallation(service_template)


def fill(installation: ExportingInstallation) -> list[str]:
    """Let the owner have something in every store; return the ids of the requests, oldest first."""
    now = installation.clock.now()
    ids = [installation.create_request(number, ago=timedelta(minutes=9 - number)) for number in range(3)]
    ids.append(installation.create_request(9, until="PromptApproved"))
    installation.add_key("a" * 12, OWNER, "Ada")
    installation.add_key("b" * 12, "someone-else", "Ben")
    entry = installation.catalog.find(f"{ids[0]}-0")
    assert entry is not None
    share, _ = create_share(entry.image_id, 3600, now)
    installation.catalog.add_share(entry, share, [])  # type: ignore[arg-type]
    installation.webhooks.add(Webhook("w" * 16, OWNER, "https://example.com/hook", "test", ("succeeded",), now))
    appeals = AppealTable(installation.dynamodb, f"{PREFIX}-requests", installation.requests)
    reason = installation.sealer.seal(OWNER, "It is a lighthouse.")
    appeal = Appeal(ids[3], OWNER, "pending", "prompt", "violence", "default@1", reason, now, "a" * 12, 10, 60)
    appeals.add(appeal, now)
    for operator, about in (("ada", OWNER), ("ada", "someone-else"), (OWNER, OWNER)):
        action = Action.begin(
            Operator(operator, f"key {operator}", "192.0.2.1"), "look", about={"owner": about}, count=1
        )
        with recorded(installation.trail, action) as outcomes:
            outcomes["seen"] += 1
    return ids


def finish(installation: ExportingInstallation, **how: Any) -> None:
    """Deliver everything, and let the sweeper run until it has nothing to do any more."""
    installation.bus.deliver(**how)
    for _ in range(6):
        installation.clock.advance(PAUSE.total_seconds())
        report = installation.export_sweeper.run()
        assert not report.failures, report.failures
        installation.bus.deliver(**how)


def status(installation: ExportingInstallation, export: Export) -> str:
    """Return the status of an export."""
    return installation.exports.show(export.owner, export.export_id)[0].status


def announced(installation: ExportingInstallation) -> set[str]:
    """Return the ids of the events that announce exports."""
    return {event.metadata.event_id for event in installation.bus.published if isinstance(event, ExportReady)}


def test_an_export_has_everything_of_an_owner(installation: ExportingInstallation) -> None:
    ids = fill(installation)

    export = installation.exports.start(OWNER)
    installation.bus.deliver()

    shown, progress, files = installation.exports.show(OWNER, export.export_id)
    assert (shown.status, progress.services_done, progress.images, len(files)) == ("ready", 5, 3, 1)
    (archive,) = installation.archives(export)
    manifest = manifest_of(archive)
    assert manifest["counts"] == {
        **dict.fromkeys(RECORDS, 1),
        "requests": 4,
        "images": 3,
        "image_files": 3,
        "audit_trail": 2,
    }
    assert (manifest["format"], manifest["version"], manifest["owner_id"]) == ("genai-images-export", 1, OWNER)
    assert manifest["missing"] == []
    requests = records(archive, "requests.jsonl")
    assert [request["id"] for request in requests] == ids
    assert {request["request"]["prompt"] for request in requests} == {SAMPLE_TEXTS.prompt}
    images = records(archive, "images.jsonl")
    assert {image["id"] for image in images} == {f"{request_id}-0" for request_id in ids[:3]}
    for image in images:
        assert len(archive.read(image["file"])) == image["original"]["bytes"]
    (share,) = records(archive, "shares.jsonl")
    assert share["image_id"] == f"{ids[0]}-0"
    assert records(archive, "appeals.jsonl")[0]["reason"] == "It is a lighthouse."
    assert records(archive, "owner.jsonl")[0]["name"] == "Ada"
    assert records(archive, "preferences.jsonl")[0]["theme"] == "dark"
    assert records(archive, "keys.jsonl")[0]["key_id"] == "a" * 12
    assert records(archive, "webhooks.jsonl")[0]["url"] == "https://example.com/hook"
    own, by_operator = sorted(records(archive, "audit_trail.jsonl"), key=lambda entry: entry["by"], reverse=True)
    assert (own["identity"], own["address"], own["outcome"]) == (f"key {OWNER}", "192.0.2.1", {"seen": 1})
    assert {"identity", "address"}.isdisjoint(by_operator)


def test_an_export_has_no_secrets_and_nothing_of_others(installation: ExportingInstallation) -> None:
    fill(installation)
    export = installation.exports.start(OWNER)
    installation.bus.deliver()

    (archive,) = installation.archives(export)
    text = b"\n".join(archive.read(name) for name in archive.namelist() if name.endswith(".jsonl")).decode()
    for secret in ("digest", "secret_sha256", "s1.", "Ben", "someone-else", "master"):
        assert secret not in text, secret


def test_only_the_files_are_kept(installation: ExportingInstallation) -> None:
    fill(installation)
    export = installation.exports.start(OWNER)
    installation.bus.deliver()

    (key,) = installation.objects(EXPORTS)
    assert key.startswith(f"zip/{OWNER}/{export.export_id}/")


@pytest.mark.parametrize("seed", range(3))
def test_events_may_arrive_in_any_order_and_twice(
    installation: ExportingInstallation, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    ids = fill(installation)
    monkeypatch.setattr("services.intake.exporting.PAGE", 2)
    monkeypatch.setattr("services.storage.exporting.PAGE", 1)
    monkeypatch.setattr("services.operations.exporting.READ_MAX", 2)
    chance = random.Random(seed)

    export = installation.exports.start(OWNER)
    installation.bus.deliver(choose=chance.randrange, twice=True)

    assert status(installation, export) == "ready"
    (archive,) = installation.archives(export)
    counts = manifest_of(archive)["counts"]
    assert (counts["requests"], counts["image_files"], counts["audit_trail"]) == (4, 3, 2)
    assert [request["id"] for request in records(archive, "requests.jsonl")] == ids
    assert len(announced(installation)) == 1


def test_the_sweeper_repeats_what_was_lost(
    installation: ExportingInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(installation)
    monkeypatch.setattr("services.intake.exporting.PAGE", 2)
    chance = random.Random(7)
    installation.bus.lost = lambda _step, _event: chance.random() < 0.5
    export = installation.exports.start(OWNER)
    installation.bus.deliver()

    assert status(installation, export) == "running"
    installation.bus.lost = lambda _step, _event: False
    finish(installation)

    assert status(installation, export) == "ready"
    assert manifest_of(installation.archives(export)[0])["counts"]["requests"] == 4


def test_many_images_make_several_files(installation: ExportingInstallation) -> None:
    ids = fill(installation)
    installation.builder = replace(installation.builder, file_bytes=1)

    export = installation.exports.start(OWNER)
    installation.bus.deliver()

    archives = installation.archives(export)
    manifests = [manifest_of(archive) for archive in archives]
    assert [manifest["file"] for manifest in manifests] == [
        {"number": 1, "is_last": False},
        {"number": 2, "is_last": False},
        {"number": 3, "is_last": True},
    ]
    names = [file["name"] for manifest in manifests for file in manifest["files"] if "records" not in file]
    assert len(names) == len(set(names)) == len(ids) - 1
    assert "requests.jsonl" not in archives[1].namelist()


def test_a_crash_while_building_leaves_nothing_behind(
    installation: ExportingInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(installation)
    monkeypatch.setattr(installation.export_objects, "read_image", lambda _image: 1 / 0)
    export = installation.exports.start(OWNER)
    with pytest.raises(ZeroDivisionError):
        installation.bus.deliver()
    assert not any(key.startswith("zip/") for key in installation.objects(EXPORTS))
    assert installation.s3.list_multipart_uploads(Bucket=EXPORTS).get("Uploads", []) == []

    monkeypatch.undo()
    finish(installation)

    assert manifest_of(installation.archives(export)[0])["counts"]["image_files"] == 3


def test_an_image_that_was_deleted_meanwhile_is_named(installation: ExportingInstallation) -> None:
    ids = fill(installation)
    entry = installation.catalog.find(f"{ids[0]}-0")
    assert entry is not None
    installation.s3.delete_object(Bucket=GALLERY, Key=entry.original.key)

    export = installation.exports.start(OWNER)
    installation.bus.deliver()

    manifest = manifest_of(installation.archives(export)[0])
    assert manifest["counts"]["image_files"] == 2
    assert [file["name"] for file in manifest["missing"]] == [f"images/{ids[0]}-0.png"]


def test_a_second_export_is_the_one_that_runs(installation: ExportingInstallation) -> None:
    first, second = installation.exports.start(OWNER), installation.exports.start(OWNER)
    other = installation.exports.start("someone-else")

    assert first == second
    assert other.export_id != first.export_id
    race = replace(first, export_id="5f0d9c3e-6a1b-4c2d-8e7f-9a0b1c2d3e4f")
    assert installation.export_table.start(race) == first


def test_exports_that_are_kept_are_limited(installation: ExportingInstallation) -> None:
    for _ in range(READY_MAX):
        installation.exports.start(OWNER)
        installation.bus.deliver()

    with pytest.raises(TooManyExportsError):
        installation.exports.start(OWNER)
    installation.clock.advance(8 * 86_400)
    assert installation.exports.list(OWNER) == []
    installation.exports.start(OWNER)


def test_an_export_of_another_owner_is_unknown(installation: ExportingInstallation) -> None:
    export = installation.exports.start(OWNER)

    with pytest.raises(KeyError):
        installation.exports.show("someone-else", export.export_id)


def test_an_export_without_progress_fails_with_its_reason(installation: ExportingInstallation) -> None:
    fill(installation)
    installation.bus.lost = lambda step, _event: step == "storage"
    export = installation.exports.start(OWNER)
    installation.bus.deliver()
    installation.clock.advance(PATIENCE.total_seconds())

    assert installation.export_sweeper.run().failed == 1
    shown, _, files = installation.exports.show(OWNER, export.export_id)
    assert (shown.status, shown.reason, files) == ("failed", "These services did not answer: storage.", [])
    installation.bus.lost = lambda _step, _event: False
    late = next(event for event in installation.bus.published if isinstance(event, ExportStarted))
    installation.bus.publish([late])
    installation.bus.deliver()
    assert status(installation, export) == "failed", "a late answer changes nothing"
    assert installation.exports.start(OWNER).export_id != export.export_id


def test_an_erasure_erases_exports(installation: ExportingInstallation) -> None:
    fill(installation)
    export = installation.exports.start(OWNER)
    installation.bus.deliver()
    assert installation.objects(EXPORTS) != []

    erasure, secret = installation.erasures.start(OWNER)
    with pytest.raises(ErasingError):
        installation.exports.start(OWNER)
    installation.bus.deliver()

    assert installation.objects(EXPORTS) == []
    with pytest.raises(KeyError):
        installation.exports.show(OWNER, export.export_id)
    assert not any(export.export_id in item for item in installation.raw_items("privacy"))
    receipt = {store.store: store for store in installation.erasures.show(erasure.erasure_id, secret).stores}
    assert receipt["platform/exports"].erased == 1
    for _ in range(12):
        installation.clock.advance(6 * 3600)
        installation.sweeper.run()
        installation.bus.deliver()
    assert installation.erasures.show(erasure.erasure_id, secret).completed_at is not None
    with pytest.raises(ErasingError):
        installation.exports.start(OWNER)


def test_an_erasure_stops_an_export_that_runs(installation: ExportingInstallation) -> None:
    fill(installation)
    export = installation.exports.start(OWNER)
    started = installation.bus.waiting.copy()
    installation.bus.waiting.clear()
    installation.erasures.start(OWNER)
    installation.bus.deliver()

    installation.bus.waiting += started  # the services answer late
    installation.bus.deliver()

    assert announced(installation) == set()
    assert not any(key.startswith("zip/") for key in installation.objects(EXPORTS))
    for _ in range(12):
        installation.clock.advance(6 * 3600)
        installation.sweeper.run()
        installation.bus.deliver()
    assert installation.objects(EXPORTS) == [], "the second sweep erases what was late"
    assert not any(export.export_id in item for item in installation.raw_items("privacy"))


def test_a_file_of_an_erased_export_is_deleted(
    installation: ExportingInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(installation)
    installation.exports.start(OWNER)

    def erased(*_arguments: Any) -> bool:
        monkeypatch.undo()
        installation.export_table.erase(OWNER)
        return False

    monkeypatch.setattr(installation.export_table, "add_file", erased)
    installation.bus.deliver()

    assert not any(key.startswith("zip/") for key in installation.objects(EXPORTS))
    assert announced(installation) == set()


def test_two_deliveries_at_once_keep_one_file(
    installation: ExportingInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(installation)
    export = installation.exports.start(OWNER)
    read = installation.export_objects.read_image
    raced: list[int] = []

    def race(image: Any) -> bytes | None:
        if not raced:
            raced.append(1)
            monkeypatch.undo()
            installation.builder.build(export.collected())
        return read(image)

    monkeypatch.setattr(installation.export_objects, "read_image", race)
    installation.bus.deliver()

    assert status(installation, export) == "ready"
    assert len(installation.objects(EXPORTS)) == 1
    assert len(announced(installation)) == 1
