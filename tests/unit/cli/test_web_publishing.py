"""The published files, their order and their cache headers."""

import json
import re
from pathlib import Path

import pytest

from cli.web_publishing import IMMUTABLE, OPENAPI, REVALIDATE, ROOT, NotBuiltError, files
from kit.signed_urls import EXPIRES_SECONDS

PAGE = ROOT / "services" / "web" / "reference" / "index.html"


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """A built app and a built reference."""
    pages = ("index.html", "reference/index.html", "reference/assets/main-3c4d.js", "sw.js", "app.webmanifest")
    for name in (*pages, "assets/app-1f2e.js", "assets/app-1f2e.css", ".notes"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(name)
    (tmp_path / "config.json").write_text("a developer's own")
    return tmp_path


def test_the_pages_and_the_worker_are_uploaded_last(dist: Path) -> None:
    last = [file.key for file in files(dist, "https://api")][-3:]

    assert last == ["index.html", "reference/index.html", "sw.js"]


def test_only_files_with_a_hash_are_cached_permanently(dist: Path) -> None:
    kept = {file.key: file.cache_control for file in files(dist, "https://api")}

    hashed = {"assets/app-1f2e.js", "assets/app-1f2e.css", "reference/assets/main-3c4d.js"}

    assert {key for key, value in kept.items() if value == IMMUTABLE} == hashed
    assert set(kept.values()) == {IMMUTABLE, REVALIDATE}


def test_the_configuration_has_the_stack_and_no_secrets(dist: Path) -> None:
    found = {file.key: file for file in files(dist, "https://api")}

    assert json.loads(found["config.json"].content) == {
        "apiUrl": "https://api",
        "imageLinkSeconds": EXPIRES_SECONDS,
    }
    assert ".notes" not in found


def test_media_types_are_those_that_browsers_require(dist: Path) -> None:
    types = {file.key: file.media_type for file in files(dist, "https://api")}

    assert types["assets/app-1f2e.js"] == "text/javascript; charset=utf-8"
    assert types["app.webmanifest"] == "application/manifest+json"


def test_the_reference_describes_the_api_of_the_stack(dist: Path) -> None:
    found = {file.key: file for file in files(dist, "https://api")}["reference/openapi.json"]
    description = json.loads(found.content)

    assert description.pop("servers") == [{"url": "https://api"}]
    assert description == {key: value for key, value in json.loads(OPENAPI.read_text()).items() if key != "servers"}
    assert found.media_type == "application/json"


def test_every_document_that_the_reference_links_to_is_published(dist: Path) -> None:
    found = {file.key: file.media_type for file in files(dist, "https://api")}
    linked = re.findall(r'data-document="(.+?)"', PAGE.read_text())

    assert len(linked) >= 6
    assert {found[f"reference/{name}"] for name in linked} == {"application/json", "text/markdown; charset=utf-8"}


def test_an_app_without_a_build_is_not_published(tmp_path: Path) -> None:
    with pytest.raises(NotBuiltError, match=r"index\.html"):
        files(tmp_path, "https://api")
