"""The models and their lifecycle. Dates are data; tests may override them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from local.bedrock.errors import ServiceError, ended, validation

Status = Literal["ACTIVE", "LEGACY", "ENDED"]
STATUSES: tuple[Status, ...] = ("ACTIVE", "LEGACY", "ENDED")

_DATA = Path(__file__).with_name("models.json")
_PROFILE_PREFIX = re.compile(r"^(us|eu|jp|au|apac|global)\.")
_NAMED_BY_ARN = re.compile(r"^arn:[^:]+:bedrock:[^:]*:[^:]*:(foundation-model|inference-profile)/(.+)$")


@dataclass(frozen=True)
class Model:
    """One model. Dates are midnight UTC, or None if AWS has not announced one."""

    id: str
    name: str
    provider: str
    family: str
    started: datetime | None
    legacy: datetime | None
    end_of_life: datetime | None
    refuses: frozenset[str] = frozenset()


def bare_id(model: str) -> str:
    """Return the model id of a foundation-model ARN or an inference profile. Other ARNs are returned unchanged."""
    named = _NAMED_BY_ARN.match(model)
    return _PROFILE_PREFIX.sub("", named.group(2) if named else model)


class Lifecycle:
    """The catalog with today's date applied, unless an override or `ignore_end_of_life` says otherwise."""

    def __init__(self, *, ignore_end_of_life: bool = False) -> None:
        rows: dict[str, dict[str, Any]] = json.loads(_DATA.read_text(encoding="utf-8"))
        self._models = {key: _model(key, row) for key, row in rows.items()}
        self._ignore_end_of_life = ignore_end_of_life
        self._overrides: dict[str, Status | datetime] = {}

    @property
    def models(self) -> tuple[Model, ...]:
        """All models, including those after their end of life."""
        return tuple(self._models.values())

    def find(self, model: str) -> Model:
        """Return the model of an id, a profile or a foundation-model ARN. Every Claude model is accepted."""
        key = bare_id(model)
        if key in self._models:
            return self._models[key]
        if key.startswith("anthropic."):
            return Model(key, key.removeprefix("anthropic."), "Anthropic", "claude", None, None, None)
        raise validation("The provided model identifier is invalid.")

    def require_available(self, model: Model) -> None:
        """Raise the error of AWS if the model has reached its end of life."""
        if self.status(model) == "ENDED":
            raise ended()

    def status(self, model: Model) -> Status:
        """Return the status of a model today."""
        override = self._overrides.get(model.id, self._overrides.get("*"))
        if isinstance(override, str):
            return override
        end = self.end_of_life(model)
        now = datetime.now(UTC)
        if end is not None and end <= now:
            return "ENDED"
        if self._ignore_end_of_life or model.legacy is None or model.legacy > now:
            return "ACTIVE"
        return "LEGACY"

    def end_of_life(self, model: Model) -> datetime | None:
        """Return the date that applies: the override, the catalog's date, or None if models never end."""
        override = self._overrides.get(model.id, self._overrides.get("*"))
        if isinstance(override, datetime):
            return override
        if override == "ENDED":
            today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
            return min(model.end_of_life or today, today)
        if override == "ACTIVE":
            return None
        return None if self._ignore_end_of_life else model.end_of_life

    def override(self, changes: Mapping[str, object]) -> None:
        """Set `{model id or "*": status or ISO date}`; nothing changes if an entry is invalid."""
        self._overrides.update({bare_id(key): _override(value) for key, value in changes.items()})

    def restore(self) -> None:
        """Delete all overrides."""
        self._overrides.clear()

    def report(self) -> dict[str, str]:
        """Return the status of every model today, by id."""
        return {model.id: self.status(model) for model in self.models}


def describe(lifecycle: Lifecycle, model: Model) -> dict[str, object]:
    """Return an entry of GetFoundationModel and ListFoundationModels. An ended model stays LEGACY there."""
    status = lifecycle.status(model)
    dates = {
        "startOfLifeTime": model.started,
        "legacyTime": model.legacy if status != "ACTIVE" else None,
        "endOfLifeTime": lifecycle.end_of_life(model),
    }
    return {
        "modelArn": f"arn:aws:bedrock:us-west-2::foundation-model/{model.id}",
        "modelId": model.id,
        "modelName": model.name,
        "providerName": model.provider,
        "inputModalities": ["TEXT"] if model.family == "stability" else ["TEXT", "IMAGE"],
        "outputModalities": ["TEXT"] if model.family == "claude" else ["IMAGE"],
        "responseStreamingSupported": model.family == "claude",
        "customizationsSupported": [],
        "inferenceTypesSupported": ["ON_DEMAND"],
        "modelLifecycle": {
            "status": "ACTIVE" if status == "ACTIVE" else "LEGACY",
            **{key: date.isoformat().replace("+00:00", "Z") for key, date in dates.items() if date},
        },
    }


def _model(key: str, row: Mapping[str, Any]) -> Model:
    dates = {name: _date(row[name]) if row[name] else None for name in ("started", "legacy", "end_of_life")}
    return Model(key, row["name"], row["provider"], row["family"], **dates, refuses=frozenset(row.get("refuses", ())))


def _override(value: object) -> Status | datetime:
    for status in STATUSES:
        if value == status:
            return status
    try:
        return _date(str(value))
    except ValueError:
        raise ServiceError(400, "BadRequest", f"neither a date nor one of {', '.join(STATUSES)}: {value}") from None


def _date(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
