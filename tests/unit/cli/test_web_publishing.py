"""The published files, their order and their cache headers."""

import json
from pathlib import Path

import pytest

from cli.web_publishing import IMMUTABLE, REVALIDATE, NotBuiltError, files


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """A built app."""
    for name in ("index.html", "sw.js", "assets/app-1f2e.js", "assets/app-1f2e.css", "app.webmanifest", ".notes"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
    (tmp_path / "config.json").write_text("a developer's own")
    return tmp_path


def test_the_page_and_its_worker_are_uploaded_last(dist: Path) -> None:
    assert [file.key for file in files(dist, "https://api")][-2:] == ["index.html", "sw.js"]


def test_only_files_with_a_hash_are_cached_permanently(dist: Path) -> None:
    kept = {file.key: file.cache_control for file in files(dist, "https://api")}

    assert {key for key, value in kept.items() if value == IMMUTABLE} == {"assets/app-1f2e.js", "assets/app-1f2e.css"}
    assert set(kept.values()) == {IMMUTABLE, REVALIDATE}


def test_the_configuration_has_the_stack_and_no_secrets(dist: Path) -> None:
    found = {file.key: file for file in files(dist, "https://api")}

    assert json.loads(found["config.json"].content) == {"apiUrl": "https://api"}
    assert ".notes" not in found


def test_media_types_are_those_that_browsers_require(dist: Path) -> None:
    types = {file.key: file.media_type for file in files(dist, "https://api")}

    assert types["assets/app-1f2e.js"] == "text/javascript; charset=utf-8"
    assert types["app.webmanifest"] == "application/manifest+json"


def test_an_app_without_a_build_is_not_published(tmp_path: Path) -> None:
    with pytest.raises(NotBuiltError, match=r"index\.html"):
        files(tmp_path, "https://api")
