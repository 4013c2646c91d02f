"""What the audit reads of each service, and what it finds. Ids, keys and numbers: prompts are never read."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

Kind = Literal["request", "image", "file", "payment", "raw", "letter"]
Mend = Literal["wake", "close", "delete_file"]

FILE_KEY: Final = re.compile(r"images/([0-9a-f-]{36})/(\d{1,2})-[0-9a-f]{64}/[a-z.]+", re.ASCII)
RAW_KEY: Final = re.compile(r"raw/([0-9a-f-]{36})/(\d{1,2})-[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True)
class GalleryImage:
    """A image in the gallery catalog, or the marker in a deleted one's place."""

    image_id: str
    request_id: str
    index: int
    files: Mapping[str, int]
    """Key → size in bytes, of every variant."""
    deleted_at: datetime | None = None


@dataclass(frozen=True)
class StoredFile:
    """An object of the gallery bucket or of the hand-off bucket."""

    key: str
    size: int
    written_at: datetime

    def image(self, shape: re.Pattern[str] = FILE_KEY) -> tuple[str, int] | None:
        """Return request and index, or None where the key is not of the product's shape."""
        found = shape.fullmatch(self.key)
        return (found[1], int(found[2])) if found else None


@dataclass(frozen=True)
class Payment:
    """What generation's guard recorded of one image."""

    request_id: str
    index: int
    paid_calls: int
    status: str | None = None
    """``generated``, ``filtered``, ``failed``; None while it has no outcome."""
    raw_key: str | None = None

    @property
    def key(self) -> tuple[str, int]:
        """Its place in the guard."""
        return self.request_id, self.index


@dataclass(frozen=True)
class Letter:
    """A message in a dead-letter queue or in quarantine."""

    step: str
    queue: str
    event_id: str | None
    """None where the message is no event."""
    request_id: str | None
    message_id: str


@dataclass(frozen=True)
class Letters:
    """Every dead letter that could be read."""

    all: tuple[Letter, ...] = ()
    partly_read: frozenset[str] = frozenset()
    """Steps some of whose letters could not be read: too many, or in another operator's hands."""

    def of(self, request_id: str) -> list[Letter]:
        """Return a request's letters."""
        return [letter for letter in self.all if letter.request_id == request_id]

    def holds(self, step: str, event_id: str) -> bool:
        """Tell whether a step's letters hold an event, or may hold it."""
        return step in self.partly_read or any(
            letter.step == step and letter.event_id == event_id for letter in self.all
        )


@dataclass(frozen=True)
class Finding:
    """One thing that breaks a rule."""

    rule: str
    kind: Kind
    subject: str
    """A request's, a image's or a message's id, or an object's key."""
    request_id: str | None
    why: str
    """For people: facts, never anything that somebody wrote."""
    mend: Mend | None = None
    within_bound: bool = False
    """It is what the design allows: reported, and no violation."""
    evidence: str = ""
    """Changes when the subject moves: what moved is looked at again."""
    detail: str = ""
    """Keeps apart what one subject breaks of one rule."""

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes two findings the same one."""
        return self.rule, self.subject, self.detail

    def facts(self) -> dict[str, Any]:
        """Return what a script may want to know."""
        return {
            "rule": self.rule,
            "subject": self.subject,
            "request_id": self.request_id,
            "why": self.why,
            "mend": self.mend,
        }


@dataclass
class Report:
    """What an audit looked at and found."""

    started_at: datetime
    segments: int
    looked_at: dict[str, int] = field(default_factory=dict)
    violations: list[Finding] = field(default_factory=list)
    within_bound: list[Finding] = field(default_factory=list)
    unsettled: list[Finding] = field(default_factory=list)
    """Still moving when patience ended: the next audit looks at them again."""
    complete: bool = True
    """False where the time, or the room for findings, ended first."""
    partly_read: list[str] = field(default_factory=list)
    """Steps some of whose dead letters could not be read."""

    def by_rule(self) -> dict[str, int]:
        """Return the number of violations of each rule that is broken."""
        counts: dict[str, int] = {}
        for finding in self.violations:
            counts[finding.rule] = counts.get(finding.rule, 0) + 1
        return counts

    def facts(self, most: int | None = None) -> dict[str, Any]:
        """Return it for scripts and for keeping, with up to ``most`` findings of a kind."""
        return {
            "started_at": self.started_at.isoformat(),
            "segments": self.segments,
            "complete": self.complete,
            "looked_at": self.looked_at,
            "by_rule": self.by_rule(),
            "violations": [finding.facts() for finding in self.violations[:most]],
            "within_bound": [finding.facts() for finding in self.within_bound[:most]],
            "unsettled": [finding.facts() for finding in self.unsettled[:most]],
            "partly_read": self.partly_read,
        }
