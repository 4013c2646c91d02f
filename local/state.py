"""The state of the stack that `make run` started, in `.local/state.json`, where other commands find it.

`python -m local.state COMMAND…` runs a command with the environment that boto3 needs for it. With AWS=1, the command
uses your AWS account: the region and names are those of ENV in samconfig.toml. If GENAI_IMAGES_PREFIX names an
installation already, or without a running stack, the environment is unchanged.
"""

import json
import os
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

from local import samconfig
from local.emulator import ROOT, operator_environment

DIRECTORY = ROOT / ".local"
FILE = DIRECTORY / "state.json"
STACK = "genai-images-local"
"""Name of the local CloudFormation stack."""


@dataclass(frozen=True)
class State:
    """A running local stack."""

    pid: int
    """Process id of the runner. Stopping it stops everything."""
    endpoint_url: str
    models_url: str
    api_url: str
    prefix: str
    """Prefix of all physical names."""
    outputs: dict[str, str]
    api_key: str
    """Key of the owner ``demo``."""
    admin_key: str
    parameters: dict[str, str] = field(default_factory=dict)
    """Those of the template that `make run` chose, which `make deploy` keeps."""

    def save(self) -> None:
        """Write the state file."""
        DIRECTORY.mkdir(exist_ok=True)
        FILE.write_text(json.dumps(asdict(self), indent=2))


def load(file: Path = FILE) -> State | None:
    """Return the running stack, or None if there is none or its process has ended."""
    try:
        found = State(**json.loads(file.read_text()))
        os.kill(found.pid, 0)
    except (OSError, ValueError, TypeError):
        return None
    return found


def environment(running: State) -> dict[str, str]:
    """Return the environment that boto3 needs to reach ``running``."""
    return {
        **operator_environment(running.endpoint_url, running.models_url, running.prefix),
        "GENAI_IMAGES_STACK": STACK,
        "GENAI_IMAGES_API_URL": running.api_url,
    }


def account_environment(deployed: samconfig.Environment) -> dict[str, str]:
    """Return the environment with which commands find ``deployed`` in your AWS account."""
    return {
        "AWS_REGION": deployed.region,
        "AWS_DEFAULT_REGION": deployed.region,
        "GENAI_IMAGES_PREFIX": deployed.prefix,
        "GENAI_IMAGES_STACK": deployed.stack,
    }


def main() -> None:
    """Replace this process by the command of the arguments."""
    command = sys.argv[1:]
    more: dict[str, str] = {}
    if os.environ.get("AWS") != "1":
        running = load()
        more = environment(running) if running else {}
    elif "GENAI_IMAGES_PREFIX" not in os.environ:
        try:
            more = account_environment(samconfig.load(os.environ.get("ENV") or samconfig.DEFAULT))
        except samconfig.UnknownEnvironmentError as error:
            sys.exit(str(error))
    os.execvpe(command[0], command, {**os.environ, **more})


if __name__ == "__main__":
    main()
