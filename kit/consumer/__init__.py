"""Consume events from an SQS queue: every message of a batch is handled, retried or dead-lettered.

    decode     an SQS record → a typed event of the catalog
    policy     an error, the attempts and the age of a message → retry after some seconds, or dead-letter
    apply      change the visibility, copy to the dead-letter queue, publish everything of a batch at once
    telemetry  one line per batch that is log entry and metrics at once

A crash between any two steps leaves the message in its queue. Everything that follows is idempotent, because the ids
of published events are derived from their cause.
"""

from kit.consumer.aws import ConsumerSettings, sqs_consumer
from kit.consumer.consumer import Consumer, ContextPool, EachMessage, WholeBatch
from kit.consumer.policy import RetryPolicy

__all__ = ["Consumer", "ConsumerSettings", "ContextPool", "EachMessage", "RetryPolicy", "WholeBatch", "sqs_consumer"]
