"""The audit trail as a table."""

from collections.abc import Mapping, Sequence

from rich.text import Text

from cli.console import console, new_table
from kit.trail import Action


def print_actions(actions: Sequence[Action], names: Mapping[str, str]) -> None:
    """Print operator, verb, subjects and outcome of actions, newest first. ``names`` has the names of owners by id."""
    out = console()
    if not actions:
        out.print("No actions.")
        return
    table = new_table("time (UTC)", "operator", "action", "about", "outcome")
    for action in actions:
        about = ", ".join(action.about.values()) or "all"
        table.add_row(
            f"{action.at:%Y-%m-%d %H:%M:%S}",
            Text(names.get(action.operator) or action.operator.rsplit("/", 1)[-1].rsplit(":", 1)[-1]),
            action.verb,
            Text(f"{action.count}: {about}"),
            Text(_outcome(action), style="" if action.finished_at and not action.error else "yellow"),
        )
    out.print(table)


def _outcome(action: Action) -> str:
    if action.outcome is None:
        return "unknown: running or interrupted"
    done = ", ".join(f"{count} {name}" for name, count in sorted(action.outcome.items())) or "nothing"
    return f"{done}; interrupted: {action.error}" if action.error else done
