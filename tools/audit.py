"""Known vulnerabilities of the pinned packages. `make audit` prints them, and fails if there are any.

Not every registry offers an audit. The result is then "cannot tell", which is no failure.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.emulator import ROOT
from local.node import environment_with_node
from local.sbom import LAYERS

PIP_AUDIT = Path(sys.prefix) / "audit" / "bin" / "pip-audit"
"""In an environment of its own, which `make audit` installs."""
PYTHON = [
    *(folder / "requirements.txt" for folder in LAYERS.values()),
    *(ROOT / "requirements" / f"{name}.txt" for name in ("dev", "sam", "checkov", "audit", "node", "interop")),
]
NPM = [ROOT / folder / "package-lock.json" for folder in ("services/web", "clients/typescript", "tests/interop")]


@dataclass
class Result:
    """The audit of one lock file."""

    packages: int = 0
    vulnerabilities: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    """Why the audit says nothing, or for which packages."""

    @property
    def can_tell(self) -> bool:
        """Whether at least one package was audited."""
        return self.packages > 0

    def lines(self) -> Iterator[str]:
        """Yield the result as text."""
        yield from self.vulnerabilities
        if self.unknown:
            yield f"cannot tell: {'; '.join(self.unknown)}"
        elif not self.vulnerabilities:
            yield f"no known vulnerability in {self.packages} packages"


def read_pip_audit(output: str) -> Result:
    """Read pip-audit's JSON. It skips packages that the registry's audit does not know."""
    found = _parsed(output)
    if "dependencies" not in found:
        return Result(unknown=[f"pip-audit failed: {output.strip().rpartition(chr(10))[2]}"])
    result = Result()
    skipped = []
    for package in found["dependencies"]:
        if "skip_reason" in package:
            skipped.append(package["name"])
            continue
        result.packages += 1
        for each in package["vulns"]:
            fixed = f"fixed in {', '.join(each['fix_versions'])}" if each["fix_versions"] else "not fixed yet"
            result.vulnerabilities.append(f"{package['name']} {package['version']}: {each['id']}, {fixed}")
    if skipped:
        result.unknown = [f"the registry has no audit of {', '.join(skipped)}"]
    return result


def read_npm_audit(output: str) -> Result:
    """Read the JSON of `npm audit`."""
    found = _parsed(output)
    if "vulnerabilities" not in found:
        return Result(unknown=[f"the registry answers {found.get('statusCode', 'nothing')} to npm audit"])
    result = Result(packages=found["metadata"]["dependencies"]["total"])
    for name, package in sorted(found["vulnerabilities"].items()):
        reasons = ", ".join(via["title"] if isinstance(via, dict) else f"through {via}" for via in package["via"])
        result.vulnerabilities.append(f"{name} {package['range']}: {package['severity']}, {reasons}")
    return result


def _parsed(output: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(output)
    except ValueError:
        return {}
    return found


def results() -> Iterator[tuple[Path, Result]]:
    """Yield the result of every lock file. A registry without an audit is asked for one file only."""
    for path in PYTHON:
        command = [str(PIP_AUDIT), "--requirement", str(path), "--require-hashes", "--disable-pip", "--format", "json"]
        result = read_pip_audit(_output([*command, "--progress-spinner", "off"]))
        yield path, result
        if not result.can_tell:
            break
    environment = environment_with_node()
    npm = shutil.which("npm", path=environment["PATH"]) or "npm"
    for path in NPM:
        output = _output([npm, "audit", "--package-lock-only", "--json"], environment, path.parent)
        yield path, read_npm_audit(output)


def _output(command: list[str], environment: dict[str, str] | None = None, folder: Path = ROOT) -> str:
    """Return the output, or the error without one. The exit code does not tell a vulnerability from an error."""
    done = subprocess.run(
        command, cwd=folder, env=environment or dict(os.environ), capture_output=True, text=True, check=False
    )
    return done.stdout or done.stderr


def main() -> None:
    """Audit all lock files."""
    vulnerable = False
    for path, result in results():
        print(f"{path.relative_to(ROOT)}:", *result.lines(), sep="\n  ")
        vulnerable |= bool(result.vulnerabilities)
    sys.exit(1 if vulnerable else 0)


if __name__ == "__main__":
    main()
