"""End-to-end tests: the mark ``e2e``, and a subscriber to all events."""

from pathlib import Path

import pytest

from tests.support.system import Subscriber, System


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test in this folder."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def subscriber(stack: System) -> Subscriber:
    """Return a subscriber to all events of the bus."""
    return Subscriber(stack)
