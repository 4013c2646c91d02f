"""The digest that makes SAM publish new versions of a service's functions."""

from pathlib import Path

import pytest

from local.releases import insert_releases

SERVICE = """\
Globals:
  Function:
    Environment:
      Variables:
        RELEASE: unbuilt
Resources:
  apiFunction:
    Type: AWS::Serverless::Function
"""


@pytest.fixture
def build_dir(tmp_path: Path) -> Path:
    """Return a build of two services, the shared layer and an application without functions."""
    (tmp_path / "template.yaml").write_text("Parameters: {}")
    (tmp_path / "SharedLayer").mkdir()
    (tmp_path / "SharedLayer" / "kit.py").write_text("1")
    (tmp_path / "CryptoLayer").mkdir()
    (tmp_path / "CryptoLayer" / "cryptography.py").write_text("1")
    (tmp_path / "CacheLayer").mkdir()
    (tmp_path / "CacheLayer" / "valkey.py").write_text("1")
    for service in ("Intake", "Storage"):
        (tmp_path / service / "apiFunction").mkdir(parents=True)
        (tmp_path / service / "template.yaml").write_text(SERVICE)
        (tmp_path / service / "apiFunction" / "handler.py").write_text("1")
    (tmp_path / "Dashboards").mkdir()
    (tmp_path / "Dashboards" / "template.yaml").write_text("Resources: {}")
    return tmp_path


def test_each_service_with_functions_gets_its_digest(build_dir: Path) -> None:
    releases = insert_releases(build_dir, {"A": "1"})

    assert releases.keys() == {"Intake", "Storage"}
    for service, release in releases.items():
        assert f"        RELEASE: {release}\n" in (build_dir / service / "template.yaml").read_text()


def test_the_same_build_gets_the_same_digests(build_dir: Path) -> None:
    first = insert_releases(build_dir, {"A": "1", "B": "2"})

    assert insert_releases(build_dir, {"B": "2", "A": "1"}) == first, "although the template contains the first digest"


@pytest.mark.parametrize(
    "changed", ["SharedLayer/kit.py", "CryptoLayer/cryptography.py", "CacheLayer/valkey.py", "template.yaml"]
)
def test_a_change_of_what_services_share_reaches_all_of_them(build_dir: Path, changed: str) -> None:
    before = insert_releases(build_dir, {})
    (build_dir / changed).write_text("2")
    after = insert_releases(build_dir, {})

    assert all(after[service] != before[service] for service in before)


def test_a_changed_parameter_reaches_all_services(build_dir: Path) -> None:
    before, after = (insert_releases(build_dir, {"DailyBudgetUsd": usd}) for usd in ("1", "2"))

    assert all(after[service] != before[service] for service in before)


@pytest.mark.parametrize("changed", ["apiFunction/handler.py", "template.yaml"])
def test_a_change_of_one_service_reaches_no_other(build_dir: Path, changed: str) -> None:
    before = insert_releases(build_dir, {})
    file = build_dir / "Storage" / changed
    file.write_text(file.read_text() + "\n# changed")
    after = insert_releases(build_dir, {})

    assert after["Storage"] != before["Storage"]
    assert after["Intake"] == before["Intake"]


def test_a_renamed_file_changes_the_digest(build_dir: Path) -> None:
    before = insert_releases(build_dir, {})
    (build_dir / "Storage" / "apiFunction" / "handler.py").rename(build_dir / "Storage" / "apiFunction" / "other.py")

    assert insert_releases(build_dir, {})["Storage"] != before["Storage"]


def test_a_template_without_the_variable_is_an_error(build_dir: Path) -> None:
    (build_dir / "Intake" / "template.yaml").write_text(SERVICE.replace("RELEASE: unbuilt", "TABLE_NAME: requests"))

    with pytest.raises(ValueError, match=r"Intake/template\.yaml: Globals must set the variable RELEASE once"):
        insert_releases(build_dir, {})
