"""Images per minute on the emulator with instant models, and the time that each step waits and works."""

import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

from events.pipeline import STEPS, TERMINAL, Status
from services.intake.models import RequestState
from services.intake.repository.items import state_from
from tools.benchmarks.measure import Progress
from tools.benchmarks.pipeline import CLIENTS, Call, Pipeline
from tools.benchmarks.report import Figure, Section

REQUESTS = 200
SECONDS = 600
"""Deadline for all requests."""
LOOK_SECONDS = 1.0
"""Between two looks at the requests. A look costs the emulator about as much as one message."""


@dataclass(frozen=True)
class StepTime:
    """Medians of a step, in seconds per request."""

    name: str
    took: float
    """From the event that the step consumes to the one that it publishes."""
    worked: float
    """The function's time per message: that of its invocations, divided by their messages."""

    @property
    def waited(self) -> float:
        """In the stream, on the bus, in the queue, and for other messages of the batch."""
        return max(0.0, self.took - self.worked)


def run(progress: Progress) -> Section:
    """Post all requests, wait until all are terminal, and report."""
    section = Section(None, f"throughput: {REQUESTS} requests of one image, instant models", "")
    with tempfile.TemporaryDirectory(prefix="benchmark-", ignore_cleanup_errors=True) as folder:
        pipeline = Pipeline(Path(folder), progress, instant_models=True)
        try:
            progress("warming up")
            pipeline.generate(CLIENTS)
            started = time.time()
            accepted, states = _generate(pipeline, progress)
            seconds = time.time() - started
            calls = pipeline.calls(started)
        finally:
            pipeline.stack.stop()
    endings = Counter(state.status for state in states)
    succeeded = [state for state in states if state.status == Status.SUCCEEDED]
    if len(succeeded) < 2:
        raise RuntimeError(f"no throughput: the requests ended as {dict(endings)}")
    lasted = [_last(state) - accepted[state.request_id] for state in succeeded]
    times = step_times(succeeded, calls)
    section.figures += [
        Figure("images per minute", len(succeeded) / seconds * 60, ""),
        Figure("first request posted to last one terminal", seconds, "s"),
        Figure("accepted to stored, median", median(lasted), "s"),
        Figure("accepted to stored, 95th percentile", quantiles(lasted, n=20)[-1], "s"),
    ]
    for step in times:
        section.figures += [
            Figure(f"{step.name}: waited", step.waited * 1000, "ms"),
            Figure(f"{step.name}: worked", step.worked * 1000, "ms"),
        ]
    slowest = max(times, key=lambda step: step.took)
    section.notes += [
        f"Slowest step: {slowest.name} took {slowest.took:.1f} s, of which {slowest.worked * 1000:.0f} ms were work.",
        f"{CLIENTS} clients. Ended as: {', '.join(f'{count} {status}' for status, count in endings.most_common())}.",
        "Medians. Emulator, functions, stand-in and clients share this machine, so compare only runs on one machine.",
    ]
    return section


def _generate(pipeline: Pipeline, progress: Progress) -> tuple[Mapping[str, float], Sequence[RequestState]]:
    """Return when each request was accepted, and the states in the end. Raises ``TimeoutError``."""
    deadline = time.monotonic() + SECONDS
    with ThreadPoolExecutor(CLIENTS) as clients:
        posts = [clients.submit(pipeline.post, number) for number in range(REQUESTS)]
        while not all(post.done() for post in posts):
            progress(f"{sum(post.done() for post in posts)} of {REQUESTS} requests accepted")
            time.sleep(LOOK_SECONDS)
    accepted = dict(post.result() for post in posts)
    while True:
        states = [state for state in _states(pipeline) if state.request_id in accepted]
        ended = [state for state in states if state.status in TERMINAL]
        if len(ended) == REQUESTS:
            return accepted, states
        if time.monotonic() > deadline:
            raise TimeoutError(f"{REQUESTS - len(ended)} of {REQUESTS} requests have not ended after {SECONDS} s")
        open_ = Counter(state.status for state in states if state.status not in TERMINAL)
        waiting = ", ".join(f"{count} {status}" for status, count in open_.most_common())
        progress(f"{len(ended)} of {REQUESTS} requests have ended; {waiting}")
        time.sleep(LOOK_SECONDS)


def _states(pipeline: Pipeline) -> list[RequestState]:
    pages = (
        pipeline.stack.client("dynamodb")
        .get_paginator("scan")
        .paginate(
            TableName=f"{pipeline.stack.prefix}-requests",
            FilterExpression="sk = :state",
            ExpressionAttributeValues={":state": {"S": "STATE"}},
        )
    )
    return [state_from(item) for page in pages for item in page["Items"]]


def _last(state: RequestState) -> float:
    return max(entry.at.timestamp() for entry in state.timeline.values())


def step_times(states: Sequence[RequestState], calls: Sequence[Call]) -> list[StepTime]:
    """Return the times of all steps, from the timelines of requests that succeeded and the invocations in ``calls``."""
    found = []
    for step in STEPS:
        took = []
        for state in states:
            at = {entry.detail_type: entry.at for entry in state.timeline.values()}
            at["ImageRequested"] = state.created_at
            took.append((at[step.publishes[0]] - at[step.consumes]).total_seconds())
        function = step.name.replace(".", "-")
        invocations = [call for call in calls if call.function == function and not call.operation]
        worked = sum(call.wall for call in invocations) / sum(call.records for call in invocations)
        found.append(StepTime(step.name, median(took), worked))
    return found
