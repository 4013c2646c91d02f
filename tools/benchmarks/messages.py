"""Goal 3: our own CPU per message in a batch of ten, relative to parsing it."""

from tools.benchmarks.consumers import measured
from tools.benchmarks.measure import Progress
from tools.benchmarks.report import Figure, Section

GOAL = 12


def run(progress: Progress) -> Section:
    """Measure every queue consumer of the templates."""
    section = Section(3, "our own CPU per message, in a batch of ten", "json.loads of that message")
    for name, figures in measured(progress, section.notes).items():
        section.figures.append(Figure(name, figures.own * 1e6, "µs", figures.parse * 1e6, GOAL))
    section.notes.append("Without SDK calls, which are replaced, and without image processing.")
    return section
