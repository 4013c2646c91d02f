"""The TypeScript client as callers install it: packed, compiled into a program, and run against the local stack."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from events.pipeline import TERMINAL, Status
from local.node import NodePackage
from tests.support.system import System
from tests.support.templates import ROOT

CLIENT = NodePackage(ROOT / "clients" / "typescript")
PROGRAM = Path(__file__).parent / "typescript_client"


def readme_example() -> str:
    """Return the first program of the README."""
    found = re.search(r"```ts\n(.*?)```", (CLIENT.folder / "README.md").read_text(), re.DOTALL)
    assert found
    return found[1]


@pytest.fixture(scope="module")
def caller(tmp_path_factory: pytest.TempPathFactory) -> NodePackage:
    """A folder of a caller with the packed client, installed without a registry, and a compiled program."""
    folder = tmp_path_factory.mktemp("caller")
    CLIENT.npm("run", "build")
    CLIENT.run("npm", "pack", "--pack-destination", str(folder))
    (tarball,) = folder.glob("genai-images-client-*.tgz")

    package = NodePackage(folder)
    (folder / "package.json").write_text('{"type": "module"}')
    package.run("npm", "install", "--offline", "--ignore-scripts", str(tarball))
    for file in PROGRAM.iterdir():
        shutil.copy(file, folder)
    (folder / "readme.ts").write_text(readme_example())
    modules = CLIENT.folder / "node_modules"
    package.run(str(modules / ".bin" / "tsc"), "--typeRoots", str(modules / "@types"))
    return package


def test_the_package_has_what_callers_need_and_no_dependency(caller: NodePackage) -> None:
    package = caller.folder / "node_modules" / "genai-images-client"
    assert {path.name for path in package.iterdir()} == {"LICENSE", "README.md", "dist", "package.json"}
    assert "dependencies" not in json.loads((package / "package.json").read_text())
    assert [path.name for path in package.parent.iterdir() if not path.name.startswith(".")] == [package.name]


def test_a_typescript_program_generates_lists_and_verifies(stack: System, caller: NodePackage) -> None:
    output = caller.run("node", "program.js", stack.stack.api_url, stack.stack.api_key, *Status)
    report: dict[str, Any] = json.loads(output)

    assert len(report["images"]) == 2
    assert sorted(report["listed"]) == sorted(report["images"])
    assert (report["kinds"], report["starts"]) == (["image/png"] * 2, ["PNG"] * 2)
    assert report["message"] == "succeeded"
    assert report["rejection"] == {"status": "rejected", "field": "prompt", "category": "sexual"}
    assert report["invalid"] == {"status": 422, "code": "validation_failed", "fields": ["count"]}
    assert report["callId"]
    assert report["denied"] in {401, 403}
    assert set(report["terminal"]) == TERMINAL


def test_the_example_of_the_readme_saves_an_image(stack: System, caller: NodePackage) -> None:
    caller.run("node", "readme.js", API=stack.stack.api_url, API_KEY=stack.stack.api_key)

    (file,) = caller.folder.glob("*.png")
    assert file.read_bytes().startswith(b"\x89PNG")
