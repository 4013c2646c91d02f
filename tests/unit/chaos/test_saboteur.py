"""What the listener takes for the same event said again."""

import copy
from typing import Any

import pytest

from tests.support.events import sample
from tools.chaos.saboteur import fact


def said(detail_type: str) -> dict[str, Any]:
    return {"detail-type": detail_type, "detail": sample(detail_type).model_dump(mode="json")}


@pytest.mark.parametrize("name", ["error", "reason", "fingerprint", "attempts"])
def test_each_copy_of_a_message_tells_of_its_own_end(name: str) -> None:
    first = said("ProcessingStalled")
    second = copy.deepcopy(first)
    second["detail"]["data"][name], second["detail"]["metadata"]["occurred_at"] = "another", "later"
    assert fact(first) == fact(second)


@pytest.mark.parametrize(
    ("detail_type", "part", "name"),
    [
        ("ProcessingStalled", "data", "step"),
        ("ProcessingStalled", "data", "stalled_event_id"),
        ("ProcessingStalled", "metadata", "replays"),
        ("ImageStored", "metadata", "occurred_at"),
    ],
)
def test_anything_else_makes_it_another_event(detail_type: str, part: str, name: str) -> None:
    first = said(detail_type)
    second = copy.deepcopy(first)
    second["detail"][part][name] = "another"
    assert fact(first) != fact(second)
