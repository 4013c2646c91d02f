"""Run checkov on the templates as CloudFormation deploys them: loops expanded, after the SAM transform.

The sources hide most resources from it: roles and log groups are in loops, queue permissions in functions' properties.
`.checkov.yaml` lists the checks that are skipped. checkov runs offline.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from local.emulator import ROOT
from local.package import plain_templates

CHECKOV: Final = Path(sys.prefix) / "checkov" / "bin" / "checkov"
"""In an environment of its own, which `make check` installs."""
FOLDER: Final = ROOT / ".local" / "checkov"
SKIPPED: Final = ROOT / ".checkov.yaml"


class CheckovError(RuntimeError):
    """checkov failed. The text is its output."""


@dataclass(frozen=True, order=True)
class Failure:
    """A check that a resource fails."""

    check: str
    resource: str
    title: str


def write(folder: Path) -> None:
    """Write all templates as plain CloudFormation into ``folder``."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for path, template in plain_templates():
        name = "-".join(path.relative_to(ROOT).with_suffix("").parts)
        (folder / f"{name}.json").write_text(json.dumps(template))


def scan(folder: Path) -> set[Failure]:
    """Return the failures of all templates in ``folder``. Raises ``CheckovError``."""
    options = ["--framework", "cloudformation", "--output", "json", "--soft-fail", "--skip-download"]
    done = subprocess.run(
        [str(CHECKOV), "--directory", str(folder), *options],
        cwd=folder,  # where checkov does not find .checkov.yaml, so that stale entries are noticed
        capture_output=True,
        text=True,
        check=False,
    )
    found = json.loads(done.stdout) if done.stdout.startswith("{") else {}
    if done.returncode or found.get("summary", {}).get("parsing_errors", 1):
        raise CheckovError(f"checkov could not read the templates\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return {
        Failure(each["check_id"], f"{Path(each['file_path']).stem} {each['resource']}", each["check_name"])
        for each in found["results"]["failed_checks"]
    }


def problems(failures: Iterable[Failure], skipped: Iterable[str]) -> Iterator[str]:
    """Yield what to change: failures that are not skipped, and skipped checks that nothing fails."""
    failures, skipped = set(failures), set(skipped)
    for failure in sorted(failures):
        if failure.check not in skipped:
            yield f"{failure.check} {failure.resource}: {failure.title}"
    for check in sorted(skipped - {failure.check for failure in failures}):
        yield f"{SKIPPED.name} skips {check}, which nothing fails: remove it"


def main() -> None:
    """Check all templates."""
    write(FOLDER)
    try:
        found = list(problems(scan(FOLDER), yaml.safe_load(SKIPPED.read_text())["skip-check"]))
    except CheckovError as error:
        sys.exit(str(error))
    sys.exit("\n".join(found) or None)


if __name__ == "__main__":
    main()
