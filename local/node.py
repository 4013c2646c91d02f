"""Node packages of this repository: installs Node if needed, installs their locked packages, and runs npm in them.

`python -m local.node clients/typescript run build` runs npm in that folder.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from local.build import build_lock
from local.emulator import ROOT

NODE_WHEEL: Final = ROOT / "requirements" / "node.txt"
"""Node as a Python package, for machines without Node or with an old one."""
OLDEST: Final = (22, 18)


class NodeError(RuntimeError):
    """A command of a Node package failed. The text is its output."""


@dataclass(frozen=True)
class NodePackage:
    """A folder with a package.json and its lock file."""

    folder: Path

    def npm(self, *arguments: str, show: bool = False) -> str:
        """Run npm after installing the locked packages; return its output, or with ``show`` write it to the terminal.

        Raises ``NodeError``.
        """
        self.install(show=show)
        return self.run("npm", *arguments, show=show) if arguments != ("ci",) else ""

    def install(self, *, show: bool = False) -> None:
        """Install the locked packages if the lock file changed since the last time. Raises ``NodeError``."""
        locked, installed = self.folder / "package-lock.json", self.folder / "node_modules" / ".installed-from"
        wanted = hashlib.sha256(locked.read_bytes()).hexdigest()
        with build_lock("-".join(self.folder.relative_to(ROOT).parts)):
            if not installed.exists() or installed.read_text() != wanted:
                self.run("npm", "ci", "--no-progress", show=show)
                installed.write_text(wanted)

    def run(self, *command: str, show: bool = False, **environment: str) -> str:
        """Run a command in the folder with a recent Node on PATH; return its output. Raises ``NodeError``."""
        variables = environment_with_node() | environment
        program = shutil.which(command[0], path=variables["PATH"]) or command[0]
        done = subprocess.run(
            [program, *command[1:]],
            cwd=self.folder,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=None if show else subprocess.PIPE,
            stderr=None if show else subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise NodeError(f"{' '.join(command)} failed\n{done.stdout or ''}")
        return done.stdout or ""


def environment_with_node() -> dict[str, str]:
    """Return this environment with a recent Node on PATH, which is installed if there is none."""
    return {**os.environ, "PATH": _path_with_node(), "npm_config_fund": "false", "npm_config_audit": "false"}


def _path_with_node() -> str:
    """Return a PATH with a recent ``node``. If there is none, install one into the virtual environment."""
    here = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    with build_lock("node"):
        if _version(here) >= OLDEST:
            return here
        uv = ["uv", "pip", "install", "--quiet", "--require-hashes", "--python", sys.executable]
        subprocess.run([*uv, "--requirements", str(NODE_WHEEL)], env={**os.environ, "PATH": here}, check=True)
    return here


def _version(path: str) -> tuple[int, ...]:
    found = shutil.which("node", path=path)
    if found is None:
        return (0,)
    answer = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout
    return tuple(int(part) for part in answer.strip().removeprefix("v").split(".") if part.isdecimal())


def main() -> None:
    """Run npm in the given folder."""
    try:
        NodePackage(ROOT / sys.argv[1]).npm(*sys.argv[2:], show=True)
    except NodeError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
