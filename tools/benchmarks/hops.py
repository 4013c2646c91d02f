"""Goal 4: the CPU of one hop, relative to the CPU of its SDK calls."""

from tools.benchmarks.consumers import measured
from tools.benchmarks.measure import Progress
from tools.benchmarks.report import Figure, Section

GOAL = 1.25


def run(progress: Progress) -> Section:
    """Measure every queue consumer of the templates."""
    section = Section(4, "CPU of one hop with one message", "the same SDK calls only")
    for name, figures in measured(progress, section.notes).items():
        calls = ", ".join(figures.operations)
        section.figures.append(Figure(f"{name}: {calls}", figures.hop * 1e6, "µs", figures.calls * 1e6, GOAL))
    section.notes.append("A stub replaces the socket at botocore's before-send; everything else of the SDK runs.")
    return section
