"""Edit a dead letter, so that its step can process it.

The result is a new message. Its event id is derived from the changes, and the original event is its cause, so the same
edit twice is the same message. Only data and version can be edited.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from pydantic import ValidationError

from cli.letter_texts import PERSONAL, open_data, seal_data
from events.catalog import event_type
from events.envelope import derive_id, traceparent
from events.pipeline import RANKS, STATUS_AFTER, STEPS_BY_NAME, TERMINAL
from kit.errors import OwnerErasedError
from kit.sealing import Sealer
from services.operations.dead_letters.letters import DeadLetter, Outcome
from services.operations.dead_letters.replaying import Planned, Replayer, ReplayOptions
from services.operations.dead_letters.session import OperatorSession

OPEN_IN: Final[Mapping[str, frozenset[str]]] = {
    **dict.fromkeys(PERSONAL, frozenset({"ImageRequested"})),  # moderation decides about them next
    "models": frozenset({"ImageRequested", "PromptApproved"}),  # generation chooses from them
    # Generation and storage decide these, and no event asks for them.
    **dict.fromkeys(("image", "status", "image_id", "original", "display", "thumbnail"), frozenset()),
}
"""Field, at any depth → events in which it can be changed. In any other event, a step has decided it: an operator who
replaced an image after moderation would have it stored unseen."""
PLAIN: Final = re.compile(r"[\w.:/+#-]{1,200}")
"""Text that can be shown: keys, ids, names and numbers."""
VERSION: Final = "metadata.version"
_NOTHING: Final = object()


class InvalidEditError(Exception):
    """The edit is invalid. ``errors`` are pairs of field and rule."""

    def __init__(self, *errors: tuple[str, str]) -> None:
        super().__init__("; ".join(f"{field}: {rule}" for field, rule in errors))
        self.errors = errors


@dataclass(frozen=True)
class Change:
    """A field before and after. Text that may be a prompt is replaced by its length."""

    field: str
    before: str
    after: str


@dataclass(frozen=True)
class Edited:
    """The message that replaces a dead letter."""

    event_id: str
    body: str
    changes: tuple[Change, ...]


def data_of(letter: DeadLetter, sealer: Sealer) -> Any:
    """Return the data of a dead letter's event with opened texts, so it must not be printed.

    Raises ``InvalidEditError`` if the message is not an event or its owner was erased.
    """
    if letter.metadata is None:
        raise InvalidEditError(("body", "is not an event with a readable envelope"))
    try:
        return open_data(_sealed_data(letter), sealer, letter.metadata.owner)
    except OwnerErasedError:
        raise InvalidEditError(("metadata.owner", "was erased; the message can only be purged")) from None


def _sealed_data(letter: DeadLetter) -> Any:
    return json.loads(letter.messages[0].body)["detail"].get("data", {})


def edit(letter: DeadLetter, settings: Mapping[str, Any], sealer: Sealer) -> Edited:
    """Return ``letter`` with fields set, for example ``data.images.0.index`` → 1. Raises like ``replace_data``."""
    data = data_of(letter, sealer)
    holder = {"data": data}
    version: Any = None
    for path, value in settings.items():
        if path == VERSION:
            version = value
        else:
            _put(holder, path, value)
    return replace_data(letter, holder["data"], sealer, version)


def replace_data(letter: DeadLetter, data: Any, sealer: Sealer, version: Any = None) -> Edited:
    """Return ``letter`` with other data, as its step will read it. Texts in ``data`` are plain; they are sealed here.

    Raises ``InvalidEditError`` if the event would be invalid, if nothing is changed, or if a field would be changed
    that a step has decided.
    """
    old = data_of(letter, sealer)
    cause = letter.metadata
    assert cause is not None  # noqa: S101 - data_of says so
    wanted = cause.version if version is None else version
    changes = list(_changes("data", old, data))
    if wanted != cause.version:
        changes.append(Change(VERSION, str(cause.version), str(wanted)))
    if not changes:
        raise InvalidEditError(("data", "nothing would be changed; replay sends it as it is"))
    names = {name for name, events in OPEN_IN.items() if letter.detail_type not in events}
    before, after = dict(_named(names, "data", old)), dict(_named(names, "data", data))
    moved = [field for field in {**before, **after} if before.get(field, _NOTHING) != after.get(field, _NOTHING)]
    if moved:
        raise InvalidEditError(*((field, "must stay as the step that decided it published it") for field in moved))
    content = json.dumps([data, wanted], sort_keys=True)
    qualifier = f"{letter.detail_type}:{letter.queue.step}:{sealer.digest(cause.owner, content)[:16]}"
    event_id = derive_id(cause.event_id, qualifier, letter.replays)
    body: dict[str, Any] = json.loads(letter.messages[0].body)
    body["detail"]["data"] = seal_data(data, _sealed_data(letter), sealer, cause.owner)
    body["detail"]["metadata"] |= {
        "event_id": event_id,
        "cause_id": cause.event_id,
        "version": wanted,
        "replays": letter.replays + 1,  # edits count as replays
        "traceparent": traceparent(cause.request_id, event_id),
    }
    _validate(body)
    return Edited(event_id, json.dumps(body), tuple(changes))


def _validate(body: dict[str, Any]) -> None:
    """Raise ``InvalidEditError`` if ``body`` is not an event of the catalog."""
    name, version = str(body["detail-type"]), body["detail"]["metadata"]["version"]
    kind = event_type(name, version) if isinstance(version, int) else None
    if kind is None:
        raise InvalidEditError((VERSION, f"{name[:80]} has no version {version}"))
    if body.get("source") != kind.source:
        raise InvalidEditError(("source", f"{name} is published by {kind.source} only"))
    try:
        kind.model_validate(body["detail"])
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        raise InvalidEditError(*((".".join(map(str, item["loc"])), item["msg"]) for item in found)) from error


def _put(holder: dict[str, Any], path: str, value: Any) -> None:
    """Set the field at ``path``. Only its last part may be new."""
    parts = path.split(".")
    if parts[0] != "data":
        raise InvalidEditError((path, f"only data.… and {VERSION} can be set"))
    at: Any = holder
    for depth, part in enumerate(parts):
        where, last = ".".join(parts[: depth + 1]), depth == len(parts) - 1
        if isinstance(at, list):
            if not (part.isdecimal() and int(part) < len(at)):
                raise InvalidEditError((where, f"must be the number of one of {len(at)} entries, from 0"))
            key: Any = int(part)
        elif isinstance(at, dict):
            key = part
            if not last and key not in at:
                raise InvalidEditError((where, "there is no such field"))
        else:
            raise InvalidEditError((where, f"{'.'.join(parts[:depth])} has no fields"))
        if last:
            at[key] = value
        else:
            at = at[key]


def _changes(field: str, before: Any, after: Any) -> Iterator[Change]:
    """Yield the differences."""
    match before, after:
        case dict(), dict():
            for name in [*before, *(name for name in after if name not in before)]:
                yield from _changes(f"{field}.{name}", before.get(name, _NOTHING), after.get(name, _NOTHING))
        case list(), list() if len(before) == len(after):
            for index, (old, new) in enumerate(zip(before, after, strict=True)):
                yield from _changes(f"{field}.{index}", old, new)
        case _ if type(before) is not type(after) or before != after:
            yield Change(field, _shown(field, before), _shown(field, after))


def _named(names: Collection[str], field: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield all fields with these names and their values, at any depth."""
    fields = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in fields:
        if name in names:
            yield f"{field}.{name}", inner
        else:
            yield from _named(names, f"{field}.{name}", inner)


