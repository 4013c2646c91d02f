"""Claude's Converse API, as far as a moderator with one forced tool needs it."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from typing import Any

from local.bedrock.errors import validation
from local.bedrock.faults import Rule
from local.bedrock.lifecycle import Model
from local.bedrock.policy import judge

_TAGGED = re.compile(r"<([A-Za-z][\w.\-]*)[^<>]*>(.*)</\1>", re.DOTALL)
_REFUSAL = "I can't help with this request."

# What a schema may call each of the policy's categories, best first.
_SYNONYMS = {
    "injection": ("prompt_injection", "injection", "jailbreak", "manipulation", "policy_evasion", "other", "illegal"),
    "illegal": ("illegal", "illegal_activity", "illicit", "dangerous", "weapons", "drugs"),
    "public_figure": ("public_figure", "public_figures", "deception", "likeness", "misinformation", "real_person"),
    "child_safety": ("child_safety", "minors", "csae", "sexual_minors", "sexual"),
    "self_harm": ("self_harm", "self-harm", "suicide"),
    "sexual": ("sexual", "sexual_content", "nudity", "adult"),
    "violence": ("violence", "gore", "graphic_violence"),
    "hate": ("hate", "hate_speech", "harassment"),
}


_ANYWHERE = frozenset({"child_safety", "hate", "injection"})
"""What is not said even to keep it out of a image. Naming "gore" in a negative prompt is a reason to allow it."""


def screened_text(body: Mapping[str, Any]) -> tuple[str, str]:
    """The prompt and negative prompt of the last user message.

    They come as a JSON object inside a tag whose name ends in a nonce. Everything between the first such tag and the
    last closing one of the same name is data; where it is not that object, the whole message is judged as a prompt.
    """
    message = _last_user_text(body)
    tagged = _TAGGED.search(message)
    try:
        value = json.loads(tagged.group(2)) if tagged else None
    except ValueError:
        value = None
    if not isinstance(value, dict):
        return message, ""
    return str(value.get("prompt") or ""), str(value.get("negative_prompt") or "")


def check(body: Mapping[str, Any], model: Model) -> None:
    """Raise the ValidationException a request earns before the model ever reads it."""
    inference = body.get("inferenceConfig") or {}
    extra = body.get("additionalModelRequestFields") or {}
    given = {key for key, value in [*inference.items(), *extra.items()] if value is not None}
    for name in sorted(model.refuses & given):
        raise validation(f"The model returned the following errors: `{name}` is not supported by this model.")
    if {"temperature", "topP"} <= given:
        raise validation("The model returned the following errors: `temperature` and `top_p` cannot both be specified.")
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise validation("A conversation must have at least one message. Try again with a conversation.")
    if messages[0].get("role") != "user":
        raise validation("A conversation must start with a user message. Try again with a conversation.")
    if messages[-1].get("role") != "user":
        raise validation("This model does not support assistant message prefill.")
    thinking = extra.get("thinking")
    if _forced_tool(body) and isinstance(thinking, dict) and thinking.get("type") == "enabled":
        raise validation("Thinking may not be enabled when tool_choice forces tool use.")


def answer(body: Mapping[str, Any], fault: Rule | None) -> dict[str, Any]:
    """Converse's response: a verdict through the forced tool, or a refusal when a fault asks for one."""
    tool = _forced_tool(body)
    if fault is not None and fault.effect == "refuse":
        return _response(body, [{"text": _REFUSAL}], fault.stop_reason)
    if tool is None:
        return _response(body, [{"text": "Send a tool choice to have a prompt judged."}], "end_turn")
    schema = tool["inputSchema"]["json"]
    given = _breaking(schema) if fault is not None and fault.effect == "malformed" else _verdict(schema, body)
    use = {"toolUseId": f"tooluse_{secrets.token_urlsafe(16)}", "name": tool["name"], "input": given}
    return _response(body, [{"toolUse": use}], "tool_use")


def _verdict(schema: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    """Judge both texts and say so in the schema's own enums. Nothing in the texts is ever followed."""
    prompt, negative_prompt = screened_text(body)
    unwanted = judge(negative_prompt)
    found = {"prompt": judge(prompt), "negative_prompt": unwanted if unwanted in _ANYWHERE else "none"}
    field = next((name for name, category in found.items() if category != "none"), "none")
    category = found.get(field, "none")
    said = {"verdict": "allow" if category == "none" else "block", "field": field, "category": category}
    return {name: _value(name, spec, said) for name, spec in schema.get("properties", {}).items()}


def _value(name: str, spec: Mapping[str, Any], said: Mapping[str, str]) -> object:
    options = spec.get("enum")
    if name == "category" and isinstance(options, list):
        return _category(said["category"], options)
    if name in said and (options is None or said[name] in options):
        return said[name]
    if options:
        return options[0]
    empty: dict[object, object] = {"boolean": False, "integer": 0, "number": 0, "array": [], "object": {}}
    return empty.get(spec.get("type"), "")


def _category(category: str, options: list[str]) -> str:
    """The schema's word for a category, some other blocking one when it has none for it."""
    if category in options:
        return category
    known = [name for name in _SYNONYMS.get(category, ()) if name in options]
    others = [name for name in ("other", *reversed(options)) if name in options and name != "none"]
    return next(iter([*known, *others]), "none")


def _breaking(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Tool input that keeps to none of the schema."""
    return {**dict.fromkeys(schema.get("properties", {}), 7), "verdict": "perhaps"}


def _forced_tool(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    config = body.get("toolConfig") or {}
    tools = {tool["toolSpec"]["name"]: tool["toolSpec"] for tool in config.get("tools", []) if "toolSpec" in tool}
    choice = config.get("toolChoice") or {}
    if "tool" in choice:
        name = choice["tool"].get("name")
        if name not in tools:
            raise validation(f"Tool '{name}' not found in provided tools.")
        return tools[name]  # type: ignore[no-any-return]
    return next(iter(tools.values()), None) if "any" in choice else None


def _response(body: Mapping[str, Any], content: list[dict[str, Any]], stop_reason: str) -> dict[str, Any]:
    asked = _tokens([body.get("system"), body.get("messages"), body.get("toolConfig")])
    said = _tokens(content)
    return {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": stop_reason,
        "usage": {"inputTokens": asked, "outputTokens": said, "totalTokens": asked + said},
        "metrics": {"latencyMs": 1},
    }


def _tokens(value: object) -> int:
    """About four characters a token."""
    return max(1, len(json.dumps(value, ensure_ascii=False)) // 4)


def _last_user_text(body: Mapping[str, Any]) -> str:
    content = body["messages"][-1].get("content") or []
    return "\n".join(str(part["text"]) for part in content if isinstance(part, dict) and "text" in part)
