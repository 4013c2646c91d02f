"""Errors of pydantic never quote what they refuse: it may be a prompt or a key."""

from collections.abc import Iterator
from importlib import import_module

import pytest
from pydantic import BaseModel, RootModel, ValidationError

from events.catalog.image_requested import ImageRequested
from tests.support.events import sample
from tests.support.templates import ROOT


def our_models() -> Iterator[type[BaseModel]]:
    """Yield the models that events, kit and services define, except root models, which describe responses only."""
    for package in ("events", "kit", "services"):
        for path in (ROOT / package).rglob("*.py"):
            if not {"handlers", "web", "__init__.py"} & {*path.parts}:
                import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    waiting = [BaseModel]
    while waiting:
        for model in waiting.pop().__subclasses__():
            waiting.append(model)
            if model.__module__.partition(".")[0] in {"events", "kit", "services"} and not issubclass(model, RootModel):
                yield model


def test_no_model_quotes_its_input() -> None:
    found = list(our_models())

    assert len(found) > 100
    assert [model.__name__ for model in found if not model.model_config.get("hide_input_in_errors")] == []


def test_the_error_of_a_stored_event_does_not_quote_its_prompt() -> None:
    text = sample("ImageRequested").model_dump_json().replace('"count":', '"cuont":')

    with pytest.raises(ValidationError) as refused:
        ImageRequested.model_validate_json(text)
    assert "lighthouse" not in str(refused.value)
    assert "count" in str(refused.value)
