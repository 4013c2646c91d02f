"""The texts of an owner in the data of a dead letter: opened for an edit, sealed again before it is sent."""

from collections.abc import Callable, Iterator
from typing import Any, Final

from kit.sealing import SealedTextError, Sealer

PERSONAL: Final = frozenset({"prompt", "negative_prompt"})
"""Fields, at any depth, that events carry sealed. They are never shown."""


def open_data(data: Any, sealer: Sealer, owner: str) -> Any:
    """Return ``data`` with opened texts. A text that cannot be opened stays as it is.

    Raises ``OwnerErasedError`` if the owner was erased.
    """
    return _changed(data, lambda text: _opened(text, sealer, owner))


def seal_data(data: Any, original: Any, sealer: Sealer, owner: str) -> Any:
    """Return ``data`` with sealed texts. A text that is also in ``original`` keeps its sealed form."""
    known = {_opened(text, sealer, owner): text for text in _texts(original)}
    return _changed(data, lambda text: known.get(text) or sealer.seal(owner, text))


def _opened(text: str, sealer: Sealer, owner: str) -> str:
    try:
        return sealer.open(owner, text)
    except SealedTextError:
        return text


def _changed(value: Any, change: Callable[[str], str]) -> Any:
    match value:
        case dict():
            return {
                name: change(inner) if name in PERSONAL and isinstance(inner, str) else _changed(inner, change)
                for name, inner in value.items()
            }
        case list():
            return [_changed(inner, change) for inner in value]
        case _:
            return value


def _texts(value: Any) -> Iterator[str]:
    found: list[str] = []

    def note(text: str) -> str:
        found.append(text)
        return text

    _changed(value, note)
    yield from found
