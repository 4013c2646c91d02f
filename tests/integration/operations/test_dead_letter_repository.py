"""Dead letters on moto: one suite for the real queues and the fake, and the command line."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from cli.__main__ import main
from cli.connection import Connection, Target
from events.catalog.message_replayed import MessageReplayed
from events.envelope import Event
from kit.publisher import Publisher
from services.operations.dead_letters.letters import QueuePair, read_letter
from services.operations.dead_letters.ports import Queues
from services.operations.dead_letters.repository import RequestTable, ReservationLostError, SqsQueues
from tests.support.events import eventbridge_body
from tests.support.operations_on_moto import PREFIX, REGION, Installation, Run, aws, installation, lines, run
from tests.unit.operations.fakes import ORPHAN, RECORD, STORE, FakeQueues, approved, stalled

__all__ = ["aws", "installation", "run"]  # imported fixtures

Put = Callable[[str], None]


@pytest.fixture(params=["fake", "moto"])
def queues_and_put(request: pytest.FixtureRequest) -> tuple[Queues, QueuePair, Put]:
    """Queues with the pair of storage, and a function that dead-letters a body there."""
    if request.param == "fake":
        fake = FakeQueues(STORE, RECORD, ORPHAN)

        def put(body: str) -> None:
            fake.put(STORE, body, stalled())

        return fake, STORE, put
    installation: Installation = request.getfixturevalue("installation")
    real = SqsQueues(installation.sqs, PREFIX)
    pair = next(pair for pair in real.pairs() if pair.step == "storage.store")
    return real, pair, lambda body: installation.dead_letter("storage-store", body, stalled())


def test_every_dead_letter_queue_is_found_with_its_step_and_source(
    queues_and_put: tuple[Queues, QueuePair, Put],
) -> None:
    queues, _, _ = queues_and_put

    assert {(pair.step, pair.source_url is not None) for pair in queues.pairs()} == {
        ("storage.store", True),
        ("analytics.record", True),
        ("intake.relay", False),
    }


def test_reading_hides_messages_and_releasing_shows_them(queues_and_put: tuple[Queues, QueuePair, Put]) -> None:
    queues, pair, put = queues_and_put
    for number in range(23):
        put(f"body {number}")

    read = queues.read(pair, limit=100, hidden_seconds=60)

    assert sorted(message.body for message in read) == sorted(f"body {number}" for number in range(23))
    assert read[0].attributes["fingerprint"] == "aaaabbbbcccc"
    assert (queues.counts(pair.url).waiting, queues.counts(pair.url).in_flight) == (0, 23)
    queues.change_visibility(pair, read, 600)
    assert queues.counts(pair.url).waiting == 0
    queues.change_visibility(pair, read, 0)
    assert queues.counts(pair.url).waiting == 23


def test_reading_stops_at_the_limit(queues_and_put: tuple[Queues, QueuePair, Put]) -> None:
    queues, pair, put = queues_and_put
    for number in range(15):
        put(f"body {number}")

    assert len(queues.read(pair, limit=12, hidden_seconds=60)) == 12


def test_deleted_messages_are_gone_and_sent_ones_arrive(queues_and_put: tuple[Queues, QueuePair, Put]) -> None:
    queues, pair, put = queues_and_put
    put("one")
    put("two")
    first = queues.read(pair, limit=1, hidden_seconds=60)

    queues.send(pair, "sent back", first[0].attributes.get("AWSTraceHeader"))
    queues.delete(pair, first)

    assert queues.counts(pair.url).total == 1
    assert queues.counts(str(pair.source_url)).total == 1


def test_a_message_that_is_sent_back_keeps_its_trace_header(installation: Installation) -> None:
    queues = SqsQueues(installation.sqs, PREFIX)
    pair = next(pair for pair in queues.pairs() if pair.step == "storage.store")
    header = "Root=1-00000000-000000000000000000000001;Parent=0000000000000001;Sampled=1"
    attributes: Any = {"AWSTraceHeader": {"DataType": "String", "StringValue": header}}
    body = eventbridge_body(approved(1))
    installation.sqs.send_message(QueueUrl=pair.url, MessageBody=body, MessageSystemAttributes=attributes)
    letter = read_letter(pair, queues.read(pair, limit=1, hidden_seconds=60)[0])

    queues.send(pair, letter.replay_body(), letter.trace_header)

    received = installation.sqs.receive_message(QueueUrl=str(pair.source_url), MessageSystemAttributeNames=["All"])
    assert received["Messages"][0]["Attributes"]["AWSTraceHeader"] == header


def test_messages_that_others_deleted_cannot_be_reserved(installation: Installation) -> None:
    queues = SqsQueues(installation.sqs, PREFIX)
    pair = next(pair for pair in queues.pairs() if pair.step == "storage.store")
    installation.dead_letter("storage-store", "body")
    read = queues.read(pair, limit=1, hidden_seconds=60)
    queues.delete(pair, read)

    with pytest.raises(ReservationLostError, match="run it again"):
        queues.change_visibility(pair, read, 60)
    queues.change_visibility(pair, read, 0)


def test_a_status_is_read_and_an_unknown_request_has_none(installation: Installation) -> None:
    installation.request(1, "stalled")
    table = RequestTable(installation.dynamodb, f"{PREFIX}-requests")

    assert table.status(approved(1).metadata.request_id) == "stalled"
    assert table.status(approved(2).metadata.request_id) is None


def test_the_operator_is_the_aws_identity(installation: Installation) -> None:
    connection = Connection(Target(prefix=PREFIX, region=REGION))

    assert connection.operator().name == connection.operator().identity
    assert connection.operator("ada").name == "ada"
    assert connection.operator("ada").identity.startswith("arn:aws:")


def test_an_empty_installation_is_listed_and_a_missing_one_is_an_error(
    installation: Installation, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "No dead letters" in run("dlq", "list", "--fail-if-any").stdout
    monkeypatch.setenv("GENAI_IMAGES_PREFIX", PREFIX)
    assert "No dead letters" in run().stdout
    monkeypatch.setenv("GENAI_IMAGES_PREFIX", "elsewhere")
    result = run()
    assert result.exit_code == 1
    assert "Check prefix" in result.stderr


def test_the_listing_has_counts_and_an_exit_code(installation: Installation, run: Run) -> None:
    installation.dead_letter("storage-store", eventbridge_body(approved(1)), stalled())

    assert run("dlq", "list").exit_code == 0
    result = run("dlq", "list", "--output", "json", "--fail-if-any")
    assert result.exit_code == 3
    (store,) = [row for row in json.loads(result.stdout) if row["step"] == "storage.store"]
    assert (store["dead"], store["mostly"], store["source_waiting"]) == (1, "KeyError", 0)
    assert installation.visible("storage-store-dlq") == 1, "looking takes nothing away"


@pytest.mark.parametrize("form", [[], ["--output", "json"]])
def test_show_prints_the_reason_but_never_the_prompt(installation: Installation, run: Run, form: list[str]) -> None:
    event = approved(1)
    installation.dead_letter("storage-store", eventbridge_body(event), stalled())
    installation.dead_letter("storage-store", "a lighthouse, but not an event")
    installation.dead_letter("analytics-record", eventbridge_body(event))

    result = run("dlq", "show", *form)

    assert result.exit_code == 0
    assert "in store" in result.stdout
    assert event.metadata.request_id in result.stdout
    assert "lighthouse" not in (result.stdout + result.stderr).lower()


def test_a_replay_without_selection_or_with_an_unknown_queue_fails(installation: Installation, run: Run) -> None:
    assert run("dlq", "replay").exit_code == 2
    unknown = run("dlq", "replay", "--queue", "storage.stor")
    assert unknown.exit_code == 2
    assert "storage.store" in unknown.stderr
    assert run("dlq", "replay", "--all", "--rate", "0").exit_code == 2


def test_a_dry_run_shows_the_plan_and_changes_nothing(installation: Installation, run: Run) -> None:
    installation.request(1, "stalled")
    installation.request(2, "succeeded")
    for number in (1, 2):
        installation.dead_letter("storage-store", eventbridge_body(approved(number)), stalled())

    result = run("dlq", "replay", "--all", "--dry-run", "--output", "json")

    assert result.exit_code == 4
    assert sorted(item["verdict"] for item in json.loads(result.stdout)) == ["replay", "terminal"]
    assert installation.visible("storage-store-dlq") == 2
    assert installation.visible("storage-store") == 0


def test_a_replay_publishes_sends_and_deletes(
    installation: Installation, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    published: list[Event] = []
    publish = Publisher.publish

    def spy(bus: Publisher, events: Sequence[Event]) -> None:
        published.extend(events)
        publish(bus, events)

    monkeypatch.setattr(Publisher, "publish", spy)
    installation.request(1, "stalled")
    installation.dead_letter("storage-store", eventbridge_body(approved(1)), stalled())
    installation.dead_letter("storage-store", eventbridge_body(approved(1)), stalled())  # a second copy

    result = run("dlq", "replay", "--queue", "storage.store", "--yes", "--output", "json", "--operator", "on-call")

    assert result.exit_code == 0
    assert [line["action"] for line in lines(result)] == ["replayed"]
    (body,) = installation.bodies("storage-store")
    assert body["detail"]["metadata"]["replays"] == 1
    assert body["detail"]["data"] == json.loads(eventbridge_body(approved(1)))["detail"]["data"]
    assert installation.bodies("storage-store-dlq") == []
    (event,) = published
    assert isinstance(event, MessageReplayed)
    assert (event.data.operator, event.data.replays, event.data.step) == ("on-call", 1, "storage.store")


def test_a_replay_by_fingerprint_and_request_leaves_the_others(installation: Installation, run: Run) -> None:
    for number, fingerprint in ((1, "aaaa00000000"), (2, "bbbb00000000"), (3, "bbbb00000000")):
        installation.request(number, "stalled")
        installation.dead_letter("storage-store", eventbridge_body(approved(number)), stalled(fingerprint=fingerprint))

    request_id = approved(3).metadata.request_id
    result = run("dlq", "replay", "--fingerprint", "bbbb", "--request", request_id, "--yes")

    assert result.exit_code == 0
    assert request_id in result.stdout
    assert installation.visible("storage-store") == 1
    assert installation.visible("storage-store-dlq") == 2


def test_a_failed_canary_stops_the_replay(installation: Installation, run: Run) -> None:
    for number in (1, 2):
        installation.request(number, "stalled")
        installation.dead_letter("storage-store", eventbridge_body(approved(number)), stalled())

    result = run("dlq", "replay", "--all", "--yes", "--canary", "--canary-wait", "0", "--output", "json")

    assert result.exit_code == 5
    assert [line["action"] for line in lines(result)] == ["replayed", "canary_failed", "left"]
    assert installation.visible("storage-store-dlq") == 1


@pytest.mark.parametrize("verb", [["replay", "--all"], ["purge", "--queue", "storage.store"]])
@pytest.mark.parametrize("typed", ["", "n\n"])
def test_nothing_changes_without_a_confirmation(
    installation: Installation, run: Run, verb: list[str], typed: str
) -> None:
    installation.request(1, "stalled")
    installation.dead_letter("storage-store", eventbridge_body(approved(1)), stalled())

    result = run("dlq", *verb, typed=typed)

    assert result.exit_code == 6
    assert installation.visible("storage-store-dlq") == 1
    assert installation.visible("storage-store") == 0


@pytest.mark.parametrize(
    ("confirmation", "typed"),
    [(["--yes-purge", f"{PREFIX}-storage-store-dlq"], ""), ([], f"{PREFIX}-storage-store-dlq\n")],
)
def test_a_confirmed_purge_deletes_the_selected_messages(
    installation: Installation, run: Run, confirmation: list[str], typed: str
) -> None:
    installation.dead_letter("storage-store", eventbridge_body(approved(1)), stalled(fingerprint="aaaa"))
    installation.dead_letter("storage-store", "poison")

    result = run("dlq", "purge", "--queue", "storage.store", "--fingerprint", "aaaa", *confirmation, typed=typed)

    assert result.exit_code == 0
    assert "Deleted 1" in result.stdout
    (left,) = installation.sqs.receive_message(QueueUrl=installation.url("storage-store-dlq"))["Messages"]
    assert left["Body"] == "poison"


def test_an_aws_error_is_one_line_and_an_exit_code(installation: Installation, run: Run) -> None:
    installation.dynamodb.delete_table(TableName=f"{PREFIX}-requests")
    installation.dead_letter("storage-store", eventbridge_body(approved(1)), stalled())

    result = run("dlq", "replay", "--all", "--yes")

    assert result.exit_code == 1
    assert "ResourceNotFoundException" in result.stderr
    assert installation.visible("storage-store-dlq") == 1, "what was taken in hand is let go"


VERBS = ["list", "show", "replay", "edit", "quarantine", "quarantined", "release", "discard", "purge"]


@pytest.mark.parametrize("verb", [[], ["dlq"], ["actions"], *(["dlq", verb] for verb in VERBS)])
def test_every_command_documents_its_exit_codes(verb: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*verb, "--help"]) == 0
    assert "canary failed" in capsys.readouterr().out
