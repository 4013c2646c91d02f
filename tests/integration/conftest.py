"""What integration tests share: an environment for moto, and templates as data."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.loops import expand

ROOT = Path(__file__).parents[2]


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms, whose values tests do not look at."""


_Loader.add_multi_constructor("!", lambda _loader, _suffix, node: str(getattr(node, "value", "")))


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
    """Return a service's template as plain data."""

    def read(service: str) -> dict[str, Any]:
        text = (ROOT / f"services/{service}/template.yaml").read_text()
        return expand(yaml.load(text, _Loader))

    return read
