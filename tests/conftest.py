"""The deployed system that end-to-end and browser tests share."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

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


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator["System"]:
    """Deploy the real template on an emulator of its own, on free ports and with IAM enforced.

    Each worker of pytest-xdist has one such stack. After its last test, the audit must find every rule kept.
    """
    from local.stack import LocalStack  # imported here, because unit tests need none of it
    from tests.support.system import System

    with LocalStack(tmp_path_factory.mktemp("stack"), progress=lambda text: print(text, flush=True)) as running:
        system = System(running)
        yield system
        report = system.audit("--pause", "2")
        assert report["violations"] == [], f"after all tests: {json.dumps(report['violations'], indent=2)}"
        assert report["complete"]
        assert report["unsettled"] == []


@pytest.fixture(autouse=True)
def _reset_model_stand_in(request: pytest.FixtureRequest) -> Iterator[None]:
    """Remove the faults and lifecycle states that a test gave to the model stand-in."""
    yield
    if "stack" in request.fixturenames:
        system: System = request.getfixturevalue("stack")
        system.models("DELETE", "/_faults")
        system.models("DELETE", "/_lifecycle")
