"""What integration tests share: an environment for moto, and templates as data."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support import templates


@pytest.fixture
def aws_test_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials that work nowhere, and no endpoint but moto's."""
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


@pytest.fixture(scope="session")
def service_template() -> Callable[[str], dict[str, Any]]:
    """Return the function that reads a service's template as plain data."""
    return templates.service_template
