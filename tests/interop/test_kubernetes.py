"""The manifest of docs/kubernetes.md is valid: by the schemas of Kubernetes, and by models of KEDA's resources."""

import json
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.contract.test_kubernetes import MANIFEST
from tests.support.templates import ROOT

PYTHON: Final = ROOT / ".venv" / "interop" / "bin" / "python"
KUBERNETES: Final = "1.33"
OF_KEDA: Final = ["TriggerAuthentication", "ScaledObject"]
VALIDATE_KEDA: Final = """
import json, sys
from cloudcoil.models.keda import v1alpha1
kind, body = sys.argv[1], json.loads(sys.argv[2])
model = getattr(v1alpha1, kind)
def unknown(given, found, path=""):
    if isinstance(given, dict) and isinstance(found, dict):
        for name, value in given.items():
            if name not in found:
                yield f"{path}.{name}"
            else:
                yield from unknown(value, found[name], f"{path}.{name}")
    elif isinstance(given, list):
        for one, other in zip(given, found):
            yield from unknown(one, other, path)
found = json.loads(model.model_validate(body).model_dump_json(by_alias=True, exclude_none=True))
print(json.dumps(list(unknown(body, found))))
"""
"""Validates a resource and prints the fields that the model does not know."""


def validate(kind: str, body: Any, tmp_path: Path) -> "subprocess.CompletedProcess[str]":
    """Validate a resource of Kubernetes, strictly."""
    file = tmp_path / f"{kind}.yaml"
    file.write_text(yaml.safe_dump(body))
    command = [str(PYTHON), "-m", "kubernetes_validate", "--strict", "-k", KUBERNETES, str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def validate_keda(kind: str, body: Any) -> "subprocess.CompletedProcess[str]":
    """Validate a resource of KEDA."""
    command = [str(PYTHON), "-c", VALIDATE_KEDA, kind, json.dumps(body)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("kind", ["ServiceAccount", "Deployment"])
def test_a_resource_of_kubernetes_is_valid(kind: str, tmp_path: Path) -> None:
    done = validate(kind, MANIFEST[kind], tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_misspelt_field_is_found(tmp_path: Path) -> None:
    wrong = json.loads(json.dumps(MANIFEST["Deployment"]))
    wrong["spec"]["template"]["spec"]["terminationGracePeriod"] = 120
    assert validate("Deployment", wrong, tmp_path).returncode != 0


@pytest.mark.parametrize("kind", OF_KEDA)
def test_a_resource_of_keda_is_valid(kind: str) -> None:
    done = validate_keda(kind, MANIFEST[kind])
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [], "fields that KEDA does not know"


@pytest.mark.parametrize(("name", "value"), [("triggers", "none"), ("poolingInterval", 15)])
def test_a_wrong_field_of_keda_is_found(name: str, value: Any) -> None:
    wrong = json.loads(json.dumps(MANIFEST["ScaledObject"]))
    wrong["spec"][name] = value
    done = validate_keda("ScaledObject", wrong)
    assert done.returncode != 0 or json.loads(done.stdout) != []
