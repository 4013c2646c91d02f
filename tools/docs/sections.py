"""Generated sections of documents that are written by hand: between a comment ``<!-- begin NAME -->`` and its end."""

import re
from pathlib import Path
from typing import Any, Final

from events.model_catalog import model_catalog
from local.templates import parse_template
from tools.docs.idle_cost import idle_cost_table
from tools.docs.model_table import model_table
from tools.docs.policy_tables import category_table, guardrail_table, policy_table
from tools.docs.privacy import regions_table, stores_table
from tools.moderation.bias import summary
from tools.scale.page import scale_sections

OFF_BY_DEFAULT: Final = ("backups.yaml",)
"""Nested templates that the idle cost of the default leaves out."""


def insert(text: str, name: str, section: str) -> str:
    """Return ``text`` with ``section`` between the comments of ``name``. Raises ``ValueError`` if they are missing."""
    begin, end = f"<!-- begin {name} -->\n", f"<!-- end {name} -->"
    if text.count(begin) != 1 or text.count(end) != 1:
        raise ValueError(f"a document lacks {begin.strip()} or {end}")
    before, _, rest = text.partition(begin)
    return f"{before}{begin}\n{section}\n{end}{rest.partition(end)[2]}"


def parameter_table(template: dict[str, Any]) -> str:
    """Return a table of all parameters of the root template."""
    rows = ["| parameter | default | values | meaning |", "| --- | --- | --- | --- |"]
    for name, parameter in template["Parameters"].items():
        default = str(parameter.get("Default", ""))
        shown = f"`{default}`" if default and len(default) <= 40 else "see template.yaml" if default else ""
        rows.append(f"| `{name}` | {shown} | {_values(parameter)} | {parameter.get('Description', '')} |")
    return "\n".join(rows) + "\n"


def _values(parameter: dict[str, Any]) -> str:
    if "ConstraintDescription" in parameter:
        return re.sub(r"^must (be|have) |\.$", "", str(parameter["ConstraintDescription"]))
    return ", ".join(f"`{value}`" for value in parameter.get("AllowedValues", []))


def sections(root: Path) -> dict[Path, str]:
    """Return the documents with generated sections."""
    template = parse_template((root / "template.yaml").read_text())
    deploy, cost, scale = root / "docs/deploy.md", root / "docs/cost.md", root / "docs/scale.md"
    privacy = root / "docs/privacy.md"
    privacy_text = insert(privacy.read_text(), "stores", stores_table(root))
    scale_text = scale.read_text()
    for name, section in scale_sections(root).items():
        scale_text = insert(scale_text, name, section)
    safety = root / "docs/safety.md"
    safety_text = insert(safety.read_text(), "categories", category_table())
    safety_text = insert(safety_text, "guardrail", guardrail_table())
    responsible = root / "docs/responsible-ai.md"
    responsible_text = insert(responsible.read_text(), "models", model_table(model_catalog()))
    return {
        safety: insert(safety_text, "policies", policy_table()),
        responsible: insert(responsible_text, "moderation-bias", summary()),
        deploy: insert(deploy.read_text(), "parameters", parameter_table(template)),
        cost: insert(cost.read_text(), "idle", idle_cost_table(root)),
        scale: scale_text,
        privacy: insert(privacy_text, "regions", regions_table(model_catalog())),
    }
