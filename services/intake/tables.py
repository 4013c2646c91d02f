"""What lies beside the requests in their table: the counters of rate limits, live figures, and signals.

pk RATE#<key id>#<window start>  sk WINDOW     requests and blocks of a key in one window; who was given back
pk FIGURES                       sk DURATIONS  seconds from accepted to succeeded, an attribute a model
pk SIGNALS                       sk NOW        `model#<key>`: status, ends_on, sequence; `budget`: spent_until, at
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from kit.dynamodb import from_item, to_item
from services.intake.quota import Tally, Window
from services.intake.signals import ModelSignal, Signals

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

RETURNED_AT_MOST: Final = 1000
"""Requests of a window that can be given back: their marks make every charge of that window dearer."""
MARK: Final = 12
"""Last characters of a request id, random ones, that tell it from all others of its window."""
KEPT_SECONDS: Final = 3600
"""After a window has stopped to matter."""


def _window_key(window: Window) -> dict[str, Any]:
    return to_item({"pk": f"RATE#{window.key_id}#{window.start}", "sk": "WINDOW"})


def _expires_at(window: Window) -> int:
    return window.start + 2 * window.seconds + KEPT_SECONDS


def _tally(item: Mapping[str, Any]) -> Tally:
    values = from_item(item)
    return Tally(int(values.get("count", 0)), int(values.get("blocked", 0)), bool(values.get("closed")))


def _below(name: str, value: str, most: int) -> str:
    """Return the condition that a counter, absent before it counts, is below ``most``."""
    return f"(attribute_not_exists({name}) OR {name} < {value})" if most > 0 else f"{name} < {value}"


class RateTable:
    """The counters. Implements ``RateStore``."""

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self._client = client
        self._name = name

    def take(self, window: Window, most: int, most_blocked: int) -> tuple[bool, Tally]:
        """Count one request, in one conditional write; see ``RateStore.take``."""
        try:
            answer = self._client.update_item(
                TableName=self._name,
                Key=_window_key(window),
                UpdateExpression="SET expires_at = :expires ADD #count :one",
                ConditionExpression="attribute_not_exists(closed)"
                f" AND {_below('#count', ':most', most)} AND {_below('blocked', ':most_blocked', most_blocked)}",
                ExpressionAttributeNames={"#count": "count"},
                ExpressionAttributeValues=to_item(
                    {":one": 1, ":most": most, ":most_blocked": most_blocked, ":expires": _expires_at(window)}
                ),
                ReturnValues="UPDATED_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            item: Any = error.response.get("Item", {})
            return False, _tally(item)
        return True, _tally(answer["Attributes"])

    def close(self, window: Window) -> Tally:
        """Let nothing be counted in ``window`` any more, and return its tally."""
        answer = self._client.update_item(
            TableName=self._name,
            Key=_window_key(window),
            UpdateExpression="SET closed = :yes, expires_at = :expires",
            ExpressionAttributeValues=to_item({":yes": True, ":expires": _expires_at(window)}),
            ReturnValues="ALL_NEW",
        )
        return _tally(answer["Attributes"])

    def give_back(self, window: Window, request_id: str, *, blocked: bool) -> None:
        """Take a request out of the count again, once; ``blocked`` counts it as a block instead."""
        values: dict[str, Any] = {":minus": -1, ":mark": request_id[-MARK:], ":marks": {request_id[-MARK:]}}
        values[":most"] = RETURNED_AT_MOST
        expression = "ADD #count :minus, returned :marks"
        if blocked:
            expression += ", blocked :one"
            values[":one"] = 1
        try:
            self._client.update_item(
                TableName=self._name,
                Key=_window_key(window),
                UpdateExpression=expression,
                ConditionExpression="#count > :zero AND (attribute_not_exists(returned)"
                " OR (NOT contains(returned, :mark) AND size(returned) < :most))",
                ExpressionAttributeNames={"#count": "count"},
                ExpressionAttributeValues=to_item(values | {":zero": 0}),
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return  # given back before, or long over


class FigureTable:
    """Live figures. Implements ``FigureStore``."""

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self._client = client
        self._name = name
        self._key = to_item({"pk": "FIGURES", "sk": "DURATIONS"})

    def read(self) -> dict[str, float]:
        """Return the seconds by model."""
        values = from_item(self._client.get_item(TableName=self._name, Key=self._key).get("Item", {}))
        return {model: float(seconds) for model, seconds in values.items() if model not in ("pk", "sk")}

    def write(self, figures: Mapping[str, float]) -> None:
        """Keep ``figures``; those of other models stay."""
        models = dict(enumerate(figures))
        self._client.update_item(
            TableName=self._name,
            Key=self._key,
            UpdateExpression="SET " + ", ".join(f"#m{number} = :m{number}" for number in models),
            ExpressionAttributeNames={f"#m{number}": model for number, model in models.items()},
            ExpressionAttributeValues=to_item({f":m{n}": Decimal(f"{figures[m]:.3f}") for n, m in models.items()}),
        )


MODEL: Final = "model#"
BUDGET: Final = "budget"


class SignalTable:
    """What other services told, in one item. Implements ``SignalStore``."""

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self._client = client
        self._name = name
        self._key = to_item({"pk": "SIGNALS", "sk": "NOW"})

    def read(self) -> Signals:
        """Return all that was told."""
        values = from_item(self._client.get_item(TableName=self._name, Key=self._key).get("Item", {}))
        models = {name.removeprefix(MODEL): _signal(told) for name, told in values.items() if name.startswith(MODEL)}
        until = values.get(BUDGET, {}).get("spent_until")
        return Signals(models, datetime.fromisoformat(until) if until else None)

    def note_model(self, key: str, signal: ModelSignal) -> None:
        """Keep how a model stands, unless a later change is known."""
        told = {
            "status": signal.status,
            "ends_on": signal.ends_on.isoformat() if signal.ends_on else "",
            "sequence": signal.sequence,
        }
        self._note(f"{MODEL}{key}", told, "#name.#by < :by", {"#by": "sequence"}, {":by": signal.sequence})

    def note_budget(self, spent_until: datetime | None, at: datetime) -> None:
        """Keep until when the budget is spent, or that it is not, unless something later is known."""
        moment = at.astimezone(UTC).isoformat(timespec="microseconds")
        told = {"spent_until": spent_until.isoformat() if spent_until else "", "at": moment}
        self._note(BUDGET, told, "#name.#at < :at", {"#at": "at"}, {":at": moment})

    def _note(self, name: str, told: dict[str, Any], later: str, names: dict[str, str], values: dict[str, Any]) -> None:
        """Set an attribute where it is not there yet, or what is told comes ``later``."""
        try:
            self._client.update_item(
                TableName=self._name,
                Key=self._key,
                UpdateExpression="SET #name = :told",
                ConditionExpression=f"attribute_not_exists(#name) OR {later}",
                ExpressionAttributeNames={"#name": name, **names},
                ExpressionAttributeValues=to_item({":told": told, **values}),
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return  # known, or overtaken by what came later


def _signal(told: Mapping[str, Any]) -> ModelSignal:
    ends_on = told["ends_on"]
    return ModelSignal(told["status"], date.fromisoformat(ends_on) if ends_on else None, int(told["sequence"]))
