"""The benchmark of reads runs, with fewer items."""

from collections.abc import Iterator

import pytest

from tests.support.functions import temporary_imports
from tools.benchmarks import reads


@pytest.fixture(autouse=True)
def imported_again() -> Iterator[None]:
    """Let other tests import the handlers with their own environment."""
    with temporary_imports():
        yield


def test_every_read_consumes_the_same_capacity_with_few_and_many_items(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reads, "FEW", 1_200)  # more than a search examines
    monkeypatch.setattr(reads, "MANY", 3_000)
    monkeypatch.setattr(reads, "ROUNDS", 1)
    monkeypatch.setattr(reads, "CALLS", 1)
    section = reads.run(lambda _: None)
    capacities = [figure for figure in section.figures if figure.name.endswith("capacity")]
    assert len(capacities) == 14
    assert {figure.name: figure.value for figure in capacities} == {figure.name: figure.floor for figure in capacities}
