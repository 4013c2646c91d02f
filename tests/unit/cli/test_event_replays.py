"""A replay goes to one rule, and is refused if it would be harmful or useless."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cli.event_replays.logic import (
    OWN_SERVICES,
    Archive,
    RefusedError,
    Replay,
    Rule,
    Window,
    follow,
    is_own,
    parse_time,
    plan,
)
from tests.support import templates

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR = Window(NOW - timedelta(hours=1), NOW)
RULE = Rule("partner-catches-up", "arn:rule", enabled=True, targets=1)
ARCHIVE = Archive("ours", "arn:archive", "ENABLED", 30, 12, NOW)


class FakeReplays:
    """Implements ``Replays``: one rule, one archive, states that follow each other."""

    def __init__(self, rule: Rule | None = RULE, archives: tuple[Archive, ...] = (ARCHIVE,), *states: str) -> None:
        self._rule, self._archives, self._states = rule, list(archives), iter(states)
        self.started: list[str] = []

    def archives(self) -> list[Archive]:
        return self._archives

    def rule(self, name: str) -> Rule | None:
        return self._rule if self._rule and self._rule.name == name else None

    def start(self, name: str, archive: Archive, rule: Rule, window: Window) -> None:
        self.started.append(name)

    def show(self, name: str) -> Replay:
        return Replay(name, next(self._states))

    def list(self) -> "list[Replay]":
        return []

    def cancel(self, name: str) -> None:
        raise AssertionError(name)


def test_a_plan_has_a_name_that_eventbridge_accepts() -> None:
    rule = replace(RULE, name="p-" * 40)
    found = plan(FakeReplays(rule), "p", rule.name, HOUR, force=False, now=NOW)

    assert (found.archive, found.rule, found.window) == (ARCHIVE, rule, HOUR)
    assert 1 <= len(found.name) <= 64
    assert found.name.endswith("20261122T120000")


def test_a_window_includes_the_whole_second_of_its_start() -> None:
    window = Window(HOUR.start + timedelta(milliseconds=700), NOW)

    assert plan(FakeReplays(), "p", RULE.name, window, force=False, now=NOW).window == HOUR


@pytest.mark.parametrize(
    ("rule", "archives", "window", "reason"),
    [
        (None, (ARCHIVE,), HOUR, "no rule"),
        (replace(RULE, enabled=False), (ARCHIVE,), HOUR, "disabled"),
        (replace(RULE, targets=0), (ARCHIVE,), HOUR, "no target"),
        (RULE, (), HOUR, "no archive"),
        (RULE, (ARCHIVE,), Window(NOW, NOW), "later than"),
        (RULE, (ARCHIVE,), Window(NOW + timedelta(hours=1), NOW + timedelta(hours=2)), "future"),
    ],
)
def test_a_replay_without_effect_is_refused_with_the_reason(
    rule: Rule | None, archives: tuple[Archive, ...], window: Window, reason: str
) -> None:
    with pytest.raises(RefusedError, match=reason):
        plan(FakeReplays(rule, archives), "p", RULE.name, window, force=False, now=NOW)


def test_a_replay_to_a_pipeline_step_needs_force() -> None:
    own = replace(RULE, name="p-generation-generate")
    with pytest.raises(RefusedError, match="feeds a step"):
        plan(FakeReplays(own), "p", own.name, HOUR, force=False, now=NOW)

    assert plan(FakeReplays(own), "p", own.name, HOUR, force=True, now=NOW).rule == own


@pytest.mark.parametrize("rule", templates.rules(), ids=str)
def test_every_rule_of_the_templates_belongs_to_the_installation(rule: templates.Resource) -> None:
    name = rule.properties["Name"]["Fn::Sub"].replace("${Prefix}", "p")
    assert is_own("p", name)
    assert rule.service in OWN_SERVICES


def test_waiting_stops_with_the_replay_or_at_the_deadline() -> None:
    clock: Iterator[float] = iter(range(100))
    seen: list[str] = []

    def watch(*states: str) -> Replay:
        replays = FakeReplays(RULE, (ARCHIVE,), *states)
        return follow(
            replays, "r", 5, lambda r: seen.append(r.state), monotonic=lambda: next(clock), sleep=lambda _: None
        )

    assert watch("STARTING", "RUNNING", "COMPLETED", "never asked").state == "COMPLETED"
    assert seen == ["STARTING", "RUNNING", "COMPLETED"]
    assert watch(*["RUNNING"] * 20).state == "RUNNING"


def test_progress_is_the_time_of_the_last_event() -> None:
    found = Replay("r", "RUNNING", window=HOUR, reached=NOW - timedelta(minutes=15))

    assert found.share == 0.75
    assert replace(found, state="COMPLETED").share == 1


def test_a_time_without_an_offset_is_utc() -> None:
    assert parse_time("2026-11-22T12:00") == parse_time("2026-11-22T13:00+01:00") == NOW
