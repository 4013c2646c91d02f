"""Every function starts with the environment of its template and completes its initialisation."""

import os
import subprocess
import sys

import pytest

from local.emulator import ROOT
from tools.benchmarks.functions import Function, functions


@pytest.mark.parametrize("function", functions(), ids=lambda function: function.name)
def test_garbage_collection_is_on_after_the_start(function: Function) -> None:
    module = function.handler.rsplit(".", 1)[0]
    check = f"import gc, {module}, os; os._exit(0 if gc.isenabled() and gc.get_freeze_count() else 3)"
    environment = {"PATH": os.defpath, "PYTHONPATH": str(ROOT), **function.process_environment}
    done = subprocess.run([sys.executable, "-c", check], env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
