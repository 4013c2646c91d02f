"""Goal 8: accepted to succeeded on the emulator, without the models, relative to the same number of bare hops."""

import time
from collections.abc import Sequence
from statistics import median

from tools.benchmarks.bare import BareChain
from tools.benchmarks.measure import Progress
from tools.benchmarks.pipeline import MODEL_SERVICES, Call, made_during, running
from tools.benchmarks.report import Figure, Section

ROUNDS = 9
GOAL, GOAL_WITHOUT_CODING = 3.0, 1.8
IMAGES = "storage-store"
"""The function that processes images."""


def run(progress: Progress) -> Section:
    """Measure both alternately on one emulator."""
    section = Section(8, "request accepted to succeeded, on the emulator", "the same number of bare hops")
    pipeline = running(progress)
    progress("deploying bare hops")
    chain = BareChain(pipeline)
    whole: list[float] = []
    models: list[float] = []
    coding: list[float] = []
    bare: list[float] = []
    chain.run()
    for round_ in range(ROUNDS):
        progress(f"round {round_ + 1} of {ROUNDS}")
        started = time.time()
        (outcome,) = pipeline.generate()
        whole.append(outcome.succeeded - outcome.accepted)
        calls = pipeline.calls(started)
        models.append(sum(call.wall for call in calls if call.service in MODEL_SERVICES))
        coding.append(sum(_computing(call, calls) for call in calls if call.function == IMAGES))
        bare.append(chain.run())
    ours = median(total - model for total, model in zip(whole, models, strict=True))
    rest = median(total - model - own for total, model, own in zip(whole, models, coding, strict=True))
    section.figures += [
        Figure("accepted to succeeded, without the models", ours * 1000, "ms", median(bare) * 1000, GOAL),
        Figure("  and without image processing", rest * 1000, "ms", median(bare) * 1000, GOAL_WITHOUT_CODING),
        Figure("waiting for the model stand-in", median(models) * 1000, "ms"),
        Figure("accepted to succeeded", median(whole) * 1000, "ms"),
    ]
    section.notes += [
        f"Medians of {ROUNDS} interleaved rounds, one warm request at a time, from the 202 to the event on the bus.",
        f"{chain.hops} hops: write, stream, relay, {len(chain.STEPS)} queue consumers, write, stream, relay, queue.",
    ]
    return section


def _computing(invocation: Call, calls: Sequence[Call]) -> float:
    """Return the seconds of an invocation without AWS calls."""
    if invocation.operation:
        return 0.0
    return max(0.0, invocation.wall - sum(call.wall for call in made_during(invocation, calls)))
