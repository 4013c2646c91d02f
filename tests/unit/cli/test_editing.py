"""Editing a dead letter: the message, refusals, and no prompt in the output."""

import json
from typing import Any

import pytest

from cli import editing
from cli.editing import Edited, InvalidEditError
from events.catalog.image_requested import ImageRequested
from events.envelope import Event
from kit.sealing import Texts
from services.operations.dead_letters.letters import DeadLetter, read_letter
from tests.support.events import eventbridge_body, sample
from tests.support.sealing import SAMPLE_TEXTS, sample_sealer
from tests.unit.operations.fakes import RECORD, STORE, FakeQueues, approved, stalled, with_metadata

SECRET = "lighthouse"
COUNT = "data.parameters.count"


def edit(letter: DeadLetter, settings: dict[str, Any]) -> Edited:
    return editing.edit(letter, settings, sample_sealer())


def replace_data(letter: DeadLetter, data: Any) -> Edited:
    return editing.replace_data(letter, data, sample_sealer())


def letter_of(body: Event | str) -> DeadLetter:
    return read_letter(STORE, FakeQueues(STORE).put(STORE, body, stalled()))


def broken(**changes: Any) -> str:
    """Return ImageApproved's body with changed parameters."""
    body = json.loads(eventbridge_body(approved(1)))
    body["detail"]["data"]["parameters"] |= changes
    return json.dumps(body)


def test_an_edit_is_a_new_message_caused_by_the_original() -> None:
    letter = letter_of(broken(count=9))
    old = letter.metadata
    assert old is not None

    edited = edit(letter, {COUNT: 2})

    detail = json.loads(edited.body)["detail"]
    assert detail["data"]["parameters"]["count"] == 2
    assert detail["metadata"]["event_id"] == edited.event_id != old.event_id
    assert detail["metadata"]["cause_id"] == old.event_id
    assert detail["metadata"]["request_id"] == old.request_id
    assert detail["metadata"]["replays"] == 1
    assert type(sample("ImageApproved")).model_validate(detail).metadata.traceparent.split("-")[2] in (
        edited.event_id.replace("-", "")
    )


def test_equal_edits_are_the_same_message() -> None:
    letter = letter_of(broken(count=9))
    ids = [edit(letter, {COUNT: count}).event_id for count in (2, 2, 3)]

    assert ids[0] == ids[1] != ids[2]


def test_two_steps_that_edit_one_event_send_two_messages() -> None:
    message = FakeQueues(STORE).put(STORE, broken(count=9), stalled())

    assert (
        edit(read_letter(STORE, message), {COUNT: 2}).event_id
        != edit(read_letter(RECORD, message), {COUNT: 2}).event_id
    )


@pytest.mark.parametrize(
    ("settings", "field", "rule"),
    [
        ({COUNT: 9}, "data.parameters.count", "less than or equal to 4"),
        ({"data.images.7.index": 1}, "data.images.7", "entries, from 0"),
        ({"data.nothing.here": 1}, "data.nothing", "no such field"),
        ({"data.parameters.count.x": 1}, "data.parameters.count.x", "has no fields"),
        ({"metadata.owner": "mallory"}, "metadata.owner", "only data"),
        ({"metadata.version": 99}, "metadata.version", "no version 99"),
        ({COUNT: 2}, "data", "nothing would be changed"),
        ({"data.parameters.prompt": "another"}, "data.parameters.prompt", "must stay"),
        ({"data.parameters": {"count": 1, "prompt": "another"}}, "data.parameters.prompt", "must stay"),
        ({"data.parameters.models": []}, "data.parameters.models", "must stay"),
        ({"data.images.0.image.key": "raw/another"}, "data.images.0.image", "must stay"),
        ({"data.images.0.image.sha256": "0" * 64}, "data.images.0.image", "must stay"),
        ({"data.images.0.status": "failed"}, "data.images.0.status", "must stay"),
        ({"data.images": []}, "data.images.0.image", "must stay"),
    ],
)
def test_an_invalid_edit_names_the_field_and_the_rule(settings: dict[str, Any], field: str, rule: str) -> None:
    with pytest.raises(InvalidEditError) as refused:
        edit(letter_of(broken(count=2)), settings)

    named = dict(refused.value.errors)
    assert field in named
    assert rule in named[field]


