"""Backups, restores and the replay of the event lake, on moto."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from cli.__main__ import main
from cli.connection import Connection, Target
from cli.recovery.archive import restore_archive
from cli.recovery.backups import NAME, Backups
from cli.recovery.drill import run
from cli.recovery.files import COPIES_FOLDER, GalleryFiles
from cli.recovery.lake import LakeReplay, archived_events
from cli.recovery.progress import Drill as Record
from cli.recovery.progress import Progress
from cli.recovery.steps import Drill, Options, ordered
from cli.recovery.store import ConflictError, Store
from cli.recovery.tables import RestoreError, Tables
from cli.recovery.versions import Versions
from cli.tables.recovery import losses
from events.catalog.erasure_started import ErasureStarted, ErasureStartedData
from events.catalog.image_deleted import ImageDeleted, ImageDeletedData
from events.catalog.image_requested import ImageRequested
from events.catalog.request_cancelled import RequestCancelled, RequestCancelledData
from events.envelope import Event
from kit.sealing import OwnerKeyTable, Sealer
from services.analytics.compaction import Compactor
from services.analytics.counters import day_of
from services.analytics.repository.lake import EventLake
from services.analytics.repository.parquet import Parquet
from services.intake.repository.operator_signals import OperatorSignals
from services.intake.signals import StopSignal
from services.operations.drills import DrillRecord, DrillTable
from services.storage.models import DeletionMarker, Entry, Tombstone
from tests.support.events import sample
from tests.support.installation_on_moto import GALLERY, PREFIX, REGION, STORY, Installation, request_made
from tests.support.sealing import SAMPLE_TEXTS

LAKE = f"{PREFIX}-analytics-123456789012-{REGION}"
NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def world(aws_test_environment: None, service_template: Any) -> Iterator[Installation]:
    with mock_aws():
        found = Installation(service_template)
        found.s3.create_bucket(Bucket=LAKE)
        yield found


@pytest.fixture
def tables(world: Installation) -> Tables:
    return Tables(world.dynamodb, boto3.client("lambda"), PREFIX)


@pytest.fixture
def store(world: Installation) -> Store:
    return Store(world.s3, LAKE)


def backups_of(tables: Tables, store: Store, days: int = 35) -> Backups:
    return Backups(tables, store, timedelta(days=days))


def quiet() -> None:
    """Give no sign of life."""


def delete_tables(world: Installation) -> None:
    for name in world.dynamodb.list_tables()["TableNames"]:
        world.dynamodb.delete_table(TableName=name)


# Backups -------------------------------------------------------------------------------------------------------------


def test_a_backup_has_every_table_and_its_manifest(tables: Tables, store: Store) -> None:
    made = backups_of(tables, store).make(NOW)

    (listed,) = backups_of(tables, store).list()
    assert listed.manifest == made
    assert sorted(listed.tables) == ["gallery", "generation", "operations", "owner-keys", "requests"]


def test_old_backups_and_replaced_keys_of_owners_are_deleted(tables: Tables, store: Store) -> None:
    backups_of(tables, store).make(NOW - timedelta(seconds=2))
    backups_of(tables, store).make(NOW - timedelta(seconds=1))
    kept = backups_of(tables, store).list()
    assert [("owner-keys" in each.tables, "requests" in each.tables) for each in kept] == [(True, True), (False, True)]

    backups_of(tables, store, days=-1).make(NOW)
    assert tables.backups() == []
    assert backups_of(tables, store).list() == []


def test_a_backup_after_a_loss_is_refused(world: Installation, tables: Tables, store: Store) -> None:
    """A drill restores what the newest manifest has."""
    backups_of(tables, store).make(NOW - timedelta(seconds=1))
    delete_tables(world)

    with pytest.raises(RestoreError, match=f"{PREFIX}-[a-z-]+ is gone. Run `recovery drill` before a backup"):
        backups_of(tables, store).make(NOW)
    accepted = backups_of(tables, store).make(NOW, accept_missing=True)
    assert accepted.shapes == {}
    assert "owner-keys" in {backup.table for backup in tables.backups()}, "nothing has replaced it"


def test_backups_that_an_operator_made_are_found_and_never_deleted(
    world: Installation, tables: Tables, store: Store
) -> None:
    world.dynamodb.create_backup(TableName=f"{PREFIX}-requests", BackupName="somebody-else")
    backups_of(tables, store, days=-1).make(NOW)

    assert [backup.name for backup in tables.backups()] == ["somebody-else"]
    assert not any(backup.name.startswith(NAME) for backup in tables.backups())


def test_copies_of_files_follow_the_gallery_and_come_back(world: Installation) -> None:
    files = GalleryFiles(world.s3, GALLERY, LAKE)
    for key in ("images/a", "images/b"):
        world.s3.put_object(Bucket=GALLERY, Key=key, Body=b"x")
    assert files.mirror(quiet).copied == 2
    assert files.mirror(quiet).copied == 0

    world.s3.delete_object(Bucket=GALLERY, Key="images/a")
    assert files.restore(["images/a", "images/b", "images/c"], quiet) == (1, ["images/c"])
    world.s3.delete_object(Bucket=GALLERY, Key="images/b")
    assert files.prune({"images/b"}.__contains__, quiet) == 0, "the owner has not deleted it"
    assert files.prune(set[str]().__contains__, quiet) == 1, "what an owner deletes has no copy for long"
    assert [each["Key"] for each in world.s3.list_objects_v2(Bucket=LAKE)["Contents"]] == [f"{COPIES_FOLDER}images/a"]


def test_a_file_without_a_copy_is_restored_from_its_version(world: Installation) -> None:
    files = GalleryFiles(world.s3, GALLERY, LAKE)
    world.s3.put_object(Bucket=GALLERY, Key="images/a", Body=b"content")
    world.s3.delete_object(Bucket=GALLERY, Key="images/a")

    for restored in (1, 0):
        assert files.restore(["images/a"], quiet) == (restored, [])
    assert world.s3.get_object(Bucket=GALLERY, Key="images/a")["Body"].read() == b"content"


def test_every_backup_deletes_the_copies_of_deleted_images(
    world: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENAI_IMAGES_PREFIX", PREFIX)
    kept, lost, erased = (f"{world.create_request(number)}-0" for number in (1, 2, 3))
    images = {image_id: world.catalog.find(image_id) for image_id in (kept, lost, erased)}
    GalleryFiles(world.s3, GALLERY, LAKE).mirror(quiet)
    for image_id in (lost, erased):
        image = images[image_id]
        assert isinstance(image, Entry)
        for key in image.keys:
            world.s3.delete_object(Bucket=GALLERY, Key=key)
        if image_id == erased:
            world.catalog.mark_deleted(image.deletion_marker(NOW, "owner"))

    assert main(["recovery", "backup"]) == 0
    copies = world.s3.list_objects_v2(Bucket=LAKE, Prefix=COPIES_FOLDER)["Contents"]
    assert {each["Key"].split("/")[3] for each in copies} == {kept[:-2], lost[:-2]}, "a fault is no wish of an owner"


def test_a_document_is_written_by_one_of_two(store: Store) -> None:
    version = store.write("drill.json", "one")
    with pytest.raises(ConflictError):
        store.write("drill.json", "two")
    store.write("drill.json", "two", replacing=version)
    with pytest.raises(ConflictError):
        store.write("drill.json", "three", replacing=version)
    found = store.read("drill.json")
    assert found is not None
    assert found[0] == "two"


# Tables --------------------------------------------------------------------------------------------------------------


def test_a_lost_table_is_restored_with_what_its_backup_lacks(world: Installation, tables: Tables) -> None:
    world.create_request()
    name = f"{PREFIX}-requests"
    world.dynamodb.update_time_to_live(
        TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at"}
    )
    world.dynamodb.update_table(
        TableName=name, StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    )
    world.dynamodb.update_continuous_backups(
        TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    arn = world.dynamodb.describe_table(TableName=name)["Table"]["TableArn"]
    world.dynamodb.tag_resource(ResourceArn=arn, Tags=[{"Key": "project", "Value": "genai-images"}])
    shape, backup, items = tables.shape("requests"), tables.back_up("requests", "one"), tables.count("requests")
    world.dynamodb.delete_table(TableName=name)

    for _ in range(2):  # an interrupted restore is repeated
        tables.begin_restore(backup)
        tables.wait(["requests"], quiet)
        tables.equip("requests", shape)
        tables.connect_stream("requests", shape, quiet)
    assert tables.shape("requests") == shape
    assert (shape.stream_view, shape.expires_by) == ("NEW_AND_OLD_IMAGES", "expires_at")
    assert tables.count("requests") == items > 0


def test_a_table_that_was_restored_by_hand_gets_its_settings(world: Installation, tables: Tables, store: Store) -> None:
    """AWS Backup restores a table without settings. moto cannot do that, so this backup is an ordinary one."""
    name = f"{PREFIX}-requests"
    world.dynamodb.update_time_to_live(
        TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at"}
    )
    made = backups_of(tables, store).make(NOW)
    from_vault = tables.back_up("requests", "from a vault")
    world.dynamodb.delete_table(TableName=name)
    tables.begin_restore(from_vault)
    for backup in tables.backups():
        if backup.table == "requests":
            tables.delete_backup(backup)

    with pytest.raises(RestoreError, match=f"{name} lacks its settings. Run `recovery drill` before a backup"):
        backups_of(tables, store).make(NOW)
    drill = Drill(Connection(Target(PREFIX)), tables, backups_of(tables, store), Options())
    progress = Progress.begin(store, "ann", lambda: datetime.now(UTC))
    steps = [step for step in drill.steps() if step.name in {"check", "tables"}]
    done = run(progress, steps, lambda: datetime.now(UTC), lambda _: None).steps

    assert done["check"].result.startswith("0 of 5 tables are gone, 1 were restored by hand; oldest state: ")
    assert done["tables"].result.startswith("1 that were restored by hand got their settings back, 4 restored beside")
    assert tables.shape("requests") == made.shapes["requests"]
    assert tables.restored_by_hand("requests", made.shapes["requests"]) is None


def test_the_replicas_of_a_lost_table_are_named(world: Installation, tables: Tables) -> None:
    shapes = {"gallery": tables.shape("gallery").model_dump()}
    world.dynamodb.meta.events.register(  # moto has no replicas
        "after-call.dynamodb.DescribeTable",
        lambda parsed, **_: parsed["Table"].update(Replicas=[{"RegionName": "us-west-2"}]),
    )
    shapes["requests"] = tables.shape("requests").model_dump()
    facts = {"lost": ["requests", "gallery"], "manifest": {"shapes": shapes}, "rpo_seconds": 60}
    done = Record(drill_id="1", started_at=NOW, operator="ann", alive_at=NOW, facts=facts)

    (said,) = [line for line in losses(done) if "replica" in line]
    assert said.startswith("Restored tables have no replica in us-west-2 any more: requests. Delete their tables there")
    assert "run `region add us-west-2`" in said


def test_an_existing_table_gets_only_what_it_lacks(world: Installation, tables: Tables) -> None:
    kept, deleted = world.create_request(1), world.create_request(2)
    signals = OperatorSignals(world.dynamodb, f"{PREFIX}-requests")
    signals.save_stop(StopSignal("an old drill", NOW))
    backup = tables.back_up("requests", "one")
    signals.save_stop(None)
    world.dynamodb.delete_item(TableName=f"{PREFIX}-requests", Key={"pk": {"S": "SIGNALS"}, "sk": {"S": "NOW"}})
    for part in ("REQUEST", "STATE"):
        world.dynamodb.delete_item(
            TableName=f"{PREFIX}-requests", Key={"pk": {"S": f"REQUEST#{deleted}"}, "sk": {"S": part}}
        )
    world.change(kept, "SET note = :note", note="newer than the backup")

    tables.begin_copy("requests", "requests-restored-1", backup)
    tables.wait(["requests-restored-1"], quiet)
    missing = [item for batch in tables.missing("requests", "requests-restored-1") for item in batch]
    assert {item["pk"]["S"] for item in missing} == {f"REQUEST#{deleted}"}, "not the switch, which would stop writes"
    assert tables.put_missing("requests", missing[0])
    assert not tables.put_missing("requests", missing[0])
    assert "requests-restored-1" not in tables.names()


def test_an_existing_table_is_restored_to_a_point_in_time(world: Installation, tables: Tables) -> None:
    assert tables.restorable_until("requests") is None
    world.dynamodb.update_continuous_backups(
        TableName=f"{PREFIX}-requests", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    world.create_request()
    assert tables.restorable_until("requests") is not None

    for _ in range(2):  # an interrupted drill repeats it
        tables.begin_copy("requests", "requests-restored-1", None)
        tables.wait(["requests-restored-1"], quiet)
    assert tables.count("requests-restored-1") == tables.count("requests") > 0
    assert [item for batch in tables.missing("requests", "requests-restored-1") for item in batch] == []


def test_the_switch_is_restored_early_and_api_keys_last() -> None:
    assert ordered(["accounts", "gallery", "requests", "owner-keys"]) == [
        "owner-keys",
        "requests",
        "gallery",
        "accounts",
    ]


# The check -----------------------------------------------------------------------------------------------------------


def check(world: Installation, tables: Tables, store: Store, **options: bool) -> str:
    drill = Drill(Connection(Target(PREFIX)), tables, backups_of(tables, store), Options(**options))
    progress = Progress.begin(store, "ann", lambda: datetime.now(UTC))
    return run(progress, drill.steps()[:1], lambda: datetime.now(UTC), lambda _: None).steps["check"].result


def test_a_drill_without_a_backup_is_refused(world: Installation, tables: Tables, store: Store) -> None:
    with pytest.raises(RestoreError, match=r"There is no backup to restore from. Make one with `recovery backup`"):
        check(world, tables, store)


def test_a_missing_backup_of_one_table_is_named(world: Installation, tables: Tables, store: Store) -> None:
    backups_of(tables, store).make(NOW)
    tables.delete_backup(next(backup for backup in tables.backups() if backup.table == "gallery"))

    with pytest.raises(RestoreError, match=f"{PREFIX}-gallery has no backup"):
        check(world, tables, store)


def test_a_backup_older_than_the_rpo_has_to_be_accepted(
    world: Installation, tables: Tables, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    backups_of(tables, store).make(NOW)
    monkeypatch.setattr("cli.recovery.steps.RPO", timedelta(seconds=-1))

    with pytest.raises(RestoreError, match=r"is [0-9]+ s old, the RPO is .*or add --accept-older"):
        check(world, tables, store)
    delete_tables(world)
    assert check(world, tables, store, accept_older=True).startswith("5 of 5 tables are gone; oldest state: ")


# Deleted files of the lake -------------------------------------------------------------------------------------------


def test_deleted_files_of_the_lake_come_back_unless_they_are_compacted(world: Installation, tmp_path: Path) -> None:
    world.s3.put_bucket_versioning(Bucket=LAKE, VersioningConfiguration={"Status": "Enabled"})
    archive, events = EventLake(world.s3, LAKE), story(1)
    day = day_of(events[0])
    archive.append(events[:2])
    Compactor(archive, Parquet(tmp_path / "rows"), tmp_path / "parts", timedelta(0)).compact(day, lambda: True)
    archive.append(events[2:])
    for key in (*archive.parts(day), *(key for key, _ in archive.objects(day))):
        for _ in range(2):  # two delete markers
            world.s3.delete_object(Bucket=LAKE, Key=key)
    assert list(archive.read()) == []

    def restored(retention: timedelta = timedelta(0)) -> tuple[int, int]:
        return restore_archive(Versions(world.s3, LAKE), archive, retention, datetime.now(UTC), quiet)

    assert restored(timedelta(microseconds=1)) == (0, 0), "what has expired stays deleted"
    assert restored() == (1, 1), "not the lines whose events are in the part"
    assert {event.metadata.event_id for event in archive.read()} == {event.metadata.event_id for event in events}
    assert restored() == (0, 0)


# The lake ------------------------------------------------------------------------------------------------------------


def story(number: int, *, until: str = "ImageStored", owner: str = "demo") -> list[Event]:
    """Return the events of a request, a second apart."""
    at = NOW - timedelta(minutes=10) + timedelta(minutes=number)
    request_id = request_made(at, number)
    data: Any = sample("ImageRequested").data
    events: list[Event] = [ImageRequested.first(request_id, owner, data, occurred_at=at)]
    for second, name in enumerate(STORY[: STORY.index(until) + 1] if until in STORY else (), 1):
        golden = sample(name).model_dump_json().replace(sample(name).metadata.request_id, request_id)
        data = type(sample(name)).model_validate_json(golden).data
        events.append(type(sample(name)).follow(events[-1], data, occurred_at=at + timedelta(seconds=second)))
    return events


class Lake:
    def __init__(self, world: Installation) -> None:
        self.world = world
        self.published: list[Event] = []
        self.archive = EventLake(world.s3, LAKE)

    def replay(self, *events: Event) -> Any:
        self.archive.append(events)
        self.archive.append([events[0]])  # batches overlap
        found = archived_events(self.archive, NOW - timedelta(hours=1), NOW)
        replay = LakeReplay(
            requests=self.world.requests,
            ledger=self.world.ledger,
            gallery=self.world.catalog,
            sealer=Sealer(OwnerKeyTable(self.world.dynamodb, f"{PREFIX}-owner-keys")),
            publish=self.published.append,
        )
        return replay.replay(found, quiet)


@pytest.fixture
def lake(world: Installation) -> Lake:
    return Lake(world)


def test_a_request_is_restored_with_its_payment_and_its_image(world: Installation, lake: Lake) -> None:
    events = story(1)
    request_id, last = events[0].metadata.request_id, events[0].metadata.occurred_at
    done = lake.replay(*events)

    request, state = world.requests.read(request_id)
    assert request == events[0], "with its id, so that a repeated event is the same one"
    assert (state.status, state.status_sequence, len(state.timeline)) == ("succeeded", 4, 5)
    image = world.catalog.find(f"{request_id}-0")
    assert isinstance(image, Entry)
    assert (image.prompt, image.created_at) == (SAMPLE_TEXTS.prompt, events[-1].metadata.occurred_at)
    assert world.ledger.billed(request_id) == "true"
    assert [done.done[name] for name in ("requests", "payments", "images")] == [1, 1, 1]
    assert done.until == last

    again = lake.replay(*events)
    assert not +again.done, "repetition changes nothing"
    assert world.requests.read(request_id)[1] == state


def test_an_open_request_is_restored_open(world: Installation, lake: Lake) -> None:
    events = story(1, until="PromptApproved")
    lake.replay(*events)

    state = world.requests.read_state(events[0].metadata.request_id)
    assert (state.status, state.is_terminal) == ("generating", False)
    item = world.dynamodb.get_item(
        TableName=f"{PREFIX}-requests", Key={"pk": {"S": f"REQUEST#{state.request_id}"}, "sk": {"S": "STATE"}}
    )["Item"]
    assert item["open_shard"]["S"], "the sweeper finds it"


def test_what_was_deleted_or_cancelled_after_the_backup_stays_so(world: Installation, lake: Lake) -> None:
    stored, cancelled = story(1), story(2, until="PromptApproved")
    request_id = stored[0].metadata.request_id
    gone = ImageDeleted.first(
        request_id, "demo", ImageDeletedData(image_id=f"{request_id}-0", reason="owner"), occurred_at=NOW
    )
    end = RequestCancelled.follow(cancelled[0], RequestCancelledData(), occurred_at=NOW)
    lake.replay(*stored, gone, *cancelled, end)

    assert isinstance(world.catalog.find(f"{request_id}-0"), DeletionMarker)
    withdrawn = cancelled[0].metadata.request_id
    assert world.requests.read_state(withdrawn).status == "cancelled"
    assert world.ledger.is_withdrawn(withdrawn)
    assert world.catalog.add_tombstone(Tombstone(image_id=f"{withdrawn}-0", withdrawn_at=NOW)) is None


def test_an_erasure_after_the_backup_is_published_again(lake: Lake) -> None:
    data = ErasureStartedData(erasure_id=request_made(NOW, 9), scope="owner", sweep=1)
    erasure = ErasureStarted.first(request_made(NOW, 9), "demo", data, occurred_at=NOW)
    lake.replay(erasure)

    assert lake.published == [erasure]


def test_what_cannot_be_restored_is_counted(world: Installation, lake: Lake) -> None:
    anonymous = ImageRequested.first(
        request_made(NOW, 1), "demo", sample("ImageRequested").data, occurred_at=NOW, analytics_opt_out=True
    )
    strange = story(3, owner="nobody-with-a-key")
    done = lake.replay(anonymous, *story(2)[1:], *strange)

    assert done.done["events without an owner"] == 1
    assert done.done["events of unknown requests"] == len(STORY)
    assert done.done["images without a readable request"] == 2
    assert re.fullmatch("succeeded", world.requests.read_state(strange[0].metadata.request_id).status)


# The alarm -----------------------------------------------------------------------------------------------------------


def test_before_the_first_drill_the_installation_counts(world: Installation) -> None:
    drills = DrillTable(world.dynamodb, f"{PREFIX}-operations")
    assert drills.age(datetime.now(UTC) + timedelta(days=3)) // timedelta(days=1) == 3

    for days in (40, 10, 20):
        drills.keep(DrillRecord(f"d{days}", NOW - timedelta(days=days), 60, 30))
    assert drills.latest() == DrillRecord("d10", NOW - timedelta(days=10), 60, 30)
    assert drills.age(NOW) == timedelta(days=10)
