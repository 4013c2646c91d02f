"""The records that the audit reads, and its findings: ids, keys and numbers. Prompts are never read."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

Kind = Literal["request", "image", "file", "payment", "raw", "letter"]
Repair = Literal["schedule_check", "remove_from_index", "delete_file"]

FILE_KEY: Final = re.compile(r"images/([0-9a-f-]{36})/(\d{1,2})-[0-9a-f]{64}/[a-z.]+", re.ASCII)
RAW_KEY: Final = re.compile(r"raw/([0-9a-f-]{36})/(\d{1,2})-[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True)
class GalleryImage:
    """An image in the gallery, or the deletion marker of one."""

    image_id: str
    request_id: str
    index: int
    files: Mapping[str, int]
    """Key → size in bytes of every variant."""
    deleted_at: datetime | None = None


@dataclass(frozen=True)
class StoredFile:
    """An object of the gallery bucket or of the hand-off bucket."""

    key: str
    size: int
    written_at: datetime

    def image(self, shape: re.Pattern[str] = FILE_KEY) -> tuple[str, int] | None:
        """Return request and index, or None if the key has another format."""
        found = shape.fullmatch(self.key)
        return (found[1], int(found[2])) if found else None


@dataclass(frozen=True)
class Payment:
    """The ledger's record of one image."""

    request_id: str
    index: int
    paid_calls: int
    status: str | None = None
    """``generated``, ``filtered`` or ``failed``; None without an outcome."""
    raw_key: str | None = None
    is_withdrawn: bool = False
    """Whether this is the first image of a request that was cancelled, erased or has expired."""

    @property
    def key(self) -> tuple[str, int]:
        """Request and index."""
        return self.request_id, self.index


@dataclass(frozen=True)
class Letter:
    """A message in a dead-letter queue or in quarantine."""

    step: str
    queue: str
    event_id: str | None
    """None if the message is not an event."""
    request_id: str | None
    message_id: str

    @property
    def subject(self) -> str:
        """Subject of findings about it."""
        return self.event_id or self.message_id


@dataclass(frozen=True)
class Letters:
    """All dead letters that could be read."""

    all: tuple[Letter, ...] = ()
    partly_read: frozenset[str] = frozenset()
    """Steps whose letters were not all read: too many, or reserved by another operator."""

    def of(self, request_id: str) -> list[Letter]:
        """Return a request's letters."""
        return [letter for letter in self.all if letter.request_id == request_id]

    def holds(self, step: str, event_id: str) -> bool:
        """Return whether a step has a dead letter of an event, or may have one."""
        return step in self.partly_read or any(
            letter.step == step and letter.event_id == event_id for letter in self.all
        )


@dataclass(frozen=True)
class Finding:
    """A violation of a rule."""

    rule: str
    kind: Kind
    subject: str
    """Id of a request, an image or a message, or the key of an object."""
    request_id: str | None
    why: str
    """The reason, for people. It never quotes a text that a person wrote."""
    repair: Repair | None = None
    within_bound: bool = False
    """Whether the design allows it: then it is reported, but not a violation."""
    evidence: str = ""
    """Changes with the subject's state: then the finding is checked again."""
    detail: str = ""
    """Distinguishes several violations of one rule by one subject."""

    @property
    def key(self) -> tuple[str, str, str]:
        """Identity of the finding."""
        return self.rule, self.subject, self.detail

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-serialisable representation."""
        return {
            "rule": self.rule,
            "subject": self.subject,
            "request_id": self.request_id,
            "why": self.why,
            "repair": self.repair,
        }


@dataclass
class Report:
    """What an audit examined and found."""

    started_at: datetime
    segments: int
    examined: dict[str, int] = field(default_factory=dict)
    violations: list[Finding] = field(default_factory=list)
    within_bound: list[Finding] = field(default_factory=list)
    unsettled: list[Finding] = field(default_factory=list)
    """Findings that kept changing until the timeout."""
    complete: bool = True
    """False if time or the limit of findings ended the audit early."""
    partly_read: list[str] = field(default_factory=list)
    """Steps whose dead letters were not all read."""

    def by_rule(self) -> dict[str, int]:
        """Return the number of violations per rule."""
        counts: dict[str, int] = {}
        for finding in self.violations:
            counts[finding.rule] = counts.get(finding.rule, 0) + 1
        return counts

    def to_dict(self, most: int | None = None) -> dict[str, Any]:
        """Return a JSON-serialisable representation with up to ``most`` findings of each sort."""
        return {
            "started_at": self.started_at.isoformat(),
            "segments": self.segments,
            "complete": self.complete,
            "examined": self.examined,
            "by_rule": self.by_rule(),
            "violations": [finding.to_dict() for finding in self.violations[:most]],
            "within_bound": [finding.to_dict() for finding in self.within_bound[:most]],
            "unsettled": [finding.to_dict() for finding in self.unsettled[:most]],
            "partly_read": self.partly_read,
        }
