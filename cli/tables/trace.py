"""A trace as a tree, with ids, steps, times and errors, never a prompt."""

from rich.text import Text
from rich.tree import Tree

from cli.console import console
from services.operations.tracing.trace import Step, Trace, TracedEvent

BAD: dict[str, str] = {"ProcessingStalled": "bold red", "MessageReplayed": "yellow"}
TIME = "%H:%M:%S.%f"


def print_trace(trace: Trace) -> None:
    """Print the causal tree."""
    head = Text.assemble(
        (trace.request_id, "bold"),
        f"  {trace.status} after {trace.seconds:.3f} s, accepted {trace.accepted_at:%Y-%m-%d %H:%M:%S %Z}",
    )
    root = Tree(head, guide_style="dim")
    for event in trace.events:
        _add(root, event)
    out = console()
    out.print(root)
    if not trace.attempts_known:
        out.print(
            "The logs contain nothing about this request, so attempts and times of steps are unknown.",
            style="yellow",
        )


def _add(parent: Tree, event: TracedEvent) -> None:
    line = Text.assemble(
        (event.event, BAD.get(event.event, "bold")),
        (f"  {event.at.strftime(TIME)[:-3]}", "dim"),
        f"  +{event.after_seconds:.3f} s",
        (f"  {event.since_cause_seconds:.3f} s after its cause", "dim"),
        "" if event.certain else ("  likely cause", "yellow"),
    )
    branch = parent.add(line)
    for step in event.steps:
        _add_step(branch, step)


def _add_step(parent: Tree, step: Step) -> None:
    line = Text(step.step, "cyan")
    if step.attempts:
        times = f"  waited {step.waited_seconds:.3f} s, worked {step.worked_seconds:.3f} s"
        line.append(times)
        line.append(f"  {step.attempts} attempts" if step.attempts > 1 else "", "yellow")
    branch = parent.add(line)
    for delivery in step.deliveries:
        if delivery.outcome != "handled":
            why = f"{delivery.error}: {delivery.reason}" if delivery.error else ""
            branch.add(Text(f"{delivery.at.strftime(TIME)[:-3]}  {delivery.outcome}  {why}", "red"))
    for call in step.calls:
        branch.add(Text(call, "dim"))
    for event in step.events:
        _add(branch, event)
