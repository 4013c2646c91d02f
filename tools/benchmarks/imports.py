"""Goal 1: the CPU of a function's cold import, relative to importing boto3 and creating the same clients."""

from collections.abc import Callable
from functools import partial

from tools.benchmarks.functions import Function, functions
from tools.benchmarks.measure import ChildError, Progress, interleaved, run_child
from tools.benchmarks.report import Figure, Section

ROUNDS = 9
GOALS = {"consumer": 1.30, "api": 1.60}


def run(progress: Progress) -> Section:
    """Measure every function of the templates."""
    section = Section(1, "cold import of every function", "import boto3 and create that function's own clients (CPU)")
    floors: dict[str, str] = {}
    measurements: dict[str, Callable[[], float]] = {}
    found = {function.name: function for function in functions()}
    for name, function in found.items():
        progress(f"clients of {name}")
        try:
            floors[name] = clients_of(function)
        except ChildError as error:
            section.notes.append(f"{name} cannot be imported: {str(error).splitlines()[-1][:150]}")
            continue
        measurements[name] = partial(_cpu, import_statement(function), function)
        measurements.setdefault(floors[name], partial(_cpu, floors[name], function))
    medians = interleaved(measurements, ROUNDS, progress)
    for name, floor in floors.items():
        kind = found[name].kind
        section.figures.append(
            Figure(f"{name} ({kind})", medians[name] * 1000, "ms", medians[floor] * 1000, GOALS[kind])
        )
    section.notes.append(f"Medians of {ROUNDS} interleaved rounds, each in a fresh process with warm bytecode.")
    return section


def import_statement(function: Function) -> str:
    """Return the statement that imports a handler as Lambda's runtime does."""
    return f"import {function.handler.rsplit('.', 1)[0]}"


def clients_of(function: Function) -> str:
    """Return statements that create the same clients as the import of ``function``."""
    module = function.handler.rsplit(".", 1)[0]
    return run_child("record_clients.py", module, environment=function.process_environment)


def _cpu(statements: str, function: Function) -> float:
    return float(run_child("cold_import.py", statements, environment=function.process_environment))
