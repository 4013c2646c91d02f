"""Deploy an earlier version to an AWS account again: its code, templates and web app, from a worktree of its commit.

`make rollback AWS=1 ENV=prod TO=v1.2.0` calls it. `PARAMETERS` and `ARGS` mean the same as for `make deploy`.
"""

import argparse
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from local.emulator import ROOT

ALL_AT_ONCE: Final = "GradualDeployment=false"
"""A roll back must not wait for a canary, nor be stopped by the alarms that are its reason."""


class RollbackError(ValueError):
    """The roll back cannot start or failed. The text says what to do."""


def roll_back(root: Path, environment: str, version: str, arguments: str, parameters: str) -> None:
    """Deploy ``version`` of the repository at ``root`` to ``environment``. Raises ``RollbackError``."""
    if not environment:
        raise RollbackError("ENV is missing. Name the environment, such as ENV=prod.")
    if not version:
        raise RollbackError("TO is missing. Name a version, such as TO=v1.2.0; `git tag` lists them.")
    with _worktree(root, version) as folder:
        make = ["make", "--no-print-directory", "-C", str(folder)]
        variables = ["AWS=1", f"ENV={environment}"]
        # The version before knows nothing of this process's make and of its variables.
        inherited = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MFLAGS", "ARGS"}}
        process = {**inherited, "PARAMETERS": f"{parameters} Version={shlex.quote(version)} {ALL_AT_ONCE}".strip()}
        for command in ([*make, "deploy", *variables, f"ARGS={arguments}"], [*make, "web", *variables]):
            if subprocess.run(command, env=process, check=False).returncode:
                raise RollbackError(f"{environment}: `make {command[4]}` of {version} failed; its output is above.")
    print(f"{environment} runs {version}. The next release turns gradual deployments on again.")


@contextmanager
def _worktree(root: Path, version: str) -> Iterator[Path]:
    """Check ``version`` out into a folder of its own, which is removed at the end."""
    commit = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{version}^{{commit}}")
    if commit is None:
        raise RollbackError(
            f"TO={version}: git knows no such version. `git fetch --tags` fetches all, `git tag` lists them."
        )
    folder = root / ".local" / "rollback"
    shutil.rmtree(folder, ignore_errors=True)  # of a roll back that was cut off
    _git(root, "worktree", "prune")
    if _git(root, "worktree", "add", "--detach", str(folder), commit) is None:
        raise RollbackError(f"git cannot check {version} out into {folder}.")
    try:
        yield folder
    finally:
        _git(root, "worktree", "remove", "--force", str(folder))


def _git(root: Path, *arguments: str) -> str | None:
    """Return git's output, or None if it fails."""
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    return None if done.returncode else done.stdout.strip()


def main() -> None:
    """Read the command line and roll back."""
    parser = argparse.ArgumentParser(prog="python -m local.rollback", description="Deploy an earlier version again.")
    parser.add_argument("--env", default="", help="environment in samconfig.toml")
    parser.add_argument("--to", default="", help="tag or commit")
    given = parser.parse_args()
    try:
        roll_back(ROOT, given.env, given.to, os.environ.get("ARGS", ""), os.environ.get("PARAMETERS", ""))
    except RollbackError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
