"""What docs/deprecation.md promises and no other test holds.

Others: tests/contract/test_schemas.py for the versions of events, tests/contract/test_openapi.py for the headers of
deprecated routes and the year in which they work.
"""

import json
import re
from pathlib import Path

from kit.metrics import CATALOG
from tests.support.templates import ROOT

RELEASED_METRICS: dict[str, list[str]] = json.loads((Path(__file__).parent / "released_metrics.json").read_text())
"""Metric → unit and dimensions. Add a new metric; change or remove one only as docs/deprecation.md says."""


def test_released_metrics_keep_their_units_and_dimensions() -> None:
    assert {name: [metric.unit, *metric.dimensions] for name, metric in CATALOG.items()} == RELEASED_METRICS


def test_the_changelog_states_when_each_deprecated_route_is_removed() -> None:
    paths = json.loads((ROOT / "docs" / "openapi.json").read_text())["paths"]
    sections = re.findall(r"^### Deprecated\n(.*?)(?=^##|\Z)", (ROOT / "CHANGELOG.md").read_text(), re.M | re.S)
    entries = [" ".join(entry.split()) for section in sections for entry in section.split("\n- ")]
    deprecated = [
        (f"`{method.upper()} {path}`", re.findall(r"\d{4}-\d{2}-\d{2}", operation["description"])[-1])
        for path, methods in paths.items()
        for method, operation in methods.items()
        if operation.get("deprecated")
    ]

    assert deprecated
    assert [each for each in deprecated if not any(set(each) <= {*_words(entry)} for entry in entries)] == []


def _words(entry: str) -> list[str]:
    """Return the routes and days that an entry names."""
    return re.findall(r"`[A-Z]+ /[^`]*`|\d{4}-\d{2}-\d{2}", entry)
