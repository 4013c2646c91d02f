"""Package a built template as `sam package` and CloudFormation's macros do: artifacts uploaded, plain CloudFormation.

`sam package` itself takes five seconds per deployment, and the emulator does not apply macros to nested templates.
"""

import hashlib
import io
import json
import subprocess
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from local.build import SAM_PYTHON
from local.emulator import REGION, ROOT
from local.loops import expand
from local.templates import parse_template

Upload = Callable[[str, bytes], str]
"""Takes a key and a body, returns the URL of the object."""
Template = dict[str, Any]

ARTIFACTS = {"AWS::Serverless::Function": "CodeUri", "AWS::Serverless::LayerVersion": "ContentUri"}


def package(path: Path, upload: Upload) -> Template:
    """Return the built template at ``path`` as plain CloudFormation, with all artifacts uploaded.

    Nested applications must not contain further ones.
    """
    root = _with_artifacts(path, upload)
    applications = {
        name: path.parent / resource["Properties"]["Location"]
        for name, resource in root["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Application"
    }
    nested = [_with_artifacts(location, upload) for location in applications.values()]
    plain_root, *plain_nested = transform([root, *nested])
    for name, plain in zip(applications, plain_nested, strict=True):
        content = json.dumps(plain).encode()
        plain_root["Resources"][name]["Properties"]["TemplateURL"] = upload(_key(content, "template"), content)
    return plain_root


def plain_templates(**parameters: str) -> list[tuple[Path, Template]]:
    """Return the path of every source template, and the template as plain CloudFormation, without artifacts.

    ``parameters`` replace defaults: SAM decides by some of them what it generates.
    """
    paths = [ROOT / "template.yaml", *sorted(ROOT.glob("services/*/*.yaml"))]
    templates = [expand(parse_template(path.read_text())) for path in paths]
    for template in templates:
        for name in parameters.keys() & template.get("Parameters", {}).keys():
            template["Parameters"][name]["Default"] = parameters[name]
        for resource in template["Resources"].values():
            if artifact := ARTIFACTS.get(resource["Type"]):
                resource["Properties"][artifact] = "s3://bucket/key"
    return list(zip(paths, transform(templates), strict=True))


def zipped(folder: Path) -> bytes:
    """Return ``folder`` as a zip file. Equal content gives equal bytes: all time stamps are 1980, as SAM does."""
    content = io.BytesIO()
    with zipfile.ZipFile(
        content, "w", zipfile.ZIP_STORED
    ) as archive:  # on loopback, compression takes longer than it saves
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(str(path.relative_to(folder)))
            entry.external_attr = (path.stat().st_mode & 0o777) << 16
            archive.writestr(entry, path.read_bytes())
    return content.getvalue()


def _with_artifacts(path: Path, upload: Upload) -> Template:
    """Return the template at ``path`` with expanded loops and uploaded functions and layers."""
    body = expand(parse_template(path.read_text()))
    for resource in body["Resources"].values():
        if artifact := ARTIFACTS.get(resource["Type"]):
            content = zipped(path.parent / resource["Properties"][artifact])
            resource["Properties"][artifact] = _s3_uri(upload(_key(content, "zip"), content))
    return body


def transform(templates: Iterable[Template]) -> list[Template]:
    """Apply the SAM transform in SAM's own environment, to all templates at once: it takes a second to start."""
    done = subprocess.run(
        [SAM_PYTHON, str(ROOT / "local" / "sam_transform.py"), REGION],
        input=json.dumps(list(templates)),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"SAM transform\n{done.stderr}")
    plain: list[Template] = json.loads(done.stdout)
    return plain


def _key(content: bytes, suffix: str) -> str:
    return f"{hashlib.sha256(content).hexdigest()[:32]}.{suffix}"


def _s3_uri(url: str) -> str:
    bucket, key = url.rsplit("/", 2)[-2:]
    return f"s3://{bucket}/{key}"
