"""Goal 8: accepted to succeeded on the emulator, less the models' time, against as many bare hops there."""

import time
from statistics import median

from benchmarks.bare import BareChain
from benchmarks.measure import Say
from benchmarks.pipeline import MODEL_SERVICES, running
from benchmarks.report import Figure, Section

ROUNDS = 9
GOAL = 1.5


def run(say: Say) -> Section:
    """Measure both in turn, on one emulator."""
    section = Section(8, "request accepted to succeeded, on the emulator", "the same number of bare hops")
    pipeline = running(say)
    say("deploying bare hops")
    chain = BareChain(pipeline)
    whole: list[float] = []
    models: list[float] = []
    bare: list[float] = []
    chain.run()
    for round_ in range(ROUNDS):
        say(f"round {round_ + 1} of {ROUNDS}")
        started = time.time()
        (outcome,) = pipeline.draw()
        whole.append(outcome.succeeded - outcome.accepted)
        models.append(sum(call.wall for call in pipeline.calls(started) if call.service in MODEL_SERVICES))
        bare.append(chain.run())
    ours = median(total - model for total, model in zip(whole, models, strict=True))
    section.figures += [
        Figure("accepted to succeeded, less the models' time", ours * 1000, "ms", median(bare) * 1000, GOAL),
        Figure("models' time: what functions waited for the stand-in", median(models) * 1000, "ms"),
        Figure("accepted to succeeded", median(whole) * 1000, "ms"),
    ]
    section.notes += [
        f"Medians of {ROUNDS} interleaved rounds, one request at a time, warm. From the 202 to the news on the bus.",
        f"{chain.hops} hops: write, stream, relay, {len(chain.STEPS)} queue consumers, write, stream, relay, queue.",
    ]
    return section
