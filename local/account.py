"""Deploy to an AWS account: check the parameters, build, and run `sam deploy`.

`python -m local.account [--env prod] [ARGUMENT OF SAM DEPLOY…]`; `PARAMETERS="Name=value …"` in the environment adds
to the parameters of samconfig.toml. `make deploy AWS=1 ENV=prod` calls it.
"""

import argparse
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence

from local import samconfig
from local.build import SAM_PYTHON, BuildError, build, build_lock, version
from local.emulator import ROOT
from local.images import image_services, root_variant
from local.parameters import FROM_SAMCONFIG, problems
from local.templates import parse_template


class RefusedError(ValueError):
    """The deployment would fail. The text says what to change."""


def parameters(environment: samconfig.Environment, given: str) -> dict[str, str]:
    """Return all parameters of a deployment: those of samconfig.toml, ``given``, and the version of the code.

    Raises ``RefusedError`` with every reason for which CloudFormation would refuse them.
    """
    pairs = shlex.split(given)
    if wrong := [pair for pair in pairs if "=" not in pair]:
        raise RefusedError(f"PARAMETERS: {wrong[0]} is not Name=value.")
    added = dict(pair.split("=", 1) for pair in pairs)
    if fixed := [name for name in FROM_SAMCONFIG if name in added]:
        raise RefusedError(f"PARAMETERS: set {fixed[0]} in samconfig.toml, where the build reads it.")
    merged = {**environment.parameters, "Version": version(), **added}
    if added.get("Environment", environment.parameters["Environment"]) != environment.parameters["Environment"]:
        raise RefusedError(
            "PARAMETERS: Environment belongs to the stack. Add an environment to samconfig.toml instead."
        )
    template = root_variant(parse_template((ROOT / "template.yaml").read_text()), image_services(merged))
    found = problems(template, merged, environment.region)
    if found:
        lines = "".join(f"  {each}\n" for each in found)
        raise RefusedError(
            f"{environment.stack} cannot be deployed:\n{lines}"
            f'Set them in samconfig.toml, or with make deploy AWS=1 ENV={environment.name} PARAMETERS="Name=value …".'
        )
    return merged


def sam_deploy(environment: str, values: Mapping[str, str], more: Sequence[str]) -> list[str]:
    """Return the command that deploys what was built."""
    overrides = [f"{name}={_quoted(value)}" for name, value in values.items()]
    return [
        *(SAM_PYTHON, "-m", "samcli", "deploy", "--config-env", environment),
        *("--parameter-overrides", *overrides),
        *(["--resolve-image-repos"] if image_services(values) else []),
        *more,
    ]


def _quoted(value: str) -> str:
    """Quote a value for SAM, which splits at spaces and removes one pair of quotes."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def main() -> None:
    """Check, build, deploy."""
    parser = argparse.ArgumentParser(prog="python -m local.account", description="Deploy to an AWS account.")
    parser.add_argument("--env", default=samconfig.DEFAULT, help="environment in samconfig.toml")
    arguments, more = parser.parse_known_args()
    try:
        environment = samconfig.load(arguments.env)
        values = parameters(environment, os.environ.get("PARAMETERS", ""))
        print(f"{environment.stack} in {environment.region}, version {values['Version']}: sam build", flush=True)
        with build_lock():
            print(build(environment.name, values), flush=True)
    except (samconfig.UnknownEnvironmentError, RefusedError, BuildError) as error:
        sys.exit(str(error))
    done = subprocess.run(sam_deploy(environment.name, values, more), cwd=ROOT, check=False)
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
