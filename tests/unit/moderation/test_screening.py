"""The request to Claude and its response: no text is an instruction, and only an explicit "allow" allows."""

import json
import re
import sys
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.text import readable
from services.moderation.models import TEXT_MAX, Finding, Hit
from services.moderation.policy import load_policy
from services.moderation.screening import Screening

POLICY: Final = load_policy()
SCREENING: Final = Screening(POLICY, "us.anthropic.claude-haiku-5-5")
ALLOW: Final = {"verdict": "allow", "category": "none", "field": "none"}
REFUSED: Final = Finding(category="unclassified", field="prompt", reason="screening_refused")
UNREADABLE: Final = Finding(category="unclassified", field="prompt", reason="screening_unreadable")


def response(verdict: Any, *, stop: str = "tool_use", tool: str = "record_verdict", uses: int = 1) -> Any:
    content = [{"toolUse": {"toolUseId": "t", "name": tool, "input": verdict}}] * uses
    return {"output": {"message": {"role": "assistant", "content": content}}, "stopReason": stop}


def message_for(prompt: str, negative_prompt: str | None = None) -> str:
    texts: Any = {"prompt": prompt} | ({"negative_prompt": negative_prompt} if negative_prompt else {})
    request: Any = SCREENING.request(texts)
    (message,) = request["messages"]
    text: str = message["content"][0]["text"]
    return text


def test_one_tool_is_forced_and_its_fields_are_enumerations() -> None:
    request: Any = SCREENING.request({"prompt": "a lighthouse"})
    tool = request["toolConfig"]["tools"][0]["toolSpec"]
    properties = tool["inputSchema"]["json"]["properties"]
    assert request["toolConfig"]["toolChoice"] == {"tool": {"name": tool["name"]}}
    assert set(properties) == {"verdict", "category", "field"}
    assert properties["category"]["enum"] == ["none", *POLICY.categories]
    assert all("enum" in value for value in properties.values())


def test_the_model_gets_no_sampling_parameters_and_does_not_think() -> None:
    request: Any = SCREENING.request({"prompt": "a lighthouse"})
    assert set(request["inferenceConfig"]) == {"maxTokens"}
    assert request["additionalModelRequestFields"] == {"thinking": {"type": "disabled"}}


def test_the_system_text_contains_the_policy_and_not_the_prompt() -> None:
    request: Any = SCREENING.request({"prompt": "a lighthouse"})
    (system,) = request["system"]
    assert all(f"- {name}: {category.description}" in system["text"] for name, category in POLICY.categories.items())
    assert "a lighthouse" not in system["text"]


@given(st.text(), st.text())
def test_the_texts_are_json_in_a_tag_that_they_cannot_close(prompt: str, negative_prompt: str) -> None:
    text = message_for(prompt + "</request>", negative_prompt)
    tag, data = re.findall(r"<(request-[0-9a-f]{16})>(.*)</\1>$", text, re.DOTALL)[0]
    assert text.count("<") == 2
    assert set(json.loads(data)) == {"prompt"} | ({"negative_prompt"} if negative_prompt else set())
    assert tag not in message_for(prompt, negative_prompt)


@pytest.mark.parametrize("character", ["a", "<", '"', "\\", "\n", "\ufdfa", "\u3300", "\U0001f600", "\u202e"])
def test_no_text_within_the_limit_becomes_long_for_claude(character: str) -> None:
    text = readable("a" + character * ((TEXT_MAX - 1) // max(1, len(readable(character)))))
    assert len(text) <= TEXT_MAX
    assert len(message_for(text, text)) < 2 * 2 * TEXT_MAX + 300


def test_every_character_is_at_most_two_for_claude() -> None:
    longer = [code for code in range(sys.maxunicode + 1) if len(json.dumps(chr(code), ensure_ascii=False)) > 4]
    assert all(chr(code) < " " for code in longer), "json escapes control characters only, which no text may contain"


def test_claude_is_told_what_the_keyword_filter_found() -> None:
    hit = Hit(category="violence", field="negative_prompt", strength="review")
    request: Any = SCREENING.request({"prompt": "a lighthouse"}, hit)
    text = request["messages"][0]["content"][0]["text"]
    assert text.startswith('The keyword filter found a term of the category violence in "negative_prompt".\n')


def test_an_explicit_allow_allows() -> None:
    assert SCREENING.read(response(ALLOW)) is None


@pytest.mark.parametrize("field", ["prompt", "negative_prompt"])
@pytest.mark.parametrize("category", list(POLICY.categories))
def test_a_block_has_category_and_field(category: str, field: Any) -> None:
    verdict = {"verdict": "block", "category": category, "field": field}
    assert SCREENING.read(response(verdict)) == Finding(category=category, field=field, reason="category_blocked")


@pytest.mark.parametrize("stop", ["refusal", "content_filtered", "guardrail_intervened"])
def test_a_refusal_blocks_even_with_an_allow(stop: str) -> None:
    assert SCREENING.read(response(ALLOW, stop=stop)) == REFUSED


@pytest.mark.parametrize(
    "unclear",
    [
        response({}),
        response("allow"),
        response(None),
        response({**ALLOW, "verdict": "perhaps"}),
        response({**ALLOW, "verdict": "ALLOW"}),
        response({**ALLOW, "category": "sexual"}),
        response({**ALLOW, "field": "prompt"}),
        response({**ALLOW, "note": "this is fine"}),
        response({"verdict": "allow"}),
        response({"verdict": "block", "category": "none", "field": "none"}),
        response({"verdict": "block", "category": "sexual", "field": "none"}),
        response({"verdict": "block", "category": "made_up", "field": "prompt"}),
        response(ALLOW, tool="another_tool"),
        response(ALLOW, uses=2),
        response(ALLOW, uses=0),
        response(ALLOW, stop="max_tokens"),
        response(ALLOW, stop="end_turn"),
        response(ALLOW, stop="something_new"),
        {"stopReason": "tool_use"},
        {"output": {"message": {"role": "assistant", "content": [{"text": "allow"}]}}, "stopReason": "end_turn"},
    ],
)
def test_an_unclear_response_blocks(unclear: Any) -> None:
    assert SCREENING.read(unclear) == UNREADABLE


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.sampled_from(["allow", "none", "prompt"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*ALLOW, "x"]), inner, max_size=4),
    max_leaves=8,
)


@given(json_values, st.sampled_from(["tool_use", "end_turn", "refusal", "new"]))
def test_only_an_explicit_allow_approves_a_prompt(verdict: Any, stop: str) -> None:
    assert (SCREENING.read(response(verdict, stop=stop)) is None) == (verdict == ALLOW and stop == "tool_use")
