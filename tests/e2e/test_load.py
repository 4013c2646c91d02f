"""A short load test, as `make load` runs it."""

from pathlib import Path

import pytest

from tools.load.run import run

pytestmark = pytest.mark.e2e


def test_a_few_users_find_no_error_and_lose_nothing(tmp_path: Path) -> None:
    result = run(tmp_path, users=5, minutes=0.3, progress=lambda _: None)
    assert all(result.checks.values()), (result.checks, result.failures, result.lost, result.audit)
    assert set(result.statuses) == {"succeeded"}
    called = {route.name for route in result.routes}
    assert {"/v1/requests", "/v1/requests/{id}", "/v1/images", "/v1/operations/queues"} <= called
