"""The text that is moderated is exactly the text of the event and the text that the image model receives."""

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from events.images import GenerationParameters
from events.model_catalog import model_catalog
from services.generation.families import FAMILIES
from services.intake.model_fit import resolve
from services.intake.schemas import NewRequest
from services.moderation.policy import load_policy
from services.moderation.schemas import NewCheck
from services.moderation.screening import Screening
from services.moderation.service import PromptModeration
from tests.support.clock import FakeClock
from tests.support.texts import NASTY
from tests.unit.moderation.fakes import InMemoryVerdicts, ScriptedClaude, ScriptedKeywords

MODELS: Final = model_catalog()
MODEL: Final = MODELS.get("sd3.5-large")
SCREENING: Final = Screening(load_policy(), "model")


def accepted(prompt: str, negative_prompt: str | None) -> GenerationParameters | None:
    """Return the parameters of the event of a request, or None if the API refuses the texts."""
    body = {"model": "sd3.5-large", "prompt": prompt, "negative_prompt": negative_prompt or None}
    try:
        return resolve(NewRequest.model_validate(body), MODELS, Decimal(1))
    except ValidationError:
        return None


TEXT: Final = st.text(
    NASTY.filter(lambda character: accepted(f"a{character}", None) is not None), min_size=1
) | st.text(NASTY, min_size=1)
"""Half of them have only characters that are accepted by themselves."""


def moderated(parameters: GenerationParameters) -> dict[str, str]:
    """Return the texts in the request to Claude, as Claude reads them."""
    claude = ScriptedClaude()
    clock = FakeClock(datetime(2026, 11, 22, tzinfo=UTC))
    moderation = PromptModeration(load_policy(), ScriptedKeywords(), claude, InMemoryVerdicts(), clock)
    moderation.screen(parameters.prompt, parameters.negative_prompt)
    request: Any = SCREENING.request(claude.calls[0])
    found = re.search(r"<(request-\w+)>(.*)</\1>$", request["messages"][0]["content"][0]["text"], re.DOTALL)
    assert found is not None
    texts: dict[str, str] = json.loads(found[2].replace("\uff1c", "<"))  # a full-width "<" stands for "<"
    return texts


def sent(parameters: GenerationParameters) -> dict[str, str]:
    """Return the texts in the request to the image model."""
    assert MODEL is not None
    body = FAMILIES[MODEL.family].request(parameters, parameters.models[0], MODEL, 1)
    return {name: body[name] for name in ("prompt", "negative_prompt") if name in body}


@given(TEXT, st.none() | TEXT)
def test_event_moderation_and_model_have_the_same_text(prompt: str, negative_prompt: str | None) -> None:
    parameters = accepted(prompt, negative_prompt)
    if parameters is None:
        return
    texts = {"prompt": parameters.prompt, "negative_prompt": parameters.negative_prompt}
    event = {name: text for name, text in texts.items() if text is not None}

    assert moderated(parameters) == event
    assert sent(parameters) == event


@given(TEXT, st.none() | TEXT)
def test_a_text_that_was_not_accepted_is_moderated_as_it_is_sent(prompt: str, negative_prompt: str | None) -> None:
    plain = accepted("a cat", None)
    assert plain is not None
    edited = plain.model_copy(update={"prompt": prompt, "negative_prompt": negative_prompt})

    assert {name: text for name, text in moderated(edited).items() if text} == {
        name: text for name, text in sent(edited).items() if text
    }


@given(TEXT)
def test_a_check_accepts_the_texts_that_a_request_accepts(prompt: str) -> None:
    parameters = accepted(prompt, None)
    try:
        checked = NewCheck(prompt=prompt).prompt
    except ValidationError:
        assert parameters is None
    else:
        assert parameters is not None
        assert checked == parameters.prompt
