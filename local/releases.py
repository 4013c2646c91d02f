"""Give every built service a digest of all that its functions consist of, so that each change publishes new versions.

SAM publishes a version of a function only if its own code or the text of its environment changes. A change of a layer
or of a parameter's value would reach the function, but not the version behind its alias.
"""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

VARIABLE = re.compile(r"^( +RELEASE: )\S+", re.MULTILINE)
"""The variable in a template's `Globals` that receives the digest."""
ROOT_LAYERS = ("SharedLayer", "CryptoLayer", "CacheLayer")


def insert_releases(build_dir: Path, parameters: Mapping[str, str]) -> dict[str, str]:
    """Write the digest into the template of every service below ``build_dir``; return the digests by application.

    ``parameters`` are the deployment's. Raises ``ValueError`` if a template has functions but no
    variable for the digest.
    """
    common = hashlib.sha256(repr(sorted(parameters.items())).encode() + (build_dir / "template.yaml").read_bytes())
    for layer in ROOT_LAYERS:
        _add_files(common, build_dir / layer)
    releases = {}
    for path in sorted(build_dir.glob("*/template.yaml")):
        template = path.read_text()
        if "AWS::Serverless::Function" not in template:
            continue
        digest = common.copy()
        digest.update(VARIABLE.sub(r"\1", template).encode())
        for folder in sorted(each for each in path.parent.iterdir() if each.is_dir()):
            _add_files(digest, folder)
        release = f"r{digest.hexdigest()[:16]}"  # a letter first, so that YAML never reads it as a number
        stamped, count = VARIABLE.subn(rf"\g<1>{release}", template)
        if count != 1:
            raise ValueError(f"{path}: Globals must set the variable RELEASE once, but it is set {count} times.")
        path.write_text(stamped)
        releases[path.parent.name] = release
    return releases


def _add_files(digest: "hashlib._Hash", folder: Path) -> None:
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(folder.parent)}\0{len(content)}\0".encode() + content)
