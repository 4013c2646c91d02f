"""What another policy would change, as a table."""

from collections.abc import Iterable

from rich.table import Table

from cli.console import new_table
from services.moderation.schemas import ShadowChangeView


def shadow_table(changes: Iterable[ShadowChangeView]) -> Table:
    """Return one row per policies, subject, change and category."""
    table = new_table("policy", "shadow policy", "of", "change", "category", "#count", "samples (requests)")
    for row in changes:
        table.add_row(
            row.policy_version,
            row.shadow_version,
            row.subject,
            row.change.replace("_", " "),
            row.category,
            str(row.count),
            "\n".join(row.samples),
        )
    return table
