"""Goal 3: our own CPU for one message of a batch of ten, against parsing it."""

from tools.benchmarks.consumers import measured
from tools.benchmarks.measure import Say
from tools.benchmarks.report import Figure, Section

GOAL = 12


def run(say: Say) -> Section:
    """Measure every queue consumer the templates declare."""
    section = Section(3, "our own CPU for one message, in a batch of ten", "json.loads of that message")
    for name, figures in measured(say, section.notes).items():
        section.figures.append(Figure(name, figures.own * 1e6, "µs", figures.parse * 1e6, GOAL))
    section.notes.append("All but SDK calls, which are answered at once, and decoding and encoding images.")
    return section
