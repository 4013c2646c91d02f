"""What `trace` prints for people: ids, steps, times and errors, never a prompt."""

from rich.text import Text
from rich.tree import Tree

from services.operations.printing import console
from services.operations.tracing.logic import Happening, Step, Trace

BAD: dict[str, str] = {"ProcessingStalled": "bold red", "MessageReplayed": "yellow"}
TIME = "%H:%M:%S.%f"


def print_trace(trace: Trace) -> None:
    """Print the causal tree."""
    head = Text.assemble(
        (trace.request_id, "bold"),
        f"  {trace.status} after {trace.seconds:.3f} s, accepted {trace.accepted_at:%Y-%m-%d %H:%M:%S %Z}",
    )
    root = Tree(head, guide_style="dim")
    for happening in trace.events:
        _add(root, happening)
    out = console()
    out.print(root)
    if not trace.attempts_known:
        out.print(
            "The logs tell nothing of it (any more): attempts, waiting and working are not known.", style="yellow"
        )


def _add(parent: Tree, happening: Happening) -> None:
    line = Text.assemble(
        (happening.event, BAD.get(happening.event, "bold")),
        (f"  {happening.at.strftime(TIME)[:-3]}", "dim"),
        f"  +{happening.after_seconds:.3f} s",
        (f"  {happening.since_cause_seconds:.3f} s after its cause", "dim"),
        "" if happening.certain else ("  cause guessed", "yellow"),
    )
    branch = parent.add(line)
    for step in happening.steps:
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
    for happening in step.events:
        _add(branch, happening)
