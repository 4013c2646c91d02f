"""The stack under load: age of each queue's oldest message, memory, files and sockets of each process."""

import json
import threading
import time
import urllib.parse
import urllib.request
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Final

import psutil

from local.stack import LocalStack
from tools.chaos.workers import workers

EVERY_SECONDS: Final = 2.0
WARM_SECONDS: Final = 120.0
"""A process is judged from this age on: until then it imports, and fills its caches and pools."""
JUDGED_SECONDS: Final = 240.0
"""A process is judged if it was watched for so long after that."""
GROWTH: Final = 0.1
"""Growth of a process's memory between the first and the last fifth of that time, above which it counts as a leak."""
GROWTH_BYTES: Final = 8_000_000
"""Growth below this is never a leak."""
GROWTH_FILES: Final = 8
STORES: Final = ("emulator", "models")
"""Processes that keep what they are sent in memory, so their memory is shown and not judged."""


@dataclass(frozen=True)
class Usage:
    """One process at one moment."""

    at: float
    """Monotonic seconds."""
    memory: int
    """Resident bytes."""
    files: int
    """Open file descriptors, sockets included."""
    sockets: int


@dataclass(frozen=True)
class Growth:
    """A process at the beginning and at the end of the time for which it was judged: medians of a fifth each."""

    name: str
    seconds: float
    memory: tuple[float, float]
    files: tuple[float, float]
    sockets: tuple[float, float]

    @property
    def leaks(self) -> bool:
        """Whether it grew more than a process that keeps nothing does."""
        before, after = self.memory
        grown = after - before > max(GROWTH_BYTES, GROWTH * before) and self.name not in STORES
        return grown or self.files[1] - self.files[0] > GROWTH_FILES or self.sockets[1] - self.sockets[0] > GROWTH_FILES


@dataclass
class QueueAge:
    """The oldest message of a queue over the run."""

    ages: list[float] = field(default_factory=list)
    """Seconds, one per sample in which the queue was not empty."""
    most: int = 0
    """The most messages that waited or were being processed."""


class Sampler(threading.Thread):
    """Looks at the stack every two seconds until it is stopped."""

    def __init__(self, stack: LocalStack) -> None:
        super().__init__(name="sampler", daemon=True)
        self._stack = stack
        self._end = threading.Event()
        self.queues: dict[str, QueueAge] = defaultdict(QueueAge)
        self.usage: dict[tuple[str, int], list[Usage]] = defaultdict(list)
        """Name and id of a process → its samples."""
        self.failures = 0
        """Samples that were not possible: the emulator was too busy to answer."""

    def stop(self) -> None:
        """Take no more samples."""
        self._end.set()
        self.join()

    def run(self) -> None:
        """Take samples."""
        while not self._end.wait(EVERY_SECONDS):
            try:
                self._read_queues()
            except OSError:
                self.failures += 1
            self._read_processes()

    def _read_queues(self) -> None:
        now = time.time()
        url = f"{self._stack.emulator.url}/_ministack/sqs/messages"
        with urllib.request.urlopen(url, timeout=10) as answer:
            accounts = json.load(answer)["messages"]
        for regions in accounts.values():
            for queues in regions.values():
                for queue, messages in queues.items():
                    name = urllib.parse.urlsplit(queue).path.rpartition("/")[2]
                    self._add_queue(name.removeprefix(f"{self._stack.prefix}-"), messages, now)

    def _add_queue(self, name: str, messages: Sequence[dict[str, dict[str, str]]], now: float) -> None:
        found = self.queues[name]
        found.most = max(found.most, len(messages))
        if messages:
            found.ages.append(now - min(int(each["Attributes"]["SentTimestamp"]) for each in messages) / 1000)

    def _read_processes(self) -> None:
        for name, process in self._processes():
            try:
                with process.oneshot():
                    usage = Usage(
                        time.monotonic(),
                        process.memory_info().rss,
                        process.num_fds(),
                        len(process.net_connections(kind="inet")),
                    )
            except psutil.Error:  # it has ended
                continue
            self.usage[name, process.pid].append(usage)

    def _processes(self) -> Iterator[tuple[str, psutil.Process]]:
        for name, child in (("emulator", self._stack.emulator), ("models", self._stack.models)):
            if child.pid is None:
                continue
            yield name, psutil.Process(child.pid)
            for function, worker in workers(child.pid):
                yield function.removeprefix(f"{self._stack.prefix}-") or f"child of {name}", worker


def growths(usage: dict[tuple[str, int], list[Usage]]) -> list[Growth]:
    """Return the growth of every process that was watched long enough, the largest one first."""
    found = [growth for (name, _), samples in usage.items() if (growth := _growth(name, samples))]
    return sorted(found, key=lambda growth: growth.memory[0] - growth.memory[1])


def _growth(name: str, samples: Sequence[Usage]) -> Growth | None:
    warm = [sample for sample in samples if sample.at - samples[0].at >= WARM_SECONDS]
    if not warm or warm[-1].at - warm[0].at < JUDGED_SECONDS:
        return None
    fifth = max(1, len(warm) // 5)
    first, last = warm[:fifth], warm[-fifth:]

    def both(figure: str) -> tuple[float, float]:
        return (median(getattr(each, figure) for each in first), median(getattr(each, figure) for each in last))

    return Growth(name, warm[-1].at - warm[0].at, both("memory"), both("files"), both("sockets"))
