"""What `sam package` and CloudFormation's macros do: artifacts to a bucket, templates to plain CloudFormation.

`sam package` itself takes five seconds a deploy, and the emulator does not apply macros to nested templates.
"""

import hashlib
import io
import json
import logging
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from local.emulator import REGION
from local.loops import expand

Upload = Callable[[str, bytes], str]
"""Takes a key and a body, returns the object's URL."""

ARTIFACTS = {"AWS::Serverless::Function": "CodeUri", "AWS::Serverless::LayerVersion": "ContentUri"}


def package(template: Path, upload: Upload) -> dict[str, Any]:
    """Return the built ``template`` as plain CloudFormation, with everything it refers to uploaded."""
    body = expand(yaml_parse(template.read_text()))
    for resource in body["Resources"].values():
        kind, properties = resource["Type"], resource.get("Properties", {})
        if kind in ARTIFACTS:
            content = zipped(template.parent / properties[ARTIFACTS[kind]])
            properties[ARTIFACTS[kind]] = _s3_uri(upload(_key(content, "zip"), content))
        elif kind == "AWS::Serverless::Application":
            nested = json.dumps(package(template.parent / properties["Location"], upload)).encode()
            properties["Location"] = upload(_key(nested, "template"), nested)
    return _without_macro(body)


def zipped(folder: Path) -> bytes:
    """Return ``folder`` as a zip file, the same for the same content: with time stamps of 1980, as SAM writes them."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:  # loopback: compressing costs more than it saves
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(str(path.relative_to(folder)))
            entry.external_attr = (path.stat().st_mode & 0o777) << 16
            archive.writestr(entry, path.read_bytes())
    return content.getvalue()


def _without_macro(body: dict[str, Any]) -> dict[str, Any]:
    """Apply the SAM macro; parameters stay references, except that it reads defaults where it must decide."""
    logging.getLogger("samtranslator").setLevel(logging.ERROR)
    translator = Translator(None, Parser(), boto_session=boto3.Session(region_name=REGION))
    plain: dict[str, Any] = translator.translate(body, {})
    return plain


def _key(content: bytes, suffix: str) -> str:
    return f"{hashlib.sha256(content).hexdigest()[:32]}.{suffix}"


def _s3_uri(url: str) -> str:
    bucket, key = url.rsplit("/", 2)[-2:]
    return f"s3://{bucket}/{key}"