def test_an_unmoderated_prompt_may_be_edited_and_is_not_shown() -> None:
    event = with_metadata(sample("ImageRequested"))

    edited = edit(letter_of(event), {"data.parameters.prompt": "a fox"})

    (change,) = edited.changes
    assert (change.field, change.after) == ("data.parameters.prompt", "text of 5 characters")
    assert change.before == f"text of {len(SAMPLE_TEXTS.prompt)} characters"


def test_only_a_changed_prompt_is_sealed_again() -> None:
    event = with_metadata(sample("ImageRequested"))

    edited = edit(letter_of(event), {"data.parameters.prompt": "a fox"})

    assert "a fox" not in edited.body
    parameters = ImageRequested.model_validate(json.loads(edited.body)["detail"]).data.parameters
    assert sample_sealer().open_texts(event.metadata.owner, parameters) == Texts("a fox", SAMPLE_TEXTS.negative_prompt)
    assert parameters.negative_prompt == event.data.parameters.negative_prompt


def test_the_same_new_prompt_is_the_same_message() -> None:
    letter = letter_of(with_metadata(sample("ImageRequested")))
    ids = [edit(letter, {"data.parameters.prompt": prompt}).event_id for prompt in ("a fox", "a fox", "an owl")]

    assert ids[0] == ids[1] != ids[2]


def test_an_unreadable_prompt_can_be_replaced() -> None:
    event = with_metadata(sample("ImageRequested"))
    body = json.loads(eventbridge_body(event))
    body["detail"]["data"]["parameters"]["prompt"] = "s1.AAAA"

    edited = edit(letter_of(json.dumps(body)), {"data.parameters.prompt": "a fox"})

    parameters = ImageRequested.model_validate(json.loads(edited.body)["detail"]).data.parameters
    assert sample_sealer().open_texts(event.metadata.owner, parameters).prompt == "a fox"


def test_a_message_of_an_erased_owner_cannot_be_edited() -> None:
    event = with_metadata(sample("ImageRequested"))
    sealer = sample_sealer()
    sealer.destroy(event.metadata.owner, event.metadata.occurred_at)

    with pytest.raises(InvalidEditError, match=r"metadata\.owner: was erased"):
        editing.edit(letter_of(event), {"data.parameters.count": 1}, sealer)


def test_an_image_cannot_be_added_after_moderation() -> None:
    letter = letter_of(broken())
    data = editing.data_of(letter, sample_sealer())
    data["images"].append({**data["images"][0], "index": 3})

    with pytest.raises(InvalidEditError, match="must stay"):
        replace_data(letter, data)


def test_models_may_be_edited_before_generation() -> None:
    letter = letter_of(sample("PromptApproved"))
    plans = json.loads(letter.messages[0].body)["detail"]["data"]["parameters"]["models"]

    edited = edit(letter, {"data.parameters.models": [{**plans[0], "model": "nova-canvas"}]})

    assert json.loads(edited.body)["detail"]["data"]["parameters"]["models"][0]["model"] == "nova-canvas"


def test_an_edit_shows_ids_and_numbers_but_no_free_text() -> None:
    letter = letter_of(broken(count=9, style="a lighthouse of somebody"))
    data = editing.data_of(letter, sample_sealer())
    data["parameters"] |= {"count": 1, "style": "noir"}
    data["images"][0]["index"] = 1

    changes = {change.field: change for change in replace_data(letter, data).changes}

    assert changes[COUNT].before == "9"
    assert changes["data.parameters.style"].before == "text of 24 characters"
    assert changes["data.images.0.index"].after == "1"
    assert SECRET not in repr(changes)


def test_an_unknown_version_can_be_corrected() -> None:
    body = eventbridge_body(approved(1)).replace('"version": 1', '"version": 99')
    edited = edit(letter_of(body), {"metadata.version": 1})

    assert json.loads(edited.body)["detail"]["metadata"]["version"] == 1


@pytest.mark.parametrize("body", ["no event", json.dumps({"detail-type": "X", "detail": {"metadata": {}}})])
def test_a_message_that_is_not_an_event_cannot_be_edited(body: str) -> None:
    with pytest.raises(InvalidEditError, match="not an event"):
        edit(letter_of(body), {COUNT: 1})


def test_a_wrong_source_cannot_be_edited() -> None:
    body = broken(count=9).replace('"source": "genai-images.moderation"', '"source": "mallory"')
    with pytest.raises(InvalidEditError, match="source"):
        edit(letter_of(body), {COUNT: 1})
