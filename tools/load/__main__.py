"""`make load`: users on a stack of its own, what they waited for, and whether anything was lost or leaked.

`python -m tools.load --users 20 --minutes 2`. Exit codes: 0 everything holds, 1 something does not, 2 wrong usage.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from tools.load.report import print_report
from tools.load.run import LoadError, run


def main() -> None:
    """Read the command line, run, print."""
    parser = argparse.ArgumentParser(prog="python -m tools.load", description=__doc__)
    parser.add_argument("--users", type=_positive, default=20, help="users at the same time")
    parser.add_argument("--minutes", type=float, default=2, help="duration; leaks are judged from seven minutes on")
    parser.add_argument("--keep", type=Path, help="keep the logs in this folder")
    arguments = parser.parse_args()
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    with tempfile.TemporaryDirectory(prefix="load-", ignore_cleanup_errors=True) as temporary:
        directory = arguments.keep.resolve() if arguments.keep else Path(temporary)
        directory.mkdir(parents=True, exist_ok=True)
        try:
            result = run(
                directory, arguments.users, arguments.minutes, lambda text: console.print(f"[cyan]•[/] {text}")
            )
        except LoadError as error:
            sys.exit(str(error))
    print_report(console, result)
    sys.exit(0 if all(result.checks.values()) else 1)


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError("at least one user is needed")
    return number


if __name__ == "__main__":
    main()
