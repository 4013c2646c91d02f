"""Exports the audit trail's entries about an owner: what the owner did, and what operators did to the owner's data."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from kit.exporting import Page

READ_MAX: Final = 2000
"""Records of the trail per page. It has no index by owner, so an export reads all of it."""
ACTION_FIELDS: Final = ("action_id", "at", "verb", "about", "count", "event_ids", "request_ids")
OUTCOME_FIELDS: Final = ("action_id", "outcome", "error", "finished_at")


class TrailRecords(Protocol):
    """The records of the audit trail."""

    def read(self, position: str | None, limit: int) -> tuple[Sequence[dict[str, Any]], str | None]:
        """Return up to ``limit`` records after a position, and the position of the last one if there are more."""


@dataclass(frozen=True)
class TrailExport:
    """Searches the audit trail for an owner."""

    trail: TrailRecords

    def read(self, owner: str, position: str | None) -> Page:
        """Return the entries about an owner in a page of the trail, each action with its outcome if that follows."""
        records, after = self.trail.read(position, READ_MAX)
        found: dict[str, dict[str, Any]] = {}
        for record in records:
            if record["kind"] == "outcome":
                if record["action_id"] in found:
                    found[record["action_id"]] |= {name: record[name] for name in OUTCOME_FIELDS}
            elif owner in {record["operator"], record["about"].get("owner")}:
                found[record["action_id"]] = _action(record, owner)
        return Page({"audit_trail.jsonl": list(found.values())}, next_position=after)


def _action(record: dict[str, Any], owner: str) -> dict[str, Any]:
    """Return an action. The identity and the address of an operator are that person's data, not the owner's."""
    action = {name: record[name] for name in ACTION_FIELDS}
    if record["operator"] != owner:
        return {"by": "operator", **action}
    return {"by": "owner", **action, "identity": record["identity"], "address": record["address"]}
