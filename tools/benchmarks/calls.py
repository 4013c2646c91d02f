"""Goal 5: AWS calls per image, counted on the emulator in the functions themselves."""

import math
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from statistics import median

from tools.benchmarks.functions import Function, functions
from tools.benchmarks.measure import Progress
from tools.benchmarks.pipeline import MODEL_SERVICES, Call, Pipeline, made_during, running
from tools.benchmarks.report import Figure, Section

ROUNDS = 3
LOAD = 20
ALONE_GOAL, LOAD_GOAL, FLOOR = 24, 17, 11


@dataclass(frozen=True)
class Counted:
    """The calls of all functions for ``images`` requests of one image each."""

    images: int
    calls: Sequence[Call]

    @property
    def per_image(self) -> float:
        """AWS calls per image."""
        return sum(bool(call.operation) for call in self.calls) / self.images

    def by_function(self) -> dict[str, Counter[str]]:
        """Return the number of calls per function and operation."""
        found: dict[str, Counter[str]] = {}
        for call in self.calls:
            if call.operation:
                found.setdefault(call.function, Counter())[call.operation] += 1
        return found


def run(progress: Progress) -> Section:
    """Count the calls of one request alone and of several together."""
    section = Section(5, "AWS calls per image", f"none; a chain of bare hops makes {FLOOR}")
    alone, load = counted(progress)
    section.figures += [
        Figure("one request alone", alone.per_image, "calls", goal=ALONE_GOAL),
        Figure(f"{LOAD} requests posted together, each", load.per_image, "calls", goal=LOAD_GOAL),
    ]
    together = load.by_function()
    for function, operations in sorted(alone.by_function().items()):
        named = ", ".join(f"{times} {operation}" for operation, times in operations.items())
        section.figures.append(Figure(f"  {function}: {named}", operations.total(), "calls"))
        # A function may make no call, for example the authorizer with a warm cache.
        count = together.get(function, Counter()).total() / load.images
        section.figures.append(Figure(f"  {function}, together", count, "calls"))
    models = sum(call.service in MODEL_SERVICES for call in alone.calls)
    windows = ", ".join(function.physical_name for function in functions() if function.batching_window)
    section.notes += [
        f"Calls to the models ({models}) are included, receives and deletes of event source mappings are not.",
        f"The emulator has no batching window: batches of {windows} are merged as on Lambda.",
    ]
    return section


@cache
def counted(progress: Progress) -> tuple[Counted, Counted]:
    """Return the counts of one request alone (the median of several) and of several together."""
    pipeline = running(progress)
    alone = []
    for round_ in range(ROUNDS):
        progress(f"one request alone, {round_ + 1} of {ROUNDS}")
        alone.append(_count(pipeline, 1))
    progress(f"{LOAD} requests posted together")
    load = _count(pipeline, LOAD)
    middle = median(found.per_image for found in alone)
    return min(alone, key=lambda found: abs(found.per_image - middle)), load


def _count(pipeline: Pipeline, images: int) -> Counted:
    started = time.time()
    pipeline.generate(images)
    calls = pipeline.calls(started)
    for function in functions():
        if function.batching_window:
            calls = collected(calls, function)
    return Counted(images, calls)


def collected(calls: Sequence[Call], function: Function) -> list[Call]:
    """Return ``calls`` as if a batching window had filled the batches of ``function``.

    Keeps the fullest invocations, as many as full batches need, with the messages and the CPU of all others.
    """
    invocations = [call for call in calls if call.function == function.physical_name and not call.operation]
    others = [call for call in calls if call.function != function.physical_name]
    records = sum(call.records for call in invocations)
    if not records:
        return others
    batches = math.ceil(records / function.batch_size)
    cpu = sum(call.cpu for call in invocations) / batches
    invocations.sort(key=lambda call: len(made_during(call, calls)), reverse=True)
    for invocation in invocations[:batches]:
        others += made_during(invocation, calls)
        others.append(replace(invocation, records=math.ceil(records / batches), cpu=cpu))
    return others
