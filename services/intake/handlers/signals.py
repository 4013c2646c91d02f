"""The signals that decide whether new requests are accepted: the lifecycle of models and the daily budget."""

import boto3

from events.catalog.budget_changed import BudgetChanged
from events.catalog.budget_exhausted import BudgetExhausted
from events.catalog.model_lifecycle_changed import ModelLifecycleChanged
from kit.consumer import EachMessage, sqs_consumer
from services.intake.repository.signals import SignalTable
from services.intake.settings import TableSettings
from services.intake.signal_recorder import SignalRecorder

recorder = SignalRecorder(SignalTable(boto3.client("dynamodb"), TableSettings.load().table_name))

handler = sqs_consumer(
    "intake.signals", [ModelLifecycleChanged, BudgetExhausted, BudgetChanged], EachMessage(recorder.record)
)
