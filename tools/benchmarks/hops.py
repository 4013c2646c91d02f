"""Goal 4: the CPU of one hop, against that of the SDK calls it makes."""

from tools.benchmarks.consumers import measured
from tools.benchmarks.measure import Say
from tools.benchmarks.report import Figure, Section

GOAL = 1.25


def run(say: Say) -> Section:
    """Measure every queue consumer the templates declare."""
    section = Section(4, "CPU of one hop: a message alone", "the same SDK calls and nothing else")
    for name, figures in measured(say, section.notes).items():
        calls = ", ".join(figures.operations)
        section.figures.append(Figure(f"{name}: {calls}", figures.hop * 1e6, "µs", figures.calls * 1e6, GOAL))
    section.notes.append("SDK calls are whole but for the socket: a stub answers at botocore's before-send.")
    return section
