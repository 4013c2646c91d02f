"""The environments of samconfig.toml."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from local.emulator import ROOT

FILE: Final = ROOT / "samconfig.toml"
DEFAULT: Final = "dev"


class UnknownEnvironmentError(ValueError):
    """samconfig.toml has no environment of this name."""


@dataclass(frozen=True)
class Environment:
    """One environment: where its stack is, and the template parameters that samconfig.toml sets."""

    name: str
    stack: str
    region: str
    parameters: Mapping[str, str]

    @property
    def prefix(self) -> str:
        """Prefix of all physical names."""
        return f"genai-images-{self.parameters['Environment']}"


def load(name: str) -> Environment:
    """Read one environment. Raises ``UnknownEnvironmentError``."""
    config = tomllib.loads(FILE.read_text())
    deployable = sorted(key for key, values in config.items() if isinstance(values, dict) and "deploy" in values)
    if name not in deployable:
        raise UnknownEnvironmentError(
            f"ENV={name}: samconfig.toml has no such environment, but {', '.join(deployable)}."
        )
    values = config[name]["global"]["parameters"]
    parameters = dict(pair.split("=", 1) for pair in values["parameter_overrides"])
    return Environment(name, values["stack_name"], values["region"], parameters)
