"""The signals in the request table."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Final

from kit.dynamodb import from_item, time_text, to_item
from services.intake.signals import BudgetSignal, ModelSignal, ShedSignal, Signals, StopSignal

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

MODEL: Final = "model#"
BUDGET: Final = "budget"
STOPPED: Final = "writes_stopped"
"""`GET /health/ready` reads it, too (ADR 5)."""
REGION: Final = "REGION"
"""Sort key of the active region. An item of its own: of two versions of an item, replication keeps the later one whole,
so a write of the region that was lost could undo a failover."""
SHED: Final = "SHED"
"""Sort key of the signal that too many requests wait, of its own for the same reason. `GET /health/ready` reads it."""


class SignalTable:
    """The items that hold all signals. Implements ``SignalStore``, ``RecordStore`` and ``ShedStore``.

    `operator_signals.py` changes those of operators.
    """

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self._client = client
        self._name = name
        self._key = to_item({"pk": "SIGNALS", "sk": "NOW"})

    def read(self) -> Signals:
        """Return all signals."""
        answer = self._client.query(
            TableName=self._name,
            KeyConditionExpression="pk = :signals",
            ExpressionAttributeValues=to_item({":signals": "SIGNALS"}),
        )
        items = {item["sk"]: item for item in map(from_item, answer["Items"])}
        values = items.get("NOW", {})
        models = {
            name.removeprefix(MODEL): _model_signal(stored) for name, stored in values.items() if name.startswith(MODEL)
        }
        active = items.get(REGION, {}).get("active_region")
        elsewhere = None if active == self._client.meta.region_name else active
        stopped = _stop_signal(values.get(STOPPED, {}))
        shed = _shed_signal(items.get(SHED, {}))
        return Signals(models, _budget_signal(values.get(BUDGET, {})), stopped, active_elsewhere=elsewhere, shed=shed)

    def save_model(self, key: str, signal: ModelSignal) -> None:
        """Save the signal of a model, unless a later one is stored."""
        values = {
            "status": signal.status,
            "end_of_life": signal.end_of_life.isoformat() if signal.end_of_life else "",
            "sequence": signal.sequence,
        }
        self._save(f"{MODEL}{key}", values, newer_by="sequence")

    def save_budget(self, signal: BudgetSignal | None, at: datetime) -> None:
        """Save the rest of the budget (None: it covers every image), unless something later than ``at`` is stored."""
        values: dict[str, Any] = {"at": time_text(at)}
        if signal:
            values |= {"left_usd": signal.left_usd, "until": signal.until.isoformat() if signal.until else ""}
        self._save(BUDGET, values, newer_by="at")

    def read_shed(self) -> ShedSignal | None:
        """Return the signal that new requests are refused because too many wait; see ``ShedStore.read_shed``."""
        found = self._client.get_item(TableName=self._name, Key=to_item({"pk": "SIGNALS", "sk": SHED}))
        return _shed_signal(from_item(found.get("Item", {})))

    def save_shed(self, signal: ShedSignal | None) -> None:
        """Save that signal, or that there is none (None)."""
        change: dict[str, Any] = {"UpdateExpression": "REMOVE shed"}
        if signal:
            values = {**asdict(signal), "until": signal.until.astimezone(UTC).isoformat(timespec="seconds")}
            change = {
                "UpdateExpression": "SET shed = :values",
                "ExpressionAttributeValues": to_item({":values": values}),
            }
        self._client.update_item(TableName=self._name, Key=to_item({"pk": "SIGNALS", "sk": SHED}), **change)

    def _save(self, name: str, values: Mapping[str, Any], *, newer_by: str) -> None:
        """Set an attribute, unless the stored one is as new by its field ``newer_by``."""
        try:
            self._client.update_item(
                TableName=self._name,
                Key=self._key,
                UpdateExpression="SET #name = :values",
                ConditionExpression="attribute_not_exists(#name) OR #name.#field < :field",
                ExpressionAttributeNames={"#name": name, "#field": newer_by},
                ExpressionAttributeValues=to_item({":values": dict(values), ":field": values[newer_by]}),
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return  # stored already, or replaced by a later one


def _budget_signal(stored: Mapping[str, Any]) -> BudgetSignal | None:
    if "left_usd" not in stored:
        return None
    return BudgetSignal(stored["left_usd"], datetime.fromisoformat(stored["until"]) if stored["until"] else None)


def _stop_signal(stored: Mapping[str, Any]) -> StopSignal | None:
    return StopSignal(stored["reason"], datetime.fromisoformat(stored["since"])) if stored else None


def _shed_signal(item: Mapping[str, Any]) -> ShedSignal | None:
    if "shed" not in item:
        return None
    stored = item["shed"]
    until = datetime.fromisoformat(stored["until"])
    return ShedSignal(stored["up_to"], stored["step"], int(stored["seconds"]), until)


def _model_signal(stored: Mapping[str, Any]) -> ModelSignal:
    end_of_life = stored["end_of_life"]
    return ModelSignal(
        stored["status"], date.fromisoformat(end_of_life) if end_of_life else None, int(stored["sequence"])
    )
