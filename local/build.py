"""`sam build`, with bytecode that is valid on Lambda, and with artifacts that contain only what a handler imports.

`python -m local.build [--env prod]` builds for AWS, with the runtime and architecture that samconfig.toml sets for
the environment. `build_local()` builds for this machine's interpreter in a separate folder.
"""

import argparse
import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grimp

from local import samconfig
from local.emulator import REGION, ROOT
from local.images import image_services, write_variants
from local.releases import insert_releases
from local.templates import parse_template

LOCAL_BUILD = ROOT / ".aws-sam" / "local"
SAM_PYTHON = str(Path(sys.prefix) / "sam" / "bin" / "python")
"""The interpreter of SAM's own environment, which `make .venv/ready` installs."""
PLATFORMS = {
    "arm64": "aarch64-manylinux_2_28",
    "x86_64": "x86_64-manylinux_2_28",
}
"""Architecture of Lambda → platform of its wheels. Amazon Linux 2023 has glibc 2.34."""
SHARED = ("events", "kit", "layer")
"""Folders from which the shared layer is built."""
NOT_CODE = ("README.md", "tests")


class BuildError(RuntimeError):
    """`sam build` failed. The text is its output."""


@dataclass(frozen=True)
class Target:
    """The runtime for which artifacts are built."""

    runtime: str
    """Name of the Lambda runtime, such as ``python3.13``."""
    architecture: str
    wheels: str
    """The platform of binary wheels, in uv's notation."""

    @property
    def version(self) -> str:
        """The Python version, such as ``3.13``."""
        return self.runtime.removeprefix("python")

    @classmethod
    def of(cls, environment: str) -> "Target":
        """Read the target of ``environment`` from samconfig.toml."""
        parameters = samconfig.load(environment).parameters
        architecture = parameters["Architecture"]
        return cls(parameters["Runtime"], architecture, PLATFORMS[architecture])

    @classmethod
    def host(cls) -> "Target":
        """Return the interpreter of this machine, with which the emulator runs functions."""
        machine = {"aarch64": "arm64", "amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
        mac = {"arm64": "aarch64-apple-darwin", "x86_64": "x86_64-apple-darwin"}
        wheels = (mac if sys.platform == "darwin" else PLATFORMS)[machine]
        return cls(f"python{sys.version_info.major}.{sys.version_info.minor}", machine, wheels)


def build(environment: str, parameters: Mapping[str, str]) -> str:
    """Build for AWS into .aws-sam/build; return a summary of the bytecode.

    A change of ``parameters``, those of the deployment, publishes new versions of the functions.
    """
    target = Target.of(environment)
    interpreter = find_interpreter(target.version)
    services = image_services(parameters)
    template = ["--template-file", str(write_variants(services, target.version))] if services else []
    _sam_build(target, interpreter, "--config-env", environment, *template)
    build_dir = ROOT / ".aws-sam" / "build"
    summary = finish(build_dir, target, interpreter)
    insert_releases(build_dir, parameters)
    return summary


def version() -> str:
    """Return the version of the code for the parameter ``Version``: the nearest tag and commit, or ``unknown``."""
    command = ["git", "describe", "--tags", "--always", "--dirty"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def build_local() -> bool:
    """Build for this machine into ``LOCAL_BUILD`` if something changed since the last build; return whether it did.

    Hold ``build_lock`` while you call it and read the artifacts.
    """
    target = Target.host()
    stamp = LOCAL_BUILD / ".sources"
    digest = _sources_digest(target)
    if stamp.exists() and stamp.read_text() == digest:
        return False
    _sam_build(
        target,
        sys.executable,
        *("--config-env", "local"),
        *("--parameter-overrides", f"Runtime={target.runtime} Architecture={target.architecture}"),
    )
    finish(LOCAL_BUILD, target, sys.executable)
    insert_releases(LOCAL_BUILD, parameters={})
    stamp.write_text(digest)
    return True


@contextmanager
def build_lock(what: str = "lock") -> Iterator[None]:
    """Prevent two processes from building into the same folder at the same time."""
    folder = ROOT / ".aws-sam"
    folder.mkdir(exist_ok=True)
    with (folder / what).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def find_interpreter(version: str) -> str | None:
    """Return a Python of ``version`` on this machine, to compile bytecode with, or None."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found = subprocess.run(
        ["uv", "python", "find", "--no-python-downloads", "--managed-python", version],
        env=_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    candidates = [
        sys.executable,
        shutil.which(f"python{version}"),
        *sorted(map(str, pyenv.glob(f"versions/{version}*/bin/python{version}"))),
        found.stdout.strip(),
    ]
    for candidate in filter(None, candidates):
        answer = subprocess.run(
            [candidate, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
            capture_output=True,
            text=True,
            check=False,
        )
        if answer.stdout.strip() == version:
            return str(candidate)
    return None


def finish(build_dir: Path, target: Target, interpreter: str | None) -> str:
    """Reduce each function's artifact to the modules that its handler imports, and add bytecode. Return a summary.

    Layers are compiled by their own makefiles, so that SAM caches the result.
    """
    artifacts = [package.parent for package in sorted(build_dir.glob("*/*/services"))]
    graph = grimp.build_graph("services", exclude_type_checking_imports=True, cache_dir=None)
    for artifact in artifacts:
        resources = parse_template((artifact.parent / "template.yaml").read_text())["Resources"]
        handler = str(resources[artifact.name]["Properties"]["Handler"]).rpartition(".")[0]
        _remove_modules_except(artifact, {handler, *graph.find_upstream_modules(handler)})
        for service in (artifact / "services").iterdir():
            for path in [*(service / name for name in NOT_CODE), *service.glob("*.yaml")]:
                _remove(path)
            for makefile in service.glob("*/Makefile"):  # the sources of a layer
                _remove(makefile.parent)
        if interpreter:
            options = ["-q", "-f", "-s", str(artifact), "-p", "/var/task", "--invalidation-mode", "unchecked-hash"]
            subprocess.run([interpreter, "-m", "compileall", *options, str(artifact)], check=True)
    if interpreter is None:
        return (
            f"No Python {target.version} on this machine: {len(artifacts)} functions have no bytecode. They work, but "
            f"start more slowly. To add it: uv python install {target.version}, delete .aws-sam, build again."
        )
    return f"{len(artifacts)} functions and their layers have bytecode for Python {target.version} ({interpreter})."


def _remove_modules_except(artifact: Path, imported: Set[str]) -> None:
    """Remove the modules that are not imported, and packages without any that is, with their data."""
    parts = [module.split(".") for module in imported]
    packages = {tuple(each[:length]) for each in parts for length in range(1, len(each) + 1)}
    for path in sorted((artifact / "services").rglob("*.py")):
        module = path.relative_to(artifact).with_suffix("").parts
        if module[:-1] not in packages:
            _remove(path.parent)
        elif module not in packages and path.name != "__init__.py":
            path.unlink()


def _sam_build(target: Target, interpreter: str | None, *arguments: str) -> None:
    environment = _environment(
        TARGET_PYTHON=target.version,
        TARGET_PLATFORM=target.wheels,
        TARGET_INTERPRETER=interpreter or f"python{target.version}",
    )
    done = subprocess.run(
        [SAM_PYTHON, "-m", "samcli", "build", *arguments],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BuildError(f"sam build {' '.join(arguments)}\n{done.stdout}{done.stderr}")


def _environment(**more: str) -> Mapping[str, str]:
    """Return this environment with the virtual environment first on PATH."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return {**os.environ, "PATH": path, "SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": REGION, **more}


def _sources_digest(target: Target) -> str:
    digest = hashlib.sha256(repr((target, sys.executable)).encode())
    files = [ROOT / "template.yaml", ROOT / "samconfig.toml", Path(__file__)]
    for folder in (
        *(ROOT / name for name in SHARED),
        *(path for path in (ROOT / "services").iterdir() if path.name != "web"),
    ):
        files += (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    files.append(ROOT / "services" / "web" / "template.yaml")  # the web app is not part of the build
    for path in sorted(files):
        digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def main() -> None:
    """Build for AWS."""
    parser = argparse.ArgumentParser(prog="python -m local.build", description="Build for AWS.")
    parser.add_argument("--env", default=samconfig.DEFAULT, help="environment in samconfig.toml")
    environment = parser.parse_args().env
    try:
        print(f"sam build for {environment}: {Target.of(environment)}", flush=True)
        with build_lock():
            print(build(environment, samconfig.load(environment).parameters))
    except (samconfig.UnknownEnvironmentError, BuildError) as error:
        sys.exit(str(error))
    print(f"Built into .aws-sam/build. `make deploy AWS=1 ENV={environment}` also deploys, with your credentials.")


if __name__ == "__main__":
    main()
