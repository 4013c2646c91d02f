"""Use cases: start an erasure, collect the answers, and see every erasure through to its end."""

import hashlib
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol
from uuid import uuid4

from events.catalog.data_erased import DataErased
from events.catalog.erasure_started import ErasureStarted
from events.envelope import Event
from events.erasure import StoreReceipt
from kit.clock import Clock
from kit.erasure import answer, listed
from services.privacy.models import REPEAT_AFTER, Erasure, Part, Progress, progress_of, receipt_of


class UnknownErasureError(Exception):
    """No erasure has this id, or the secret is not that of its receipt."""


class ErasureStore(Protocol):
    """The erasures in privacy's table."""

    def start(self, erasure: Erasure, receipt_sha256: str) -> Erasure:
        """Store ``erasure``, or return the one of its owner that runs already. Add the hash to its receipt's."""

    def note(self, event: ErasureStarted) -> None:
        """Store a part, and the erasure if another service started it. Repetition changes nothing."""

    def add_answer(self, event: DataErased) -> None:
        """Store the first answer of a service to a part."""

    def find(self, erasure_id: str) -> tuple[Erasure, frozenset[str]]:
        """Return an erasure and the hashes of its receipt's secrets. Raise ``KeyError`` if it is unknown."""

    def parts(self, erasure_id: str) -> Sequence[Part]:
        """Return all parts of an erasure, with consistent reads."""

    def due(self, now: datetime) -> Iterable[Erasure]:
        """Return the erasures that are not complete and due."""

    def schedule(self, erasure: Erasure, due_at: datetime) -> None:
        """Store the current sweep of an erasure, and when to look at it again."""

    def complete(self, erasure: Erasure, parts: Sequence[Part]) -> None:
        """Store the receipt of a complete erasure, and delete its parts."""


class Bus(Protocol):
    """The event bus."""

    def publish(self, events: Sequence[Event]) -> None:
        """Publish ``events`` or raise."""


class OwnerKeys(Protocol):
    """The keys with which the texts of owners are sealed."""

    def destroy(self, owner: str, at: datetime) -> datetime:
        """Destroy the key of ``owner``. Return when it was destroyed first."""


class OwnerExports(Protocol):
    """The exports of owners."""

    def erase(self, owner: str) -> list[StoreReceipt]:
        """Erase the exports of an owner, also one that runs. Return the results."""


@dataclass(frozen=True)
class Erasures:
    """Starts erasures and shows their receipts."""

    store: ErasureStore
    bus: Bus
    clock: Clock

    def start(self, owner: str) -> tuple[Erasure, str]:
        """Start the erasure of an owner, or return the one that runs. The second value is the secret of its receipt.

        The erasure is stored before its event is published; if that fails, the sweeper publishes it.
        """
        now, secret = self.clock.now(), secrets.token_urlsafe(32)
        wanted = Erasure(str(uuid4()), owner, "owner", now)
        erasure = self.store.start(wanted, hash_of(secret))
        self.bus.publish([erasure.started()])
        return erasure, secret

    def show(self, erasure_id: str, secret: str) -> Erasure:
        """Return an erasure with its receipt. Raise ``UnknownErasureError`` without a secret of the receipt."""
        try:
            erasure, hashes = self.store.find(erasure_id)
        except KeyError:
            raise UnknownErasureError from None
        if hash_of(secret) not in hashes:
            raise UnknownErasureError
        return self.with_receipt(erasure)

    def with_receipt(self, erasure: Erasure) -> Erasure:
        """Return an erasure with its receipt, which before its end is that of the answers so far."""
        if erasure.completed_at:
            return erasure
        return replace(erasure, stores=receipt_of(self.store.parts(erasure.erasure_id)))


