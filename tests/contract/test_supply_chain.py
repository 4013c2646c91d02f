"""Every package that is installed is pinned with its hash, and the bills of materials list all of them."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from local import sbom
from tests.support.templates import ROOT
from tools import audit

SOURCES = sorted(path for folder in ("requirements", "layer", "services") for path in ROOT.glob(f"{folder}/**/*.in"))
SOURCES = [path for path in SOURCES if "node_modules" not in path.parts]
NODE_PACKAGES = [path.parent for path in ROOT.glob("*/*/package-lock.json")]
INSTALLERS = [
    *(ROOT / name for name in ("Makefile", ".ci/run", "layer/layer.mk")),
    *ROOT.glob("layer/**/Makefile"),
    *ROOT.glob("services/*/*/Makefile"),
    *ROOT.glob("local/**/*.py"),
    *ROOT.glob("tools/**/*.py"),
]


@cache
def pins(path: Path) -> dict[str, tuple[Requirement, list[str]]]:
    """Return the requirements of a compiled file by name and marker, with their hashes."""
    found = {}
    for entry in path.read_text().replace("\\\n", " ").splitlines():
        requirement, *hashes = re.split(r"\s+--hash=", entry.strip())
        found[requirement.partition("==")[0] + requirement.partition(";")[2]] = (Requirement(requirement), hashes)
    return found


def versions(path: Path) -> dict[str, set[str]]:
    """Return the pinned versions by package."""
    found: dict[str, set[str]] = {}
    for requirement, _ in pins(path).values():
        found.setdefault(requirement.name, set()).add(str(requirement.specifier))
    return found


def npm_packages(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the entries of the lock file of a Node package by path, without those of this repository."""
    entries = json.loads((folder / "package-lock.json").read_text())["packages"]
    return {
        path: entry for path, entry in entries.items() if path.startswith("node_modules/") and not entry.get("link")
    }


in_every_node_package = pytest.mark.parametrize("folder", NODE_PACKAGES, ids=lambda path: str(path.relative_to(ROOT)))


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_python_package_is_pinned_with_hashes(source: Path) -> None:
    compiled = source.with_suffix(".txt")

    assert pins(compiled)
    for requirement, hashes in pins(compiled).values():
        assert re.fullmatch(r"==[^=*,]+", str(requirement.specifier)), requirement
        assert hashes, requirement
        assert all(re.fullmatch("sha256:[0-9a-f]{64}", each) for each in hashes), requirement


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_compiled_file_has_what_its_source_demands(source: Path) -> None:
    compiled = versions(source.with_suffix(".txt"))
    for line in source.read_text().splitlines():
        if line and not line.startswith(("#", "-r ")):
            wanted = Requirement(line)
            found = compiled[canonicalize_name(wanted.name)]
            assert not str(wanted.specifier) or found == {str(wanted.specifier)}, line


@pytest.mark.parametrize("layer", sbom.LAYERS.values(), ids=list(sbom.LAYERS))
def test_tests_run_with_the_versions_of_the_layers(layer: Path) -> None:
    development = versions(ROOT / "requirements/dev.txt")

    assert {name: development[name] for name in versions(layer / "requirements.txt")} == versions(
        layer / "requirements.txt"
    )


def test_every_layer_has_a_bill_of_materials() -> None:
    assert {path.parent for path in SOURCES if path.parent.name != "requirements"} == set(sbom.LAYERS.values())


def installing(path: Path) -> list[str]:
    """Return the commands in a file that install Python packages, each on one line."""
    text = path.read_text().replace("\\\n", " ").replace('", "', " ")
    return [line.strip() for line in text.splitlines() if re.search(r'(uv|-m)"? pip (install|sync)\b', line)]


def test_nothing_is_installed_without_hashes() -> None:
    commands = [command for path in INSTALLERS for command in installing(path)]

    assert len(commands) >= 7
    assert [command for command in commands if "--require-hashes" not in command] == []


@in_every_node_package
def test_every_npm_package_has_its_hash(folder: Path) -> None:
    packages = npm_packages(folder)
    bundled = {path for path, entry in packages.items() if entry.get("inBundle")}
    missing = [path for path, entry in packages.items() if "integrity" not in entry and path not in bundled]

    assert missing == []
    for path in bundled:  # it is part of the archive of the package that contains it
        assert "integrity" in packages[path.rsplit("/node_modules/", 1)[0]], path


def test_lock_files_name_no_registry() -> None:
    for folder in NODE_PACKAGES:
        assert [path for path, entry in npm_packages(folder).items() if "resolved" in entry] == []
    for path in [*SOURCES, *(source.with_suffix(".txt") for source in SOURCES)]:
        assert not re.search(r"://|--(extra-)?index-url|--find-links", path.read_text()), path


@in_every_node_package
def test_npm_runs_no_scripts_of_packages(folder: Path) -> None:
    assert "ignore-scripts=true" in (folder / ".npmrc").read_text().splitlines()


def test_every_node_package_is_audited_and_kept_current() -> None:
    updates = yaml.safe_load((ROOT / ".github/dependabot.yml").read_text())["updates"]
    (directories,) = [each["directories"] for each in updates if each["package-ecosystem"] == "npm"]

    assert {path.parent for path in audit.NPM} == set(NODE_PACKAGES)
    assert {ROOT / each.lstrip("/") for each in directories} == set(NODE_PACKAGES)


@pytest.fixture(scope="module")
def bills(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The bills of materials by name, as `make build` writes them."""
    return {
        path.name.removesuffix(".cdx.json"): path.read_text() for path in sbom.write(tmp_path_factory.mktemp("sbom"))
    }


def test_bills_of_materials_are_valid_cyclonedx(bills: dict[str, str]) -> None:
    assert set(bills) == {*sbom.LAYERS, "web"}
    for name, text in bills.items():
        version = SchemaVersion.from_version(json.loads(text)["specVersion"])
        assert JsonStrictValidator(version).validate_str(text) is None, name


@pytest.mark.parametrize("name", sbom.LAYERS)
def test_the_bill_of_a_layer_lists_every_package_with_its_hashes(name: str, bills: dict[str, str]) -> None:
    found = {
        (each["name"], f"=={each['version']}"): {
            item["content"] for reference in each["externalReferences"] for item in reference["hashes"]
        }
        for each in json.loads(bills[name])["components"]
    }
    pinned = pins(sbom.LAYERS[name] / "requirements.txt").values()

    assert found == {
        (requirement.name, str(requirement.specifier)): {each.removeprefix("sha256:") for each in hashes}
        for requirement, hashes in pinned
    }


def test_the_bill_of_the_web_app_lists_every_package(bills: dict[str, str]) -> None:
    found = {(each.get("group", ""), each["name"], each["version"]) for each in json.loads(bills["web"])["components"]}
    names = {"/".join(filter(None, [group, name])) + "@" + version for group, name, version in found}

    assert names == {
        f"{path.rpartition('node_modules/')[2]}@{entry['version']}"
        for path, entry in npm_packages(ROOT / "services/web").items()
    }
