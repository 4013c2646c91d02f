"""The commands and the Python code of `docs/api.md` work unchanged."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from local.emulator import ROOT
from tests.support.system import System

DEFINITIONS = """
curl() { command curl --fail-with-body "$@"; echo; }
genai-images() { python -m genai_images "$@"; }
"""


@pytest.mark.skipif(shutil.which("curl") is None, reason="the page's commands need curl")
def test_the_commands_of_the_guide_for_callers_work_unchanged(stack: System, tmp_path: Path) -> None:
    text = (ROOT / "docs" / "api.md").read_text()
    blocks = re.findall(r"^```(sh|python) run\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    finished = stack.generate("A red fox in the snow")
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "API": stack.stack.api_url,
        "API_KEY": stack.stack.api_key,
        "ID": finished["id"],
        "IMAGE": finished["images"][0]["id"],
        "FOLDER": str(tmp_path),
        "PYTHONPATH": str(ROOT / "clients" / "python" / "src"),
    }

    assert len(blocks) >= 8
    for language, block in blocks:
        command = ["bash", "-euc", DEFINITIONS + block] if language == "sh" else [sys.executable, "-c", block]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            env=environment,
            cwd=tmp_path,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}"
    assert [file.suffix for file in tmp_path.iterdir()] == [".png", ".png"]
