"""Goals 2 and 6: the cold start of the deployed artifacts, and their size."""

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from local.build import LOCAL_BUILD, Target, build_local, build_lock
from local.emulator import ROOT
from tools.benchmarks import runtime
from tools.benchmarks.functions import Function, functions
from tools.benchmarks.imports import import_statement
from tools.benchmarks.measure import Progress, interleaved, run_child
from tools.benchmarks.report import Figure, Section

ROUNDS = 7
COLD_GOAL, ZIP_GOAL_KB, LAYER_GOAL = 1.05, 200, 2.0
SAM_TIME = 315532800 + 86400
"""Time stamp of files in seconds: SAM writes 1980 into zips, and Lambda keeps it."""


def run(progress: Progress) -> list[Section]:
    """Build, unpack as on Lambda, and measure."""
    with build_lock():
        progress("sam build")
        build_local()
        with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
            built = Path(folder) / "built"
            shutil.copytree(LOCAL_BUILD, built)
            return [_cold(progress, built, Path(folder)), _sizes(progress, built, Path(folder))]


def _cold(progress: Progress, built: Path, folder: Path) -> Section:
    section = Section(2, "cold import of the built artifacts", "the same tree with warm bytecode")
    warm, stripped = folder / "warm", folder / "stripped"
    for copy in (warm, stripped):
        shutil.copytree(built, copy, ignore=shutil.ignore_patterns("__pycache__"))
    _as_unpacked(built)
    _as_unpacked(stripped)
    measurements: dict[tuple[str, str], Callable[[], float]] = {}
    for function in functions():
        measurements[function.name, "built"] = partial(_cpu, function, built, read_only=True)
        measurements[function.name, "warm"] = partial(_cpu, function, warm, read_only=False)
    first = functions()[0]
    measurements[first.name, "stripped"] = partial(_cpu, first, stripped, read_only=True)
    medians = interleaved(measurements, ROUNDS, progress)
    for function in functions():
        figure, floor = medians[function.name, "built"] * 1000, medians[function.name, "warm"] * 1000
        section.figures.append(Figure(function.name, figure, "ms", floor, COLD_GOAL))
    floor = medians[first.name, "warm"] * 1000
    section.figures.append(
        Figure(f"{first.name} built by plain `sam build`", medians[first.name, "stripped"] * 1000, "ms", floor)
    )
    section.notes.append("Files from 1980, read-only; the path contains function, layers and boto3.")
    return section


def _sizes(progress: Progress, built: Path, folder: Path) -> Section:
    section = Section(6, "sizes of the deployed artifacts, zipped", "pydantic alone, built the same way")
    for function in functions():
        progress(f"zip {function.name}")
        size = _zipped_size(_code(built, function))
        section.figures.append(Figure(function.name, size / 1000, "kB", goal=ZIP_GOAL_KB))
    progress("zip layers")
    alone = folder / "alone"
    _install("pydantic", alone)
    for layer in layers(built):
        shared = (layer / "python" / "events").is_dir()
        figure = Figure(
            f"layer {layer.name}",
            _zipped_size(layer) / 1e6,
            "MB",
            _zipped_size(alone) / 1e6 if shared else None,
            LAYER_GOAL if shared else None,
        )
        section.figures.append(figure)
        foreign = [name for name in ("botocore", "boto3", "PIL") if (layer / "python" / name).exists()]
        if shared and foreign:
            section.notes.append(f"The shared layer must not contain {', '.join(foreign)}.")
    section.notes.append(f"With bytecode, for {Target.host().wheels} and {Target.host().runtime}.")
    return section


def layers(built: Path) -> list[Path]:
    """Return the artifacts that are layers: those with a ``python`` folder. The shared layer comes first."""
    found = [path.parent for path in [*built.glob("*/python"), *built.glob("*/*/python")]]
    return sorted(found, key=lambda path: (len(path.relative_to(built).parts), path))


def _code(built: Path, function: Function) -> Path:
    """Return the artifact of ``function``: SAM names the folders after logical ids."""
    for candidate in [*built.glob(f"{function.logical_id}"), *built.glob(f"*/{function.logical_id}")]:
        if (candidate / "services" / function.service).is_dir():
            return candidate
    raise FileNotFoundError(f"{function.name} is not in {built}")


def _cpu(function: Function, tree: Path, *, read_only: bool) -> float:
    code = _code(tree, function)
    own = [layer for layer in layers(tree) if layer.parent == tree or layer.name in function.layers]
    path = (code, *(layer / "python" for layer in own), runtime.sdk())
    environment = function.process_environment | ({"PYTHONDONTWRITEBYTECODE": "1"} if read_only else {})
    return float(run_child("cold_import.py", import_statement(function), environment=environment, path=path))


def _as_unpacked(tree: Path) -> None:
    for path in [tree, *tree.rglob("*")]:
        os.utime(path, (SAM_TIME, SAM_TIME))


def _zipped_size(folder: Path) -> int:
    with _temporary_zip(folder) as archive:
        return archive.stat().st_size


@contextmanager
def _temporary_zip(folder: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as place:
        archive = Path(place) / "artifact.zip"
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as content:
            for path in sorted(folder.rglob("*")):
                content.write(path, path.relative_to(folder))
        yield archive


def _install(package: str, target: Path) -> None:
    """Install and compile ``package`` in the version of the shared layer, as `layer/layer.mk` does."""
    pinned = (ROOT / "layer" / "requirements.in").read_text().splitlines()
    requirement = next(line for line in pinned if line.startswith(package))
    host = Target.host()
    platform = ["--python-version", host.version, "--python-platform", host.wheels, "--only-binary", ":all:"]
    locked = ["--constraints", str(ROOT / "layer" / "requirements.txt"), requirement]
    install = ["uv", "pip", "install", "--quiet", "--require-hashes", "--target", str(target), *platform, *locked]
    subprocess.run(install, check=True)
    for waste in [*target.glob("*.dist-info"), target / "bin"]:
        shutil.rmtree(waste, ignore_errors=True)
    command = [sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", str(target)]
    subprocess.run(command, check=True)
