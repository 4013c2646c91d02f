"""Medians of interleaved rounds, so that a slow phase of the machine affects a figure and its floor equally."""

import os
import subprocess
import sys
from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import TypeVar

from local.emulator import ROOT
from tools.benchmarks import runtime

CHILDREN = ROOT / "tools" / "benchmarks" / "children"
Progress = Callable[[str], None]
Key = TypeVar("Key", bound=Hashable)


class ChildError(RuntimeError):
    """A measured process failed. The text is the end of its output."""


def interleaved(measurements: Mapping[Key, Callable[[], float]], rounds: int, progress: Progress) -> dict[Key, float]:
    """Return the median of ``rounds`` of each measurement. Every round runs all of them; the first one is discarded."""
    found: dict[Key, list[float]] = {key: [] for key in measurements}
    for round_ in range(rounds + 1):
        progress(f"round {round_} of {rounds}" if round_ else "warming up")
        for key, measure in measurements.items():
            value = measure()
            if round_:
                found[key].append(value)
    return {key: median(values) for key, values in found.items()}


def run_child(
    script: str,
    *arguments: str,
    environment: Mapping[str, str],
    path: Sequence[Path] | None = None,
) -> str:
    """Run ``children/<script>`` in a fresh process with ``environment`` only; return its last line.

    Its path is the same as on Lambda. With ``path`` None: the repository, the dependencies of the layers and boto3.
    Raises ``ChildError`` if it fails.
    """
    path = (ROOT, runtime.dependencies(), runtime.sdk()) if path is None else path
    done = subprocess.run(
        [sys.executable, "-S", "-P", str(CHILDREN / script), *arguments],  # -S: without the virtual environment
        env={
            "PATH": os.defpath,
            "LANG": "C.UTF-8",
            "PYTHONPATH": os.pathsep.join(map(str, path)),
            **environment,
        },
        cwd=CHILDREN,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        raise ChildError((done.stderr or done.stdout)[-1500:])
    return lines[-1]
