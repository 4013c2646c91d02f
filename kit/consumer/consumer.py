"""The Lambda handler of a queue."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ParamSpec, TypeVar

from pydantic import ValidationError

from events.catalog.processing_stalled import ProcessingStalled
from events.envelope import Event
from kit.consumer.apply import Applier, Bus, Queue
from kit.consumer.decode import Decoder, Message
from kit.consumer.policy import RetryPolicy
from kit.consumer.telemetry import log_batch, trace_batch
from kit.errors import UnprocessableError, classify_error
from kit.telemetry import one_line

Fail = Callable[[Message, Exception], None]
P = ParamSpec("P")
T = TypeVar("T")


class ContextPool(ThreadPoolExecutor):
    """Runs work in the context of its submission, so that what it measures is part of its batch's line."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run ``fn`` in a thread."""
        return super().submit(copy_context().run, partial(fn, *args, **kwargs))


@dataclass
class EachMessage:
    """Handle the messages of a batch one by one.

    ``handle`` returns the events that follow from an event. It raises if the message must be retried or dead-lettered.
    ``handle_first``, if given, handles an event instead if its message is delivered for the first time.
    ``workers`` messages are handled side by side; then ``publishes`` must list the events that ``handle`` returns.
    ``begin`` is called before the first message of each batch.
    """

    handle: Callable[[Any], Sequence[Event]]
    workers: int = 1
    publishes: Sequence[type[Event]] = ()
    handle_first: Callable[[Any], Sequence[Event]] | None = None
    begin: Callable[[], None] = lambda: None
    _pool: ContextPool = field(init=False, repr=False)
    _unbuilt: list[type[Event]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Create the pool. Its threads start when first needed and stay for the next batch."""
        self._pool = ContextPool(self.workers)
        self._unbuilt = [ProcessingStalled, *self.publishes]

    def build(self) -> None:
        """Build the events: pydantic builds a deferred model on first use, which is not safe in several threads."""
        while self._unbuilt:
            self._unbuilt.pop().build()

    def run(self, messages: Sequence[Message], fail: Fail) -> None:
        """Handle ``messages``; call ``fail`` for each that raises."""
        self.begin()
        if self.workers > 1:
            self.build()
        if self.workers > 1 and len(messages) > 1:
            list(self._pool.map(lambda message: self._run_one(message, fail), messages))
        else:
            for message in messages:
                self._run_one(message, fail)

    def _run_one(self, message: Message, fail: Fail) -> None:
        try:
            handle = self.handle_first if self.handle_first and message.attempts == 1 else self.handle
            message.to_publish = list(handle(message.event))
        except Exception as error:
            fail(message, error)


@dataclass
class WholeBatch:
    """Handle all messages of a batch in one call of ``handle``."""

    handle: Callable[[Sequence[Any]], Sequence[Event]]

    def build(self) -> None:
        """Build nothing: one call at a time handles whole batches."""

    def run(self, messages: Sequence[Message], fail: Fail) -> None:
        """Handle ``messages``. After a failure, handle them one by one, unless the failure is transient."""
        if not messages:
            return
        try:
            follow_up = self.handle([message.event for message in messages])
        except Exception as error:
            if len(messages) > 1 and classify_error(error) != "transient":
                for message in messages:
                    self.run([message], fail)
            else:
                for message in messages:
                    fail(message, error)
        else:
            messages[0].to_publish = list(follow_up)


class Consumer:
    """The Lambda handler of one queue.

    ``step`` is ``<service>.<step>``. ``accepts`` lists the events that the queue's rule selects; None stands for the
    whole catalog. See ADR 1 for the reason why this is not Powertools' ``BatchProcessor``.
    """

    def __init__(
        self,
        step: str,
        accepts: Sequence[type[Event]] | None,
        process: EachMessage | WholeBatch,
        *,
        queue: Queue,
        bus: Bus,
        policy: RetryPolicy | None = None,
    ) -> None:
        self.step = step
        self.policy = policy or RetryPolicy()
        self.accepts = None if accepts is None else {(kind.detail_type, kind.version): kind for kind in accepts}
        self._decoder = Decoder(step, self.accepts)
        self._process = process
        self._applier = Applier(step, queue, bus, self.policy)

    def build(self) -> None:
        """Build all events, so that several threads may call this consumer at a time. Lambda never does."""
        for kind in (self.accepts or {}).values():
            kind.build()
        self._process.build()

    def __call__(self, batch: dict[str, Any], _context: Any = None) -> dict[str, Any]:
        """Handle an SQS batch and return the partial batch response (``ReportBatchItemFailures``)."""
        started = time.perf_counter()
        messages = [Message(record) for record in batch["Records"]]
        with one_line():
            readable = [message for message in messages if self._decode(message)]
            self._process.run(readable, self._applier.fail)
            self._applier.publish(messages)
            self._applier.change_visibility(messages)
            seconds = time.perf_counter() - started
            log_batch(self.step, messages, seconds, name_handled=self.accepts is not None)
        trace_batch(self.step, messages, seconds)
        retried = [message for message in messages if message.retry_after is not None]
        return {"batchItemFailures": [{"itemIdentifier": message.message_id} for message in retried]}

    def _decode(self, message: Message) -> bool:
        try:
            self._decoder.decode(message)
        except (UnprocessableError, ValidationError) as error:
            self._applier.fail(message, error)
            return False
        return True
