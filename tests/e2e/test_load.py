"""A short load test, as `make load` runs it."""

from pathlib import Path

import pytest

from tools.load.run import run

pytestmark = pytest.mark.e2e


def test_a_few_users_lose_nothing(tmp_path: Path) -> None:
    result = run(tmp_path, users=5, minutes=0.3, progress=lambda _: None)
    assert result.accepted
    assert not result.lost
    assert result.audit[0] == 0, result.audit[1]
    assert set(result.statuses) == {"succeeded"}
    called = {route.name for route in result.routes}
    assert {"/v1/requests", "/v1/requests/{id}", "/v1/images", "/v1/operations/queues"} <= called
