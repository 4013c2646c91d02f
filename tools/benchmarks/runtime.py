"""The Python path of a function on Lambda, without the rest of a development environment.

On Lambda, botocore finds neither awscrt nor pyOpenSSL, and importing boto3 takes a third less time. A floor measured
with them would make all ratios look better.
"""

import atexit
import re
import shutil
import tempfile
from collections.abc import Iterable
from functools import cache
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement

from local.emulator import ROOT


@cache
def sdk() -> Path:
    """Return a directory with boto3 and its dependencies, as in Lambda's runtime."""
    return _linked(frozenset(_closure(["boto3"])))


@cache
def dependencies() -> Path:
    """Return a directory with the third-party packages of the layers without an SDK."""
    storage = ROOT / "services" / "storage"
    parquet = ROOT / "services" / "analytics" / "parquet"
    folders = [ROOT / "layer", ROOT / "layer" / "crypto", storage / "imaging", storage / "credentials", parquet]
    files = [folder / "requirements.in" for folder in folders]
    names = [
        Requirement(line).name
        for file in files
        for line in file.read_text().splitlines()
        if line and not line.startswith(("#", "-"))
    ]
    return _linked(frozenset(_closure(names)))


@cache
def stand_in() -> Path:
    """Return a directory with the additional packages of the model stand-in, which provides Claude's responses."""
    return _linked(frozenset(_closure(["numpy"])))


def _closure(names: Iterable[str]) -> set[str]:
    """Return ``names`` and their installed requirements, without extras."""
    found: set[str] = set()
    pending = list(names)
    while pending:
        name = re.sub(r"[-_.]+", "-", pending.pop()).lower()
        if name in found:
            continue
        found.add(name)
        for line in distribution(name).requires or ():
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                pending.append(requirement.name)
    return found


def _linked(names: frozenset[str]) -> Path:
    """Return a temporary directory with links to the installed packages, whose bytecode is warm."""
    folder = Path(tempfile.mkdtemp(prefix="benchmark-"))
    atexit.register(shutil.rmtree, folder)
    for name in names:
        installed = distribution(name)
        for top in {file.parts[0] for file in installed.files or ()} - {"..", "__pycache__"}:
            if not (folder / top).exists():
                (folder / top).symlink_to(installed.locate_file(top))  # type: ignore[arg-type]
    return folder
