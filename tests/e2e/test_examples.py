"""The commands and the example script of `docs/api.md` work unchanged."""

import io
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from local.emulator import ROOT
from tests.support.system import System

SCRIPT = ROOT / "docs" / "examples" / "generate.py"


def run(stack: System, *arguments: str, key: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run the script as a caller does, without the packages of this project."""
    environment = {
        "PATH": os.defpath,
        "API": stack.stack.api_url,
        "API_KEY": stack.stack.api_key if key is None else key,
    }
    return subprocess.run(
        [sys.executable, "-I", str(SCRIPT), *arguments],
        capture_output=True,
        text=True,
        env=environment,
        timeout=120,
        check=False,
    )


def test_the_example_script_generates_and_downloads(stack: System, tmp_path: Path) -> None:
    done = run(stack, "A lighthouse on a cliff at dusk, oil painting", "--count", "2", "--folder", str(tmp_path))

    assert done.returncode == 0, done.stderr
    files = [Path(line) for line in done.stdout.splitlines()]
    assert len(files) == 2
    for file in files:
        assert file.parent == tmp_path
        with Image.open(io.BytesIO(file.read_bytes())) as image:
            image.load()
            assert (image.format or "").lower() == file.suffix.removeprefix(".")
    assert "succeeded" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["A fox", "--count", "9"], "count"),
        (["A fox", "--model", "no-such-model"], "is not in the catalog"),
    ],
)
def test_the_example_script_reports_the_wrong_field(stack: System, arguments: list[str], message: str) -> None:
    done = run(stack, *arguments)

    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_the_example_script_reports_a_refused_key(stack: System) -> None:
    done = run(stack, "A fox", key="gik_nobody")

    assert done.returncode == 1
    assert done.stderr.startswith(("401", "403"))


@pytest.mark.skipif(shutil.which("curl") is None, reason="the page's commands need curl")
def test_the_commands_of_the_guide_for_callers_work_unchanged(stack: System, tmp_path: Path) -> None:
    blocks = re.findall(r"^```sh run\n(.*?)^```", (ROOT / "docs" / "api.md").read_text(), re.MULTILINE | re.DOTALL)
    finished = stack.generate("A red fox in the snow")
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "API": stack.stack.api_url,
        "API_KEY": stack.stack.api_key,
        "ID": finished["id"],
        "IMAGE": finished["images"][0]["id"],
        "FOLDER": str(tmp_path),
    }

    assert len(blocks) >= 8
    for block in blocks:
        done = subprocess.run(
            ["bash", "-euc", f'curl() {{ command curl --fail-with-body "$@"; echo; }}\n{block}'],
            capture_output=True,
            text=True,
            env=environment,
            cwd=ROOT,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}"
    assert [file.suffix for file in tmp_path.iterdir()] == [".png"]
