"""CPU of the queue consumers, each measured in its own process."""

import json
from dataclasses import dataclass
from functools import cache

from local.emulator import ROOT
from tools.benchmarks import runtime
from tools.benchmarks.functions import Function, functions
from tools.benchmarks.measure import ChildError, Progress, run_child


@dataclass(frozen=True)
class ConsumerFigures:
    """CPU seconds; see ``children/handle.py``."""

    own: float
    parse: float
    hop: float
    calls: float
    operations: list[str]


def measured(progress: Progress, notes: list[str]) -> dict[str, ConsumerFigures]:
    """Return the figures of every queue consumer, with a note for each that cannot be measured."""
    found = {}
    for function in functions():
        if not function.consumes_queue:
            continue
        progress(function.name)
        try:
            found[function.name] = _measured(function.name)
        except ChildError as error:
            notes.append(f"{function.name} could not be measured: {str(error).strip().splitlines()[-1][:150]}")
    return found


@cache
def _measured(name: str) -> ConsumerFigures:
    function: Function = next(function for function in functions() if function.name == name)
    path = (ROOT, runtime.dependencies(), runtime.sdk(), runtime.stand_in())
    figures = run_child("handle.py", function.handler, environment=function.process_environment, path=path)
    return ConsumerFigures(**json.loads(figures))
