"""The real template on an emulator of its own: one deployed system for all end-to-end tests of a session."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.stack import LocalStack
from tests.e2e.system import Subscriber, System


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything below this folder, and let what looks at everything that the others did come last."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The deployed system, IAM enforced, on free ports, beside whatever `make run` runs."""
    with LocalStack(tmp_path_factory.mktemp("stack"), say=lambda text: print(text, flush=True)) as running:
        yield System(running)


@pytest.fixture(scope="session")
def subscriber(stack: System) -> Subscriber:
    """A subscriber who hears everything."""
    return Subscriber(stack)


@pytest.fixture(autouse=True)
def _no_faults_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Take back what a test asked of the model stand-in."""
    yield
    if "stack" in request.fixturenames:
        system: System = request.getfixturevalue("stack")
        system.models("DELETE", "/_faults")
        system.models("DELETE", "/_lifecycle")
