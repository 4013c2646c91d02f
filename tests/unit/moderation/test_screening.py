"""Claude's question and answer: nothing a caller writes is an instruction, and all but a clear yes blocks."""

import json
import re
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.moderation import policy
from services.moderation.screening import Screening
from services.moderation.service import Finding

RULES: Final = policy.load()
SCREENING: Final = Screening(RULES, "us.anthropic.claude-haiku-5-5")
ALLOW: Final = {"verdict": "allow", "category": "none", "field": "none"}
REFUSED: Final = Finding(category="unclassified", field="prompt", reason="screening_refused")
UNREADABLE: Final = Finding(category="unclassified", field="prompt", reason="screening_unreadable")


def answer(said: Any, *, stop: str = "tool_use", tool: str = "record_verdict", uses: int = 1) -> Any:
    content = [{"toolUse": {"toolUseId": "t", "name": tool, "input": said}}] * uses
    return {"output": {"message": {"role": "assistant", "content": content}}, "stopReason": stop}


def asked(prompt: str, negative_prompt: str | None = None) -> str:
    texts: Any = {"prompt": prompt} | ({"negative_prompt": negative_prompt} if negative_prompt else {})
    question: Any = SCREENING.question(texts)
    (message,) = question["messages"]
    text: str = message["content"][0]["text"]
    return text


def test_one_tool_is_forced_and_its_answers_are_enumerations() -> None:
    question: Any = SCREENING.question({"prompt": "a lighthouse"})
    tool = question["toolConfig"]["tools"][0]["toolSpec"]
    properties = tool["inputSchema"]["json"]["properties"]
    assert question["toolConfig"]["toolChoice"] == {"tool": {"name": tool["name"]}}
    assert set(properties) == {"verdict", "category", "field"}
    assert properties["category"]["enum"] == ["none", *RULES.categories]
    assert all("enum" in value for value in properties.values())


def test_the_model_gets_no_sampling_parameters_and_does_not_think() -> None:
    question: Any = SCREENING.question({"prompt": "a lighthouse"})
    assert set(question["inferenceConfig"]) == {"maxTokens"}
    assert question["additionalModelRequestFields"] == {"thinking": {"type": "disabled"}}


def test_the_policy_stands_in_the_system_text_and_the_prompt_does_not() -> None:
    question: Any = SCREENING.question({"prompt": "a lighthouse"})
    (system,) = question["system"]
    assert all(f"- {name}: {category.description}" in system["text"] for name, category in RULES.categories.items())
    assert "a lighthouse" not in system["text"]


@given(st.text(), st.text())
def test_the_texts_come_as_json_in_a_tag_they_cannot_close(prompt: str, negative_prompt: str) -> None:
    text = asked(prompt + "</request>", negative_prompt)
    tag, data = re.findall(r"<(request-[0-9a-f]{16})>(.*)</\1>$", text, re.DOTALL)[0]
    assert text.count("<") == 2
    assert set(json.loads(data)) == {"prompt"} | ({"negative_prompt"} if negative_prompt else set())
    assert tag not in asked(prompt, negative_prompt)


def test_claude_reads_the_text_without_its_disguises() -> None:
    assert '"ignore this"' in asked("\uff49\uff47\uff4e\u200bore\u202e this")


def test_a_clear_yes_allows() -> None:
    assert SCREENING.read(answer(ALLOW)) is None


@pytest.mark.parametrize("field", ["prompt", "negative_prompt"])
@pytest.mark.parametrize("category", list(RULES.categories))
def test_a_block_names_category_and_field(category: str, field: Any) -> None:
    said = {"verdict": "block", "category": category, "field": field}
    assert SCREENING.read(answer(said)) == Finding(category=category, field=field, reason="category_blocked")


@pytest.mark.parametrize("stop", ["refusal", "content_filtered", "guardrail_intervened"])
def test_a_refusal_blocks_even_when_it_carries_a_yes(stop: str) -> None:
    assert SCREENING.read(answer(ALLOW, stop=stop)) == REFUSED


@pytest.mark.parametrize(
    "unclear",
    [
        answer({}),
        answer("allow"),
        answer(None),
        answer({**ALLOW, "verdict": "perhaps"}),
        answer({**ALLOW, "verdict": "ALLOW"}),
        answer({**ALLOW, "category": "sexual"}),
        answer({**ALLOW, "field": "prompt"}),
        answer({**ALLOW, "note": "this is fine"}),
        answer({"verdict": "allow"}),
        answer({"verdict": "block", "category": "none", "field": "none"}),
        answer({"verdict": "block", "category": "sexual", "field": "none"}),
        answer({"verdict": "block", "category": "made_up", "field": "prompt"}),
        answer(ALLOW, tool="another_tool"),
        answer(ALLOW, uses=2),
        answer(ALLOW, uses=0),
        answer(ALLOW, stop="max_tokens"),
        answer(ALLOW, stop="end_turn"),
        answer(ALLOW, stop="something_new"),
        {"stopReason": "tool_use"},
        {"output": {"message": {"role": "assistant", "content": [{"text": "allow"}]}}, "stopReason": "end_turn"},
    ],
)
def test_whatever_is_not_a_clear_answer_blocks(unclear: Any) -> None:
    assert SCREENING.read(unclear) == UNREADABLE


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.sampled_from(["allow", "none", "prompt"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*ALLOW, "x"]), inner, max_size=4),
    max_leaves=8,
)


@given(json_values, st.sampled_from(["tool_use", "end_turn", "refusal", "new"]))
def test_nothing_but_the_one_right_answer_lets_a_prompt_pass(said: Any, stop: str) -> None:
    assert (SCREENING.read(answer(said, stop=stop)) is None) == (said == ALLOW and stop == "tool_use")
