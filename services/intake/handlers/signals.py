"""What decides whether new requests are taken: lifecycle of models, the budget. Kept where the request API looks."""

from functools import partial

import boto3

from events.catalog.budget_changed import BudgetChanged
from events.catalog.budget_exhausted import BudgetExhausted
from events.catalog.model_lifecycle_changed import ModelLifecycleChanged
from kit.runtime import consumer
from services.intake.settings import TableSettings
from services.intake.signals import note
from services.intake.tables import SignalTable

store = SignalTable(boto3.client("dynamodb"), TableSettings.load().table_name)

handler = consumer(
    step="intake.signals",
    accepts=[ModelLifecycleChanged, BudgetExhausted, BudgetChanged],
    handle=partial(note, store),
)
