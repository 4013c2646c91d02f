"""Bills of materials (SBOM) in CycloneDX's JSON: one per layer, and one for the web app with its build tools.

`python -m local.sbom` writes them to ``FOLDER``. They list what the lock files pin, with hashes.
"""

import subprocess
import sys
from pathlib import Path
from typing import Final

from local.emulator import ROOT
from local.node import NodeError
from local.web import APP

FOLDER: Final = ROOT / ".aws-sam" / "sbom"
LAYERS: Final = {
    "shared-layer": ROOT / "layer",
    "crypto-layer": ROOT / "layer" / "crypto",
    "cache-layer": ROOT / "layer" / "cache",
    "credentials-layer": ROOT / "services" / "storage" / "credentials",
    "imaging-layer": ROOT / "services" / "storage" / "imaging",
    "parquet-layer": ROOT / "services" / "analytics" / "parquet",
    "sdk-layer": ROOT / "services" / "operations" / "sdk",
}
"""Name → folder with the layer's requirements.txt."""


def write(folder: Path) -> list[Path]:
    """Write all bills of materials into ``folder``; return their paths. Raises ``NodeError`` if npm fails."""
    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / f"{name}.cdx.json" for name in (*LAYERS, "web")]
    for path, layer in zip(written, LAYERS.values(), strict=False):
        command = ["cyclonedx_py", "requirements", "--output-reproducible", "--pyproject", str(ROOT / "pyproject.toml")]
        options = ["--output-format", "JSON", "--output-file", str(path)]
        quietly = [sys.executable, "-W", "ignore", "-m"]  # it warns that a requirements file has no dependency graph
        subprocess.run([*quietly, *command, *options, str(layer / "requirements.txt")], check=True)
    command = ["npm", "sbom", "--sbom-format", "cyclonedx", "--package-lock-only"]
    written[-1].write_text(APP.run(*command, npm_config_loglevel="error"))  # npm's output is the document
    return written


def main() -> None:
    """Write the bills of materials of a build."""
    try:
        written = write(FOLDER)
    except NodeError as error:
        sys.exit(str(error))
    print("Bills of materials:", *(path.relative_to(ROOT) for path in written))


if __name__ == "__main__":
    main()