def hash_of(secret: str) -> str:
    """Return the hash of a receipt's secret, which has 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()


@dataclass(frozen=True)
class Collector:
    """Collects the parts of erasures and the answers to them."""

    store: ErasureStore
    keys: OwnerKeys
    exports: OwnerExports
    remains: Callable[[datetime], Sequence[StoreReceipt]]
    """Returns what the platform keeps, and until when."""
    clock: Clock

    def collect(self, event: ErasureStarted | DataErased) -> list[Event]:
        """Store a part or an answer. For an owner, destroy the key, erase the exports and answer for the platform."""
        if isinstance(event, DataErased):
            self.store.add_answer(event)
            return []
        self.store.note(event)
        if event.data.scope != "owner":
            return []
        self.keys.destroy(event.metadata.owner, self.clock.now())
        keys = StoreReceipt(
            store="platform/owner-keys",
            erased=int(event.data.sweep == 1),
            remains="the id of the owner, marked as erased; the key in the last backup of the keys, if backups are "
            "made, until the next one",
            reason="A late message must not create a new key.",
        )
        exports = self.exports.erase(event.metadata.owner)
        return [answer(event, "privacy", [keys, *exports, *self.remains(self.clock.now())])]


@dataclass
class SweepReport:
    """The result of one run."""

    checked: int = 0
    repeated: int = 0
    """Events that were published again."""
    sweeps: int = 0
    """Sweeps that were started."""
    completed: int = 0
    failures: dict[str, Exception] = field(default_factory=dict)
    """By erasure id."""


@dataclass(frozen=True)
class Sweeper:
    """Sees every erasure through: repeats events without an answer, starts the later sweeps, completes the receipt."""

    store: ErasureStore
    bus: Bus
    clock: Clock

    def run(self) -> SweepReport:
        """Look at every erasure that is due. A failure with one does not affect the others."""
        report = SweepReport()
        for erasure in self.store.due(self.clock.now()):
            report.checked += 1
            try:
                self._check(erasure, report)
            except Exception as error:  # the next run tries again; the handler raises at the end
                report.failures[erasure.erasure_id] = error
        return report

    def _check(self, erasure: Erasure, report: SweepReport) -> None:
        parts, now = self.store.parts(erasure.erasure_id), self.clock.now()
        if erasure.completed_at:  # a crash left parts of it
            self.store.complete(erasure, parts)
            return
        progress = progress_of(erasure, parts)
        next_at = erasure.next_sweep_at
        if not progress.is_complete:
            self._repeat(erasure, progress, now, report)
        elif progress.more or (next_at is not None and next_at <= now):
            self._start_sweep(erasure, parts, now, report)
        elif next_at is not None:
            self.store.schedule(erasure, next_at)
        else:
            done = replace(erasure, completed_at=now, stores=receipt_of(parts))
            self.store.complete(done, parts)
            report.completed += 1

    def _repeat(self, erasure: Erasure, progress: Progress, now: datetime, report: SweepReport) -> None:
        """Publish unanswered events again, unless the answers may still be on their way."""
        if now - erasure.started_at < REPEAT_AFTER:
            return
        self.bus.publish(progress.unanswered)
        self.store.schedule(erasure, now + REPEAT_AFTER)
        report.repeated += len(progress.unanswered)

    def _start_sweep(self, erasure: Erasure, parts: Sequence[Part], now: datetime, report: SweepReport) -> None:
        """Start the next sweep: for what was its scope, and again for the requests that the last sweep listed.

        Intake has erased those and does not list them again, but a late message may have made another service write.
        The parts are stored first, so that a crash loses none of them.
        """
        following = replace(erasure, sweep=erasure.sweep + 1, sweep_at=now)
        start = following.started()
        known = [part.event.data.request_ids for part in parts if part.event and part.sweep == erasure.sweep]
        again = [listed(start, "request", ids) for ids in known if ids and erasure.scope == "owner"]
        for event in (start, *again):
            self.store.note(event)
        self.store.schedule(following, now)
        self.bus.publish([start, *again])
        report.sweeps += 1
