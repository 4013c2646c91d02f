"""The text that is moderated is exactly the text of the event and the text that the image model receives."""

import json
import re
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from events.model_catalog import model_catalog
from events.parameters import GenerationParameters
from kit.sealing import Texts
from services.generation.families import FAMILIES
from services.intake.creation import seal_parameters
from services.intake.model_fit import resolve
from services.intake.schemas import NewRequest
from services.moderation.policy import load_policy
from services.moderation.schemas import NewCheck
from services.moderation.screening import Screening
from services.moderation.service import PromptLayers
from tests.support.clock import FakeClock
from tests.support.sealing import sample_sealer
from tests.support.texts import NASTY
from tests.unit.moderation.fakes import ScriptedClaude, ScriptedKeywords

MODELS: Final = model_catalog()
MODEL: Final = MODELS.get("sd3.5-large")
SCREENING: Final = Screening(load_policy(), "model")
SEALER: Final = sample_sealer()
OWNER: Final = "ada"


def accepted(prompt: str, negative_prompt: str | None) -> GenerationParameters | None:
    """Return the parameters of the event of a request, or None if the API refuses the texts."""
    body = {"model": "sd3.5-large", "prompt": prompt, "negative_prompt": negative_prompt or None}
    try:
        request = NewRequest.model_validate(body)
    except ValidationError:
        return None
    return seal_parameters(SEALER, OWNER, request, resolve(request, MODELS, Decimal(1)))


def texts_of(parameters: GenerationParameters) -> Texts:
    """Return the texts of the event."""
    return SEALER.open_texts(OWNER, parameters)


TEXT: Final = st.text(
    NASTY.filter(lambda character: accepted(f"a{character}", None) is not None), min_size=1
) | st.text(NASTY, min_size=1)
"""Half of them have only characters that are accepted by themselves."""


def moderated(texts: Texts) -> dict[str, str]:
    """Return the texts in the request to Claude, as Claude reads them."""
    claude = ScriptedClaude()
    clock = FakeClock(datetime(2026, 11, 22, tzinfo=UTC))
    PromptLayers(load_policy(), [ScriptedKeywords(), claude], clock).screen(texts.prompt, texts.negative_prompt)
    request: Any = SCREENING.request(claude.calls[0])
    found = re.search(r"<(request-\w+)>(.*)</\1>$", request["messages"][0]["content"][0]["text"], re.DOTALL)
    assert found is not None
    read: dict[str, str] = json.loads(found[2].replace("\uff1c", "<"))  # a full-width "<" stands for "<"
    return read


def sent(texts: Texts, parameters: GenerationParameters) -> dict[str, str]:
    """Return the texts in the request to the image model."""
    assert MODEL is not None
    body = FAMILIES[MODEL.family].request(texts, parameters, parameters.models[0], MODEL, 1)
    return {name: body[name] for name in ("prompt", "negative_prompt") if name in body}


@given(TEXT, st.none() | TEXT)
def test_event_moderation_and_model_have_the_same_text(prompt: str, negative_prompt: str | None) -> None:
    parameters = accepted(prompt, negative_prompt)
    if parameters is None:
        return
    texts = texts_of(parameters)
    event = {name: text for name, text in asdict(texts).items() if text is not None}

    assert moderated(texts) == event
    assert sent(texts, parameters) == event


@given(TEXT, st.none() | TEXT)
def test_a_text_that_was_not_accepted_is_moderated_as_it_is_sent(prompt: str, negative_prompt: str | None) -> None:
    plain = accepted("a cat", None)
    assert plain is not None
    edited = Texts(prompt, negative_prompt)

    assert {name: text for name, text in moderated(edited).items() if text} == {
        name: text for name, text in sent(edited, plain).items() if text
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
        assert checked == texts_of(parameters).prompt
