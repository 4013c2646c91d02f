"""The deployed system that end-to-end and browser tests share."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.system import System


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run tests marked ``last`` after all others."""
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator["System"]:
    """Deploy the real template on an emulator of its own, on free ports and with IAM enforced."""
    from local.stack import LocalStack  # imported here, because unit tests need none of it
    from tests.support.system import System

    with LocalStack(tmp_path_factory.mktemp("stack"), say=lambda text: print(text, flush=True)) as running:
        yield System(running)


@pytest.fixture(autouse=True)
def _reset_model_stand_in(request: pytest.FixtureRequest) -> Iterator[None]:
    """Remove the faults and lifecycle states that a test gave to the model stand-in."""
    yield
    if "stack" in request.fixturenames:
        system: System = request.getfixturevalue("stack")
        system.models("DELETE", "/_faults")
        system.models("DELETE", "/_lifecycle")
