"""The audit on moto: it reads the data of the services and repairs it from the command line."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from moto import mock_aws

from cli.__main__ import main
from events.catalog.request_cancelled import RequestCancelled, RequestCancelledData
from events.options import IMAGES_MAX
from services.intake.repository.open_requests import OpenRequestTable
from services.operations.audit.letters import read_letters
from services.operations.audit.records import Letters
from services.operations.audit.repository import AwsReader, Pace
from services.operations.dead_letters import repository
from services.operations.dead_letters.repository import QuarantineTable, SqsQueues
from services.storage.withdrawal import withdraw
from tests.support.installation_on_moto import GALLERY, HANDOFF, PREFIX, Installation, request_made


@pytest.fixture
def installation(
    aws_test_environment: None, service_template: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Installation]:
    monkeypatch.setattr(repository, "POLL_SECONDS", 0)  # moto knows at once that a queue is empty
    monkeypatch.delenv("GENAI_IMAGES_PREFIX", raising=False)
    with mock_aws():
        yield Installation(service_template)


@pytest.fixture
def reader(installation: Installation) -> AwsReader:
    return AwsReader(
        dynamodb=installation.dynamodb,
        s3=installation.s3,
        letters=lambda: letters_of(installation),
        prefix=PREFIX,
        gallery_bucket=GALLERY,
        handoff_bucket=HANDOFF,
        pace=Pace(10_000),
    )


def letters_of(installation: Installation) -> Letters:
    queues = SqsQueues(installation.sqs, PREFIX)
    own = QuarantineTable(installation.dynamodb, f"{PREFIX}-operations", queues.pairs)
    return read_letters(queues, queues.pairs(), own)


def audit(*arguments: str) -> int:
    quick = ["--pause", "0", "--timeout", "1", "--settled-after", "0"]
    return main(["audit", "--prefix", PREFIX, "--region", "us-east-1", *quick, *arguments])


def test_data_of_the_services_satisfies_every_rule(
    installation: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    installation.create_request(1)
    installation.create_request(2, until="ImageGenerated")
    installation.create_request(3, until="ImageRequested")
    assert audit("--output", "json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["examined"] == {
        "letters": 0,
        "requests": 3,
        "images": 1,
        "payments": 2,
        "files": 3,
        "raw images": 2,
    }
    assert found["violations"] == []


def test_every_record_is_in_exactly_one_segment(installation: Installation, reader: AwsReader) -> None:
    made = {installation.create_request(number, ago=timedelta(hours=number * 7)) for number in range(9)}
    segments = 24
    scans: list[Callable[[int], list[str]]] = [
        lambda segment: [request.request_id for request in reader.scan_requests(segment, segments)],
        lambda segment: [image.request_id for image in reader.scan_images(segment, segments)],
        lambda segment: [payment.request_id for payment in reader.scan_payments(segment, segments)],
        lambda segment: [file.key.split("/")[1] for file in reader.scan_files("raw/", segment, segments)],
    ]
    for scan in scans:
        seen = [request_id for segment in range(segments) for request_id in scan(segment)]
        assert sorted(seen) == sorted(made)
    files = [file.key for segment in range(segments) for file in reader.scan_files("images/", segment, segments)]
    assert len(files) == len(set(files)) == 27


def test_an_object_without_request_id_is_in_the_first_segment(installation: Installation, reader: AwsReader) -> None:
    for key in ("images/0", "images/zzz", f"images/{request_made(datetime.now(UTC), 1)}"):
        installation.s3.put_object(Bucket=GALLERY, Key=key, Body=b"x")
    keys = [[file.key for file in reader.scan_files("images/", segment, 5)] for segment in range(5)]
    assert {"images/0", "images/zzz"} <= set(keys[0])
    assert sum(map(len, keys)) == 3


def test_no_prompt_is_read(installation: Installation, reader: AwsReader, monkeypatch: pytest.MonkeyPatch) -> None:
    request_id = installation.create_request(1)
    asked: list[str] = []
    installation.dynamodb.meta.events.register(
        "before-parameter-build.dynamodb.*", lambda params, **_: asked.append(json.dumps(params))
    )
    read = [
        *reader.scan_requests(0, 1),
        *reader.scan_images(0, 1),
        *reader.scan_payments(0, 1),
        *reader.requests([request_id]).values(),
        *reader.gallery_images([f"{request_id}-0"]).values(),
        *reader.payments([(request_id, 0)]).values(),
    ]
    assert len(read) == 6
    assert all("ProjectionExpression" in call for call in asked)
    assert "prompt" not in " ".join(asked)


def test_a_tombstone_is_not_an_image(installation: Installation, reader: AwsReader) -> None:
    withdrawn, at = request_made(datetime.now(UTC), 1), datetime.now(UTC)
    cancelled = RequestCancelled.first(withdrawn, "demo", RequestCancelledData(), occurred_at=at)
    withdraw(cancelled, installation.catalog)
    assert installation.dynamodb.scan(TableName=f"{PREFIX}-gallery")["Count"] == IMAGES_MAX
    assert list(reader.scan_images(0, 1)) == []
    assert reader.gallery_images([f"{withdrawn}-0"]) == {}


def test_violations_are_printed_and_set_the_exit_code(
    installation: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    request_id = installation.create_request(1)
    key = installation.s3.list_objects_v2(Bucket=GALLERY)["Contents"][0]["Key"]
    installation.s3.delete_object(Bucket=GALLERY, Key=key)
    installation.dead_letter("intake-track", "not an event")
    assert audit() == 7
    shown = " ".join(capsys.readouterr().out.split())
    assert "image-without-file" in shown
    assert f"{request_id}-0" in shown
    assert "it is not an event" in shown
    assert "2 violations." in shown
    assert audit("--request", request_id, "--output", "json") == 7
    assert json.loads(capsys.readouterr().out)["by_rule"] == {"image-without-file": 1}


def test_dead_letters_are_visible_again_after_an_audit(installation: Installation) -> None:
    installation.dead_letter("intake-track", "not an event")
    assert len(letters_of(installation).all) == 1
    letters = letters_of(installation)
    assert len(letters.all) == 1
    assert not letters.partly_read


def test_a_queue_with_reserved_messages_counts_as_partly_read(installation: Installation) -> None:
    installation.dead_letter("intake-track", "not an event")
    url = installation.sqs.get_queue_url(QueueName=f"{PREFIX}-intake-track-dlq")["QueueUrl"]
    installation.sqs.receive_message(QueueUrl=url, VisibilityTimeout=60)
    assert letters_of(installation).partly_read == {"intake.track"}


def test_repairs_are_shown_before_they_are_carried_out(
    installation: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    open_one, ended = installation.create_request(1, until="ImageGenerated"), installation.create_request(2)
    late = installation.create_request(3, until="ImageRequested")
    installation.change(open_one, "REMOVE open_shard, next_check_at")
    installation.change(
        ended, "SET open_shard = :shard, next_check_at = :at", shard="1", at="2026-01-01T00:00:00+00:00"
    )
    installation.change(late, "SET next_check_at = :at", at="2099-01-01T00:00:00+00:00")
    stray = f"images/{ended}/0-{'f' * 64}/original.png"
    installation.s3.put_object(Bucket=GALLERY, Key=stray, Body=b"x")

    assert audit("--repair") == 7
    assert "4 of 4 can be repaired" in capsys.readouterr().out
    assert audit() == 7
    assert audit("--repair", "--yes") == 0
    capsys.readouterr()
    assert audit() == 0
    now = datetime.now(UTC)
    sweeper = OpenRequestTable(installation.dynamodb, f"{PREFIX}-requests")
    assert set(sweeper.due(now)) == {open_one, late}, "the sweeper does the rest"
    assert stray not in [item["Key"] for item in installation.s3.list_objects_v2(Bucket=GALLERY)["Contents"]]


def test_the_pace_keeps_reading_below_its_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    now, slept = [100.0], [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds
        slept[0] += seconds

    monkeypatch.setattr("services.operations.audit.repository.time.monotonic", lambda: now[0])
    monkeypatch.setattr("services.operations.audit.repository.time.sleep", sleep)
    pace = Pace(10)
    for _ in range(20):
        pace.spent(5)
    assert 9 <= slept[0] <= 10
