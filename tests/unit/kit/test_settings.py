"""Settings are read once and completely, or raise."""

import pytest
from pydantic import ValidationError

from kit.consumer import ConsumerSettings
from kit.settings import Settings


class Example(Settings):
    table_name: str
    limit: int = 5


def test_a_field_is_the_variable_of_the_same_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TABLE_NAME", "requests")
    monkeypatch.setenv("LIMIT", "7")

    assert Example.load() == Example(table_name="requests", limit=7)


def test_every_missing_or_malformed_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TABLE_NAME", raising=False)
    monkeypatch.setenv("LIMIT", "many")

    with pytest.raises(ValidationError) as raised:
        Example.load()
    assert {error["loc"][0] for error in raised.value.errors()} == {"table_name", "limit"}


def test_settings_are_immutable(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Example(table_name="requests")

    with pytest.raises(ValidationError):
        settings.limit = 8  # type: ignore[misc]


def test_a_consumer_needs_its_queues_and_the_bus(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("QUEUE_URL", "DEAD_LETTER_QUEUE_URL", "EVENT_BUS_NAME"):
        monkeypatch.delenv(name, raising=False)

    with pytest.raises(ValidationError) as raised:
        ConsumerSettings.load()
    assert len(raised.value.errors()) == 3
