"""`make chaos`: the system in a storm of injected faults, and whether its promises held.

`python -m tools.chaos --count 300 --seed 1`. Exit codes: 0 everything held, 1 something broke, 2 wrong usage.
"""

import argparse
import sys
import tempfile
import threading
import time
from pathlib import Path

from rich.console import Console

from tools.chaos.run import Chaos, Options
from tools.chaos.tables import print_report

SECONDS_BETWEEN = 10


def main() -> None:
    """Read the command line, run, print."""
    parser = argparse.ArgumentParser(prog="python -m tools.chaos", description=__doc__)
    parser.add_argument("--count", type=int, default=300, help="requests")
    parser.add_argument("--seed", type=int, default=1, help="of prompts, faults, kills and copies")
    parser.add_argument("--share", type=float, default=0.1, help="of the calls that get a fault")
    parser.add_argument("--kills", type=int, help="workers killed; by default one for ten requests")
    parser.add_argument("--deadline", type=float, default=1000, help="seconds after which it stops and says what hangs")
    parser.add_argument("--keep", type=Path, help="a folder for the logs; by default they are thrown away")
    arguments = parser.parse_args()
    options = Options(
        count=arguments.count,
        seed=arguments.seed,
        share=arguments.share,
        kills=arguments.count // 10 if arguments.kills is None else arguments.kills,
        deadline=arguments.deadline,
    )
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    with tempfile.TemporaryDirectory(prefix="chaos-") as throw_away:
        directory = arguments.keep.resolve() if arguments.keep else Path(throw_away)
        report = run(console, directory, options)
    print_report(console, report)
    sys.exit(0 if report.good else 1)


def run(console: Console, directory: Path, options: Options):  # type: ignore[no-untyped-def]
    """Run it with its progress shown."""
    started, over = time.monotonic(), threading.Event()
    with console.status("starting") as status:
        chaos = Chaos(directory, options, say=lambda text: console.print(f"[cyan]•[/] {text}"))

        def watch() -> None:
            told = 0.0
            while not over.wait(0.5):
                line = f"{time.monotonic() - started:4.0f} s  " + "  ".join(
                    f"{name} {count}" for name, count in chaos.progress().items()
                )
                status.update(line)
                if not console.is_terminal and time.monotonic() - told >= SECONDS_BETWEEN:
                    told = time.monotonic()
                    console.print(line)

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            return chaos.run()
        finally:
            over.set()
            watcher.join()


if __name__ == "__main__":
    main()
