"""`make chaos`: run the system under injected faults and verify its invariants.

`python -m tools.chaos --count 300 --seed 1`. Exit codes: 0 every invariant holds, 1 one is broken, 2 wrong usage.
"""

import argparse
import sys
import tempfile
import threading
import time
from pathlib import Path

from rich.console import Console

from tools.chaos.report import print_report
from tools.chaos.run import Chaos, Options

SECONDS_BETWEEN = 10


def main() -> None:
    """Read the command line, run, print."""
    parser = argparse.ArgumentParser(prog="python -m tools.chaos", description=__doc__)
    parser.add_argument("--count", type=int, default=300, help="number of requests")
    parser.add_argument("--seed", type=int, default=1, help="seed of prompts, faults, kills and copies")
    parser.add_argument("--share", type=float, default=0.1, help="share of calls that get a fault")
    parser.add_argument("--kills", type=int, help="number of workers to kill; default: one per ten requests")
    parser.add_argument("--deadline", type=float, default=1000, help="seconds after which the run stops")
    parser.add_argument("--worker", choices=["lambda", "process"], default="lambda", help="what generates images")
    parser.add_argument("--keep", type=Path, help="keep the logs in this folder")
    arguments = parser.parse_args()
    options = Options(
        count=arguments.count,
        seed=arguments.seed,
        share=arguments.share,
        kills=arguments.count // 10 if arguments.kills is None else arguments.kills,
        deadline=arguments.deadline,
        worker=arguments.worker == "process",
    )
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    with tempfile.TemporaryDirectory(prefix="chaos-") as temporary:
        directory = arguments.keep.resolve() if arguments.keep else Path(temporary)
        report = run(console, directory, options)
    print_report(console, report)
    sys.exit(0 if report.good else 1)


def run(console: Console, directory: Path, options: Options):  # type: ignore[no-untyped-def]
    """Run and show progress."""
    started, finished = time.monotonic(), threading.Event()
    with console.status("starting") as status:
        chaos = Chaos(directory, options, progress=lambda text: console.print(f"[cyan]•[/] {text}"))

        def watch() -> None:
            printed_at = 0.0
            while not finished.wait(0.5):
                line = f"{time.monotonic() - started:4.0f} s  " + "  ".join(
                    f"{name} {count}" for name, count in chaos.counts().items()
                )
                status.update(line)
                if not console.is_terminal and time.monotonic() - printed_at >= SECONDS_BETWEEN:
                    printed_at = time.monotonic()
                    console.print(line)

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            return chaos.run()
        finally:
            finished.set()
            watcher.join()


if __name__ == "__main__":
    main()
