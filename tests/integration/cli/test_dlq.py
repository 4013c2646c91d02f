"""The commands that show, edit and quarantine dead letters, and the audit trail, on moto."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from events.pipeline import TimelineEntry
from kit.dynamodb import to_item
from kit.timeline import stored_entry
from kit.trail import Action, Operator, Trail
from kit.trail_table import TrailTable
from services.operations.dead_letters.letters import collapse, read_letter
from services.operations.dead_letters.ports import Quarantine, Quarantined
from services.operations.dead_letters.repository import NamedQueues, QuarantineTable, RequestTable, SqsQueues
from tests.support.events import eventbridge_body
from tests.support.operations_on_moto import PREFIX, Installation, Run, aws, installation, lines, run
from tests.unit.operations.fakes import STORE, FakeQuarantine, FakeQueues, FakeTrail, approved, stalled

__all__ = ["aws", "installation", "run"]  # imported fixtures

TABLE = f"{PREFIX}-operations"
NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
ADA = Operator("ada", "arn:aws:iam::123456789012:user/ada")


def dead(installation: Installation, number: int = 1, *, replays: int = 0, count: int = 2, **why: str) -> str:
    """Dead-letter a request's ImageApproved, its request stalled, and return the event's id."""
    event = approved(number, replays=replays)
    body = json.loads(eventbridge_body(event))
    body["detail"]["data"]["parameters"]["count"] = count
    installation.request(number, "stalled")
    installation.dead_letter("storage-store", json.dumps(body), stalled(**why))
    return event.metadata.event_id


# The stores ----------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["fake", "moto"])
def trail(request: pytest.FixtureRequest) -> Trail:
    if request.param == "fake":
        return FakeTrail()
    place: Installation = request.getfixturevalue("installation")
    return TrailTable(place.dynamodb, TABLE)


def test_the_trail_is_newest_first_with_outcomes(trail: Trail) -> None:
    begun = [Action.begin(ADA, "replay", about={"step": "storage.store"}, count=1, event_ids=["e"]) for _ in range(3)]
    for action in begun:
        trail.begin(action)
    done = Action(**{**vars(begun[2]), "outcome": {"replayed": 1}, "finished_at": datetime.now(UTC)})
    trail.end(done)

    assert trail.latest(2) == [done, begun[1]]
    assert len(trail.latest(10)) == 3


@pytest.fixture(params=["fake", "moto"])
def quarantine(request: pytest.FixtureRequest) -> Quarantine:
    if request.param == "fake":
        return FakeQuarantine()
    place: Installation = request.getfixturevalue("installation")
    return QuarantineTable(place.dynamodb, TABLE, lambda: [STORE])


@pytest.mark.parametrize("body", [eventbridge_body(approved(1)), "no event at all"], ids=["event", "no-event"])
def test_the_quarantine_stores_a_message_unchanged_and_once(quarantine: Quarantine, body: str) -> None:
    message = FakeQueues(STORE).put(STORE, body, stalled())
    (letter,) = collapse([read_letter(STORE, message)])
    for _ in range(2):
        quarantine.put(Quarantined(letter, NOW, "ada"))

    (kept,) = quarantine.items()
    assert (kept.by, kept.since) == ("ada", NOW)
    assert kept.letter.messages[0].body == body
    assert kept.letter.to_dict() == letter.to_dict()
    quarantine.remove(kept.letter)
    assert quarantine.items() == []


def test_messages_in_quarantine_expire_with_its_retention(installation: Installation) -> None:
    message = FakeQueues(STORE).put(STORE, "no event at all", stalled())
    table = QuarantineTable(installation.dynamodb, TABLE, lambda: [STORE], timedelta(days=7))
    (letter,) = collapse([read_letter(STORE, message)])
    table.put(Quarantined(letter, NOW, "ada"))

    (item,) = installation.dynamodb.scan(TableName=TABLE)["Items"]

    assert item["expires_at"] == {"N": str(int((NOW + timedelta(days=7)).timestamp()))}


def test_queues_are_found_by_name_without_listing_them(installation: Installation) -> None:
    named = NamedQueues(installation.sqs, PREFIX, ["storage-store", "analytics-record"])
    listed = [pair for pair in SqsQueues(installation.sqs, PREFIX).pairs() if pair.source_url]

    assert named.pairs() == listed


def test_a_timeline_contains_codes_but_no_free_text(installation: Installation) -> None:
    story(installation, 1)
    table = RequestTable(installation.dynamodb, f"{PREFIX}-requests")

    found = table.timeline(approved(1).metadata.request_id)

    assert found is not None
    assert [(line.event, line.note) for line in found.lines] == [
        ("ImageRequested", ""),
        ("ProcessingStalled", "storage.store, KeyError"),
        ("MessageReplayed", "storage.store, replay 1"),
    ]
    assert table.timeline(approved(2).metadata.request_id) is None


def story(installation: Installation, number: int) -> None:
    """Give a request a timeline that contains a text that must not be shown."""
    about: dict[str, dict[str, Any]] = {
        "ImageRequested": {"reason": "a lighthouse"},
        "ProcessingStalled": {"step": "storage.store", "error": "KeyError", "replays": 0},
        "MessageReplayed": {"step": "storage.store", "replays": 1},
    }
    request_id = approved(number).metadata.request_id
    timeline = {
        f"event-{at}": stored_entry(TimelineEntry("", name, NOW + timedelta(seconds=at), known), request_id)
        for at, (name, known) in enumerate(about.items())
    }
    installation.dynamodb.put_item(
        TableName=f"{PREFIX}-requests",
        Item={
            "pk": {"S": f"REQUEST#{request_id}"},
            "sk": {"S": "STATE"},
            "status": {"S": "stalled"},
            **to_item({"timeline": timeline}),
        },
    )


# Showing -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [[], ["--output", "json"]])
@pytest.mark.parametrize("by", ["--request", "--event"])
def test_a_dead_letter_is_shown_with_its_timeline_without_prompt(
    installation: Installation, run: Run, form: list[str], by: str
) -> None:
    dead(installation, 1)
    dead(installation, 2)
    story(installation, 1)
    known = approved(1).metadata

    result = run("dlq", "show", by, known.request_id if by == "--request" else known.event_id, *form)

    assert result.exit_code == 0
    for message in ("KeyError", "in store", "stalled", "MessageReplayed", known.event_id, "fix the code"):
        assert message in result.stdout
    assert approved(2).metadata.event_id not in result.stdout
    assert "lighthouse" not in result.stdout.lower()
    if form:
        (group,) = json.loads(result.stdout)
        assert group["kind"] == group["letters"][0]["kind"] == "poison"
        assert [line["event"] for line in group["letters"][0]["timeline"]][-1] == "MessageReplayed"


def test_a_listing_shows_the_most_frequent_kind_of_failure(installation: Installation, run: Run) -> None:
    dead(installation)
    rows = json.loads(run("dlq", "list", "--output", "json").stdout)

    assert {row["step"]: row["kind"] for row in rows if row["dead"]} == {"storage.store": "poison"}
    assert "poison" in run("dlq", "list").stdout


@pytest.mark.parametrize("columns", [80, 120])
def test_tables_fit_the_terminal_without_wrapping_ids(
    installation: Installation, run: Run, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    event_id = dead(installation, replays=3)
    story(installation, 1)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr("cli.console.is_terminal", lambda: True)

    shown = [
        run("dlq", "list").stdout,
        run("dlq", "show").stdout,
        run("dlq", "show", "--event", event_id).stdout,
        run("dlq", "replay", "--all", "--dry-run").stdout,
    ]
    run("dlq", "quarantine", "--event", event_id, "--yes", "--operator", "ada")
    shown += [run("dlq", "quarantined").stdout, run("actions").stdout]

    assert max(len(line.rstrip()) for text in shown for line in text.splitlines()) <= columns
    for text in (shown[1], shown[2], shown[4]):
        assert approved(1).metadata.request_id in text


# Editing -------------------------------------------------------------------------------------------------------------


def test_an_edit_is_sent_only_with_the_option_send(installation: Installation, run: Run) -> None:
    event_id = dead(installation, count=9)

    shown = run("dlq", "edit", event_id, "--set", "data.parameters.count=1")
    assert shown.exit_code == 0
    assert "data.parameters.count" in shown.stdout
    assert installation.visible("storage-store-dlq") == 1
    assert installation.visible("storage-store") == 0
    assert json.loads(run("actions", "--output", "json").stdout) == []

    sent = run(
        "dlq",
        "edit",
        event_id,
        "--set",
        "data.parameters.count=1",
        "--send",
        "--yes",
        "--operator",
        "ada",
        "--output",
        "json",
    )
    assert sent.exit_code == 0
    assert [line["action"] for line in lines(sent)] == ["edited"]
    (body,) = installation.bodies("storage-store")
    assert body["detail"]["data"]["parameters"]["count"] == 1
    assert body["detail"]["metadata"]["cause_id"] == event_id
    assert installation.visible("storage-store-dlq") == 0
    (action,) = json.loads(run("actions", "--output", "json").stdout)
    assert (action["verb"], action["operator"], action["outcome"]) == ("edit", "ada", {"edited": 1})
    assert action["about"]["sent_as"] == body["detail"]["metadata"]["event_id"]


def test_an_invalid_edit_names_the_field_and_sends_nothing(installation: Installation, run: Run) -> None:
    event_id = dead(installation, count=9)

    result = run("dlq", "edit", event_id, "--set", "data.parameters.count=7", "--send", "--yes")

    assert result.exit_code == 1
    assert "data.parameters.count: Input should be less than or equal to 4" in result.stderr
    assert installation.visible("storage-store-dlq") == 1


def test_the_editor_gets_the_data_and_its_result_is_validated(
    installation: Installation, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    event_id = dead(installation, count=9)
    monkeypatch.setenv("EDITOR", 'sed -i \'s/"count": 9/"count": 3/\'')
    shown = run("dlq", "edit", event_id, "--editor", "--output", "json")
    assert json.loads(shown.stdout)[0]["changes"] == [{"field": "data.parameters.count", "before": "9", "after": "3"}]

    monkeypatch.setenv("EDITOR", "sed -i 's/{/{{/'")
    broken = run("dlq", "edit", event_id, "--editor")
    assert broken.exit_code == 1
    assert "is not JSON" in broken.stderr
    assert "lighthouse" not in (shown.stdout + shown.stderr + broken.stderr).lower()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nobody", "--set", "data.x=1"], 1, "There is no dead letter of the event"),
        (["nobody"], 2, "--set FIELD=JSON"),
        (["nobody", "--set", "data.x=[1"], 2, "--set data.x"),
        (["nobody", "--set", "data.x"], 2, "--set data.x"),
        (["nobody", "--set", "data.x=1", "--editor"], 2, "--set FIELD=JSON"),
    ],
)
def test_an_edit_without_changes_is_reported(
    installation: Installation, run: Run, arguments: list[str], code: int, message: str
) -> None:
    result = run("dlq", "edit", *arguments)

    assert result.exit_code == code
    assert message in result.stderr


# Quarantine ----------------------------------------------------------------------------------------------------------


def kept(run: Run) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run("dlq", "quarantined", "--output", "json").stdout)
    return found


def test_messages_with_many_replays_are_quarantined_and_released(installation: Installation, run: Run) -> None:
    event_id = dead(installation, 1, replays=3)
    dead(installation, 2)
    assert run("dlq", "replay", "--all", "--dry-run").exit_code == 4

    replayed = run("dlq", "replay", "--all", "--quarantine", "--yes", "--output", "json", "--operator", "ada")

    assert replayed.exit_code == 0
    assert sorted(line["action"] for line in lines(replayed)) == ["quarantined", "replayed"]
    assert installation.visible("storage-store-dlq") == 0
    assert [(item["event_id"], item["by"], item["replays"]) for item in kept(run)] == [(event_id, "ada", 3)]
    assert approved(1).metadata.request_id in run("dlq", "quarantined").stdout

    assert run("dlq", "release", "--event", event_id, "--dry-run").exit_code == 0
    assert len(kept(run)) == 1
    released = run("dlq", "release", "--event", event_id, "--yes", "--output", "json")
    assert [line["action"] for line in lines(released)] == ["replayed"]
    assert kept(run) == []
    assert {body["detail"]["metadata"]["replays"] for body in installation.bodies("storage-store")} == {1, 4}


def test_a_discarded_message_is_deleted_and_recorded(installation: Installation, run: Run) -> None:
    dead(installation, 1)
    dead(installation, 2, fingerprint="bbbb00000000")

    assert run("dlq", "quarantine").exit_code == 2
    assert run("dlq", "quarantine", "--fingerprint", "aaaa", "--yes").exit_code == 0
    assert run("dlq", "discard", "--queue", "storage.store").exit_code == 6, "asks"
    assert run("dlq", "discard", "--queue", "analytics.record", "--yes").exit_code == 0
    assert len(kept(run)) == 1
    assert run("dlq", "discard", "--queue", "storage.store", "--yes").exit_code == 0

    assert kept(run) == []
    assert installation.visible("storage-store-dlq") == 1
    found = json.loads(run("actions", "--output", "json").stdout)
    assert [(action["verb"], action["outcome"]) for action in found] == [
        ("discard", {"discarded": 1}),
        ("quarantine", {"quarantined": 1}),
    ]
    assert found[1]["about"] == {"fingerprint": "aaaa"}


def test_every_changing_command_is_in_the_audit_trail(installation: Installation, run: Run) -> None:
    dead(installation, 1)
    name = f"{PREFIX}-storage-store-dlq"
    run("dlq", "purge", "--queue", "storage.store", "--yes-purge", name, "--operator", "arn:aws:iam::1:user/ada")
    event_id = dead(installation, 2)
    run("dlq", "replay", "--event", event_id, "--yes", "--operator", "ada")

    found = json.loads(run("actions", "--output", "json", "--limit", "5").stdout)
    assert [(action["verb"], action["outcome"]) for action in found] == [
        ("replay", {"replayed": 1}),
        ("purge", {"purged": 1}),
    ]
    assert found[0]["event_ids"] == [event_id]
    assert found[0]["operator"] == "ada"
    assert found[0]["identity"] == "arn:aws:sts::123456789012:user/moto", "beside the name that the operator chose"
    printed = run("actions").stdout
    assert "1 replayed" in printed
    assert "arn:" not in printed
