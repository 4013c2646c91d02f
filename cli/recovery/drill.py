"""The drill: its steps in order, each recorded before the next one starts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from cli.recovery.progress import BusyError, Drill, Progress, StepRecord


@dataclass(frozen=True)
class Step:
    """A step. Repeated from its start, it does what is left."""

    name: str
    about: str
    """What it does, for the dry run."""
    run: Callable[["Progress"], str]
    """Does it, and returns its result in a few words."""


def run(
    progress: Progress, steps: Sequence[Step], now: Callable[[], datetime], announce: Callable[[str], None]
) -> Drill:
    """Run the steps that are left. Whatever happens, the same command continues at the step that was interrupted.

    A drill whose first step fails has changed nothing, so it is forgotten.
    """
    drill = progress.drill
    try:
        for step in steps:
            record = drill.steps.get(step.name)
            if record and record.finished_at:
                continue
            drill.steps[step.name] = record or StepRecord(started_at=now())
            progress.save()
            announce(step.name)
            result = step.run(progress)
            drill.steps[step.name] = drill.steps[step.name].model_copy(update={"finished_at": now(), "result": result})
            progress.save()
        progress.finish()
    except BusyError:  # another process has taken over
        raise
    except BaseException:  # also an interrupt: the next run need not wait for a sign of life
        if any(record.finished_at for record in drill.steps.values()):
            progress.release()
        else:
            progress.discard()
        raise
    return drill
