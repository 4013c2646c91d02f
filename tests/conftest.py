"""The deployed system that end-to-end and browser tests share."""

import gc
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.support.hook import Hook, receiving

if TYPE_CHECKING:
    from tests.support.system import System


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give every test an id of its own, because pytest-xdist runs tests with one id only once.

    schemathesis creates a test per operation of the API, all with the id of their function.
    """
    for item in items:
        if item.parent is not None and not item.nodeid.endswith(item.name):
            item._id = item.parent.id.child(item.name)
    ids = [item.nodeid for item in items]
    assert len(ids) == len(set(ids)), sorted({each for each in ids if ids.count(each) > 1})


def pytest_collection_finish() -> None:
    """Exclude what lives until the end, such as thousands of tests, from all collections of garbage."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator["System"]:
    """Deploy the real template on an emulator of its own, on free ports and with IAM enforced.

    Each worker of pytest-xdist has one such stack. After its last test, the audit must find every rule kept.
    """
    from tests.support.system import own_system  # imported here, because unit tests need none of it

    with own_system(tmp_path_factory.mktemp("stack")) as system:
        yield system
        assert system.check_rules()["unsettled"] == []


@pytest.fixture
def hook() -> Iterator[Hook]:
    """Receive webhooks during a test."""
    with receiving() as server:
        yield server


@pytest.fixture(autouse=True)
def _reset_model_stand_in(request: pytest.FixtureRequest) -> Iterator[None]:
    """Remove the faults and lifecycle states that a test gave to the model stand-in."""
    yield
    if "stack" in request.fixturenames:
        system: System = request.getfixturevalue("stack")
        system.models("DELETE", "/_faults")
        system.models("DELETE", "/_lifecycle")
