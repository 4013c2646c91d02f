"""HTTP: appeal a rejection and see the appeal; operators list, read and decide appeals.

It is a function of its own, because only it may open the texts of any owner for an operator and add to the audit trail.
"""

from datetime import timedelta

import boto3
from aws_lambda_powertools.event_handler import Response

from events.model_catalog import ModelCatalog, model_catalog
from kit.clock import SystemClock
from kit.http_api import HttpApi, json_response
from kit.sealing import OwnerKeyTable, Sealer
from kit.trail import Operator
from kit.trail_table import TrailTable
from services.intake.appeals.routes import APPEAL_REQUEST, DECIDE_APPEAL, LIST_APPEALS, REVIEW_APPEAL, SHOW_APPEAL
from services.intake.appeals.schemas import AppealQuery, NewAppeal, NewDecision
from services.intake.appeals.service import Appeals
from services.intake.appeals.views import appeal_queue, appeal_review, appeal_view
from services.intake.quota import RateLimiter
from services.intake.refusals import refuse_over_budget, refuse_while_closed
from services.intake.repository.appeals import AppealTable
from services.intake.repository.rates import rate_store
from services.intake.repository.requests import request_table
from services.intake.repository.signals import SignalTable
from services.intake.settings import AppealsSettings
from services.intake.signals import SignalCache

settings = AppealsSettings.load()
client, clock = boto3.client("dynamodb"), SystemClock()
table = request_table(client, settings)
signals = SignalCache(SignalTable(client, settings.table_name), clock)
handler = HttpApi()


def models() -> ModelCatalog:
    """Return the catalog with the ends of life that are known by now."""
    return model_catalog(settings.custom_models).with_ends(signals.current().ends_of_life)


appeals = Appeals(
    AppealTable(client, settings.table_name, table),
    table,
    RateLimiter(rate_store(client, settings), clock),
    lambda plans: refuse_over_budget(plans, signals.current().budget, models, clock.now()),
    Sealer(OwnerKeyTable(client, settings.owner_keys_table_name)),
    TrailTable(client, settings.audit_trail_table, timedelta(days=settings.trail_retention_days)),
    clock,
)


@handler.serve(APPEAL_REQUEST)
def appeal(request_id: str) -> Response[str]:
    """Record the appeal of a rejected request."""
    reason = handler.body(NewAppeal).reason
    refuse_while_closed(signals.current())
    made = appeals.appeal(handler.caller, _actor(), request_id, reason)
    return json_response(201, appeal_view(made, appeals.reasons(made)))


@handler.serve(SHOW_APPEAL)
def show(request_id: str) -> Response[str]:
    """Return the appeal of the caller's request."""
    found = appeals.find_own(handler.caller.owner, request_id)
    return json_response(200, appeal_view(found, appeals.reasons(found)))


@handler.serve(LIST_APPEALS)
def list_pending() -> Response[str]:
    """Return the pending appeals."""
    return json_response(200, appeal_queue(appeals.pending(handler.query(AppealQuery).limit)))


@handler.serve(REVIEW_APPEAL)
def review(request_id: str) -> Response[str]:
    """Return an appeal with the texts of its request."""
    found, texts = appeals.review(_actor(), request_id)
    return json_response(200, appeal_review(found, appeals.reasons(found), texts))


@handler.serve(DECIDE_APPEAL)
def decide(request_id: str) -> Response[str]:
    """Decide an appeal."""
    wanted = handler.body(NewDecision)
    refuse_while_closed(signals.current())
    decided = appeals.decide(_actor(), request_id, wanted.decision, wanted.reason)
    return json_response(200, appeal_view(decided, appeals.reasons(decided)))


def _actor() -> Operator:
    """Return the caller as the audit trail names it."""
    return Operator.with_key(handler.caller.owner, handler.caller.key_id, handler.address)
