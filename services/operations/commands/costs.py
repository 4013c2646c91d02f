"""`ops costs`: what drawing costs, and what it may cost."""

import click

from services.operations.commands.budget import budget


@click.group()
def costs() -> None:
    """What drawing costs, and what it may cost in a day."""


costs.add_command(budget)
