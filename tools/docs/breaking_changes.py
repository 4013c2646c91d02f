"""Breaking changes between two versions of the OpenAPI document.

What callers send may only become freer (contravariant), and what they receive may only become stricter (covariant):
a new optional field of a body is compatible in both directions, a new value of an enum only in what callers send.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

Document = Mapping[str, Any]
Schema = Mapping[str, Any]

UPPER: Final = ("maximum", "maxLength", "maxItems")
LOWER: Final = ("minimum", "minLength", "minItems")
SAME: Final = ("format", "pattern")


def breaking_changes(old: Document, new: Document, today: date) -> list[str]:
    """Return what in ``new`` breaks clients of ``old``. Deprecated routes may be removed after their sunset."""
    found: list[str] = []
    for name, before in _operations(old, "paths"):
        after = dict(_operations(new, "paths")).get(name)
        if after is not None:
            found += (f"{name}: {change}" for change in _operation_changes(old, new, before, after))
        elif not _has_ended(before, today):
            found.append(f"{name}: was removed")
    for name, before in _operations(old, "webhooks"):
        after = dict(_operations(new, "webhooks")).get(name)
        found += [f"webhook {name}: was removed"] if after is None else []
        if after is not None:  # callers receive its body
            changes = _content_changes(Received(old, new), before["requestBody"], after["requestBody"], "body")
            found += (f"webhook {name}: {change}" for change in changes)
    return found


def _operations(document: Document, group: str) -> Iterator[tuple[str, Any]]:
    for path, methods in document.get(group, {}).items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def _has_ended(operation: Mapping[str, Any], today: date) -> bool:
    return bool(operation.get("deprecated")) and date.fromisoformat(operation["x-sunset"]) <= today


def _operation_changes(old: Document, new: Document, before: Any, after: Any) -> Iterator[str]:
    sent = Sent(old, new)
    if after.get("security") != before.get("security"):
        yield f"requires {after.get('security')}, required {before.get('security')}"
    yield from _parameter_changes(sent, before.get("parameters", []), after.get("parameters", []))
    if "requestBody" in before and "requestBody" in after:
        yield from _content_changes(sent, before["requestBody"], after["requestBody"], "body")
    elif "requestBody" in after:
        yield "requires a body"
    elif "requestBody" in before:
        yield "takes no body any more"
    for status, response in before["responses"].items():
        received = Received(old, new)
        where, successor = f"response {status}", after["responses"].get(status)
        if successor is not None:
            was, becomes = received.resolve_old(response), received.resolve_new(successor)
            yield from _content_changes(received, was, becomes, where)
            yield from (f"{where}: header {name} was removed" for name in _missing(was, becomes, "headers"))
        elif status[0] in "23":
            yield f"{where} was removed"


def _parameter_changes(sent: "Sent", before: list[Any], after: list[Any]) -> Iterator[str]:
    old, new = ({(part["in"], part["name"]): part for part in parts} for parts in (before, after))
    for key, part in old.items():
        where = f"parameter {key[1]}"
        if key not in new:
            yield f"{where} was removed"
        else:
            yield from sent.changes(part["schema"], new[key]["schema"], where)
    for key, part in new.items():
        if part.get("required") and not old.get(key, {}).get("required"):
            yield f"parameter {key[1]} became required"


def _content_changes(comparison: "Comparison", before: Any, after: Any, where: str) -> Iterator[str]:
    for media_type, content in before.get("content", {}).items():
        if media_type not in after.get("content", {}):
            yield f"{where}: {media_type} was removed"
        else:
            yield from comparison.changes(content["schema"], after["content"][media_type]["schema"], where)


def _missing(before: Any, after: Any, group: str) -> list[str]:
    return [name for name in before.get(group, {}) if name not in after.get(group, {})]


@dataclass
class Comparison:
    """Compares two schemas. The subclasses say in which direction values flow."""

    old: Document
    new: Document
    seen: set[tuple[str, str]] = field(default_factory=set)
    """Pairs of references that are being compared, or were: schemas may contain themselves."""

    def resolve_old(self, part: Any) -> Any:
        """Return a part of the old document, or what it refers to."""
        return _resolve(self.old, part)

    def resolve_new(self, part: Any) -> Any:
        """Return a part of the new document, or what it refers to."""
        return _resolve(self.new, part)

    def changes(self, old: Schema, new: Schema, where: str) -> Iterator[str]:
        """Yield the breaking changes from ``old`` to ``new``."""
        pair = (old.get("$ref", ""), new.get("$ref", ""))
        if all(pair):
            if pair in self.seen:
                return
            self.seen.add(pair)
        before, after = _choices(self.old, old), _choices(self.new, new)
        if len(before) == len(after) == 1 or [*map(_name, before)] == [*map(_name, after)]:
            for one, other in zip(before, after, strict=True):
                yield from self._object_changes(one, other, where)
                yield from self._value_changes(one, other, where)
        else:
            yield from (f"{where}: {choice}" for choice in self._uncovered(before, after))

    def _uncovered(self, before: list[Schema], after: list[Schema]) -> Iterator[str]:
        """Yield the alternatives that the receiving side does not know."""
        raise NotImplementedError

    def _value_changes(self, before: Schema, after: Schema, where: str) -> Iterator[str]:
        """Yield the changes of a value that is no object."""
        raise NotImplementedError

    def _required(self, before: Schema, after: Schema) -> Iterator[str]:
        """Yield the breaking changes of which properties are required."""
        raise NotImplementedError

    def _object_changes(self, before: Schema, after: Schema, where: str) -> Iterator[str]:
        yield from (f"{where}.{name} was removed" for name in _missing(before, after, "properties"))
        yield from (f"{where}.{change}" for change in self._required(before, after))
        for name, part in before.get("properties", {}).items():
            if name in after.get("properties", {}):
                yield from self.changes(part, after["properties"][name], f"{where}.{name}")
        for below in ("items", "additionalProperties"):
            one, other = before.get(below), after.get(below)
            if isinstance(one, dict) and isinstance(other, dict):
                yield from self.changes(one, other, f"{where}[]")

    def _is_compatible(self, one: Schema, other: Schema) -> bool:
        return not [*type(self)(self.old, self.new, set(self.seen)).changes(one, other, "")]


class Sent(Comparison):
    """What callers send: everything that was valid must still be."""

    def _uncovered(self, before: list[Schema], after: list[Schema]) -> Iterator[str]:
        return (
            f"no longer accepts {_name(one)}"
            for one in before
            if not any(self._is_compatible(one, other) for other in after)
        )

    def _value_changes(self, before: Schema, after: Schema, where: str) -> Iterator[str]:
        yield from (f"{where}: {change}" for change in _narrowings(narrow=before, wide=after))

    def _required(self, before: Schema, after: Schema) -> Iterator[str]:
        known = before.get("required", [])
        return (f"{name} became required" for name in after.get("required", []) if name not in known)


class Received(Comparison):
    """What callers receive: everything that comes must be what they know. Further properties may come."""

    def _uncovered(self, before: list[Schema], after: list[Schema]) -> Iterator[str]:
        return (
            f"may also be {_name(other)}"
            for other in after
            if not any(self._is_compatible(one, other) for one in before)
        )

    def _value_changes(self, before: Schema, after: Schema, where: str) -> Iterator[str]:
        yield from (f"{where}: {change}" for change in _narrowings(narrow=after, wide=before))

    def _required(self, before: Schema, after: Schema) -> Iterator[str]:
        kept = [*after.get("required", []), *_missing(before, after, "properties")]
        return (f"{name} became optional" for name in before.get("required", []) if name not in kept)


def _narrowings(narrow: Schema, wide: Schema) -> Iterator[str]:
    """Yield the rules of ``wide`` that values of ``narrow`` may break."""
    types = (narrow.get("type"), wide.get("type"))
    if wide.get("type") not in (None, narrow.get("type")) and types != ("integer", "number"):
        yield f"type {narrow.get('type')} against {wide.get('type')}"
    known, values = _values(wide), _values(narrow)
    if known is not None:
        unknown = [value for value in values or () if value not in known]
        yield from (f"value {value!r}" for value in unknown)
        if values is None:
            yield f"any value against {known}"
    for key in (*UPPER, *LOWER):
        bound, actual = wide.get(key), narrow.get(key)
        is_wider = bound is None or (actual is not None and (actual <= bound if key in UPPER else actual >= bound))
        if not is_wider:
            yield f"{key} {actual} against {bound}"
    for key in SAME:
        if key in wide and wide[key] != narrow.get(key):
            yield f"{key} {narrow.get(key)} against {wide[key]}"


def _values(schema: Schema) -> list[Any] | None:
    """Return the values that an enum or a constant allows, or None if the schema is neither."""
    return [schema["const"]] if "const" in schema else schema.get("enum")


def _choices(document: Document, schema: Schema) -> list[Schema]:
    """Return the alternatives of a schema, without references."""
    resolved = _resolve(document, schema)
    for keyword in ("anyOf", "oneOf"):
        if keyword in resolved:
            return [choice for part in resolved[keyword] for choice in _choices(document, part)]
    if isinstance(resolved.get("type"), list):
        return [{**resolved, "type": one} for one in resolved["type"]]
    return [resolved]


def _name(schema: Schema) -> str:
    return str(schema.get("title") or _values(schema) or schema.get("type") or "anything")


def _resolve(document: Document, part: Any) -> Any:
    """Return ``part``, or its target if it is a reference."""
    while "$ref" in part:
        target: Any = document
        for step in part["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        part = target
    return part
