"""`python -m tools.benchmarks [NAME…] [--json FILE]`: measure and print one table per goal."""

import argparse
import importlib
import time
from pathlib import Path

from rich.console import Console

from tools.benchmarks.report import Section, save, show

BENCHMARKS = {
    "imports": "goal 1: cold import of every function",
    "messages": "goal 3: our own CPU per message",
    "hops": "goal 4: CPU of one hop",
    "artifacts": "goals 2 and 6: deployed artifacts",
    "calls": "goal 5: AWS calls per image",
    "cost": "goals 7 and 10: dollars per 1,000 images, write units per image",
    "end_to_end": "goal 8: accepted to succeeded on the emulator",
    "reads": "goal 9: reads with a thousand and a million items",
    "cache": "the cache against DynamoDB alone: latency, calls, dollars",
    "edge": "hit ratio of the CDN of images, with a replayed access pattern",
    "throughput": "images per minute on the emulator, with instant models",
}


def main() -> None:
    """Run the benchmarks that the command line names."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.benchmarks",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Ratios against floors that are measured in the same run.",
        epilog="\n".join(f"{name:12}{about}" for name, about in BENCHMARKS.items()),
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="benchmarks to run; default: all")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results to this file")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(BENCHMARKS):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))} (choose from {', '.join(BENCHMARKS)})")
    console = Console(width=100)
    sections: list[Section] = []
    for name in BENCHMARKS:
        if name in (arguments.names or BENCHMARKS):
            sections += _measure(name, console)
    if arguments.json:
        save(sections, arguments.json)


def _measure(name: str, console: Console) -> list[Section]:
    started = time.monotonic()
    with console.status(f"{name}: {BENCHMARKS[name]}") as status:
        measured = importlib.import_module(f"tools.benchmarks.{name}").run(
            lambda progress: status.update(f"{name}: {progress}")
        )
    sections = measured if isinstance(measured, list) else [measured]
    for section in sections:
        show(section, console)
    console.print(f"{name}: {time.monotonic() - started:.0f} s\n", style="dim")
    return sections


if __name__ == "__main__":
    main()