def _shown(field: str, value: Any) -> str:
    """Return a value in a form that can be shown."""
    if value is _NOTHING:
        return "nothing"
    if isinstance(value, dict | list):
        return f"{len(value)} {'fields' if isinstance(value, dict) else 'entries'}"
    if isinstance(value, str) and (field.rsplit(".", 1)[-1] in PERSONAL or not PLAIN.fullmatch(value)):
        return f"text of {len(value)} characters"
    return json.dumps(value)


class EditReplayer(Replayer):
    """A replayer that can also send edited messages."""

    @classmethod
    def of(cls, session: OperatorSession, options: ReplayOptions) -> Self:
        """Return a replayer with the ports of ``session``."""
        return cls(
            queues=session.queues,
            states=session.states,
            bus=session.bus,
            quarantine=session.quarantine,
            options=options,
        )

    def edit(self, letter: DeadLetter, edited: Edited) -> Outcome:
        """Send ``edited`` to the step instead of ``letter``.

        It is published as a replay of the original, which answers the original's stall. If the edited message stalls,
        that is a stall of its own. Every consumer treats it as a new message, so it is refused if the step's result
        has been seen.
        """
        planned = self.judge_edit(letter)
        if planned.verdict != "replay":
            return self._refuse(planned)
        self._bus.publish([self._replayed_event(letter, edited.event_id)])
        self._queues.send(letter.queue, edited.body, letter.trace_header)
        self._queues.delete(letter.queue, letter.messages)
        return Outcome(letter, "edited", f"sent as event {edited.event_id}")

    def judge_edit(self, letter: DeadLetter) -> Planned:
        """Return what would happen to an edited ``letter``. Changes nothing."""
        planned = self._judge(letter)
        step = STEPS_BY_NAME.get(letter.queue.step)
        if planned.verdict != "replay" or letter.metadata is None or step is None:
            return planned
        timeline = self._states.timeline(letter.metadata.request_id)
        seen = [STATUS_AFTER[line.event] for line in timeline.lines if line.event in STATUS_AFTER] if timeline else []
        if any(RANKS[status] > RANKS[step.status] for status in seen if status not in TERMINAL):
            return Planned(letter, "done", planned.status)
        return planned
