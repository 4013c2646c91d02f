"""The web app on this machine: installs Node if needed, installs packages, and builds.

`python -m local.web` builds; with arguments it runs npm in the app's folder (`python -m local.web run test`).
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from local.build import build_lock
from local.emulator import ROOT

APP = ROOT / "services" / "web"
DIST = APP / "dist"
NODE_WHEEL = ROOT / "requirements" / "node.txt"
"""Node as a Python package, for machines without Node or with an old one."""
OLDEST = (20, 19)
BUILT_FROM = ("index.html", "package-lock.json", "vite.config.ts", "public", "scripts", "src")


class WebBuildError(RuntimeError):
    """npm failed. The text is its output."""


def build() -> bool:
    """Install packages and build the app into ``DIST`` if something changed; return whether it did.

    Raises ``WebBuildError``.
    """
    with build_lock("web"):
        digest = _digest()
        stamp = DIST / ".built-from"
        if (DIST / "index.html").exists() and stamp.exists() and stamp.read_text() == digest:
            return False
        npm("run", "build")
        stamp.write_text(digest)
        return True


def npm(*arguments: str, show: bool = False) -> None:
    """Run npm in the folder of the app after installing packages. With ``show``, it writes to the terminal."""
    environment = environment_with_node()
    locked, installed = APP / "package-lock.json", APP / "node_modules" / ".installed-from"
    wanted = hashlib.sha256(locked.read_bytes()).hexdigest()
    if not installed.exists() or installed.read_text() != wanted:
        _run(["npm", "ci", "--no-progress"], environment, show=show)
        installed.write_text(wanted)
    if arguments != ("ci",):
        _run(["npm", *arguments], environment, show=show)


def sbom() -> str:
    """Return the bill of materials of the lock file. Raises ``WebBuildError``."""
    environment = environment_with_node() | {"npm_config_loglevel": "error"}  # its output is the document
    return _run(["npm", "sbom", "--sbom-format", "cyclonedx", "--package-lock-only"], environment, show=False)


def environment_with_node() -> dict[str, str]:
    """Return this environment with a recent Node on PATH, which is installed if there is none."""
    return {**os.environ, "PATH": _path_with_node(), "npm_config_fund": "false", "npm_config_audit": "false"}


def _run(command: list[str], environment: dict[str, str], *, show: bool) -> str:
    program = shutil.which(command[0], path=environment["PATH"]) or command[0]
    done = subprocess.run(
        [program, *command[1:]],
        cwd=APP,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=None if show else subprocess.PIPE,
        stderr=None if show else subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise WebBuildError(f"{' '.join(command)} failed\n{done.stdout or ''}")
    return done.stdout or ""


def _path_with_node() -> str:
    """Return a PATH with a recent ``node``. If there is none, install one into the virtual environment."""
    here = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    if _version(here) < OLDEST:
        uv = ["uv", "pip", "install", "--quiet", "--require-hashes", "--python", sys.executable]
        subprocess.run([*uv, "--requirements", str(NODE_WHEEL)], env={**os.environ, "PATH": here}, check=True)
    return here


def _version(path: str) -> tuple[int, ...]:
    found = shutil.which("node", path=path)
    if found is None:
        return (0,)
    answer = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout
    return tuple(int(part) for part in answer.strip().removeprefix("v").split(".") if part.isdecimal())


def _digest() -> str:
    digest = hashlib.sha256()
    for path in sorted(_sources()):
        digest.update(f"{path.relative_to(APP)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def _sources() -> Iterator[Path]:
    for name in BUILT_FROM:
        path = APP / name
        yield from (each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]


def main() -> None:
    """Build, or run npm."""
    try:
        if sys.argv[1:]:
            npm(*sys.argv[1:], show=True)
        else:
            print("Built into services/web/dist." if build() else "Nothing changed since the last build.")
    except WebBuildError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
