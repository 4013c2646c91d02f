"""Counters become metrics: each batch once, with few dimensions and no data of callers."""

import json
from decimal import Decimal
from typing import Any

import pytest

from services.analytics.counters import Amounts
from services.analytics.figures import emit
from services.analytics.service import Generations, Recorder
from tests.unit.analytics.fakes import InMemoryArchive, InMemoryCounters
from tests.unit.analytics.stories import story


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_totals_share_a_line_and_each_model_has_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    emit({"status#succeeded": 2, "images#stored": 3, "model#core#images": 3, "model#core#cost_usd": Decimal("0.12")})

    totals, core = lines(capsys)
    assert (totals["requests_succeeded"], totals["images_stored"]) == (2, 3)
    assert (core["model"], core["model_images"], core["model_cost_usd"]) == ("core", 3, 0.12)


def test_histograms_are_not_metrics(capsys: pytest.CaptureFixture[str]) -> None:
    emit({"latency#storage.store#count": 1, "latency#storage.store#le_50": 1, "model#core#requests": 1})

    assert lines(capsys) == []


def test_a_batch_delivered_twice_is_measured_once() -> None:
    emitted: list[Amounts] = []
    recorder = Recorder(InMemoryArchive(), InMemoryCounters(), on_counted=emitted.append)

    recorder.record(story(0))
    recorder.record(story(0))

    assert len(emitted) == 1
    assert emitted[0]["status#accepted"] == 1


def test_events_missing_only_in_a_rebuild_are_not_measured_again() -> None:
    emitted: list[Amounts] = []
    counters = InMemoryCounters()
    recorder = Recorder(InMemoryArchive(), counters, on_counted=emitted.append)
    recorder.record(story(0))
    counters.move(Generations(), Generations().begin())

    recorder.record(story(0))

    assert counters.days("g2")
    assert len(emitted) == 1
