"""The arithmetic of docs/scale.md, without settings or quotas."""

import math
from dataclasses import dataclass
from typing import Final, Literal

WRITE_BYTES: Final = 1024
VCPU_MB: Final = 1769
"""Memory with which a function has one vCPU: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html"""

Kind = Literal["setting", "hot key", "quota"]


@dataclass(frozen=True)
class Limit:
    """Something that bounds the rate of images."""

    name: str
    kind: Kind
    rate: float | None
    """Images per second that it allows. None if AWS does not publish it."""
    needs: str
    """What one image uses, and of what."""
    remedy: str
    """What to raise, and whether it can be raised."""
    per_minute: float | None = None
    """What one image per second uses per minute, if the limit is unknown."""

    def used(self, images: float) -> float | None:
        """Return the share that ``images`` per second use. Above 1, it breaks."""
        return None if self.rate is None else images / self.rate


@dataclass(frozen=True)
class Work:
    """What a function does with one message."""

    waits: float
    """Seconds that it waits for AWS."""
    cpu: float
    """Seconds of a whole vCPU."""
    parallel: int = 1
    """Messages of a batch that it handles at the same time."""

    def seconds(self, memory_mb: int) -> float:
        """Return the seconds that one message takes with the function's share of a vCPU."""
        return self.waits + self.cpu / min(1.0, memory_mb / VCPU_MB)


def batch_seconds(work: Work, batch: int, memory_mb: int) -> float:
    """Return the seconds of a full batch: messages wait side by side, but they share the CPU."""
    computing = work.cpu / min(1.0, memory_mb / VCPU_MB)
    return math.ceil(batch / work.parallel) * work.waits + batch * computing


def consumer_rate(concurrency: int, batch: int, seconds: float, messages: int) -> float:
    """Return the images per second of a consumer with full batches of ``seconds`` and ``messages`` per image."""
    return concurrency * batch / seconds / messages


def concurrency_for(images: float, batch: int, seconds: float, messages: int) -> int:
    """Return the concurrent executions that ``images`` per second need."""
    return math.ceil(round(images * messages / batch * seconds, 9))


def key_rate(units_per_second: float, units_per_image: float, shards: int = 1) -> float:
    """Return the images per second that one partition key takes, or ``shards`` of them in equal parts."""
    return units_per_second * shards / units_per_image


def write_units(size: int, *, transaction: bool = False) -> int:
    """Return the write units of an item of ``size`` bytes. A transaction writes everything twice."""
    return max(1, math.ceil(size / WRITE_BYTES)) * (2 if transaction else 1)
