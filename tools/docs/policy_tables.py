"""The tables of `docs/safety.md`: the categories of the policy that decides, and all policies with their versions."""

from typing import Final, get_args

from events.catalog.prompt_rejected import Strength
from services.moderation.policy import LIVE, load_policy, policy_names

ALIGNED: Final = "| --- | --- | --- | ---: | ---: | ---: | ---: |"


def category_table() -> str:
    """Return a table of the categories of the policy that decides by default, most severe first."""
    policy = load_policy(LIVE)
    rows = ["| category | blocked | grave | block terms | review terms | pairs | image labels |", ALIGNED]
    for name, category in policy.categories.items():
        terms = [str(len(category.terms(strength, "prompt"))) for strength in get_args(Strength)]
        labels = sum(each == name for each in policy.image.labels.values())
        grave = "yes" if category.grave else ""
        counts = " | ".join([*terms, str(len(category.pairs)), str(labels)])
        rows.append(f"| `{name}` | {category.description} | {grave} | {counts} |")
    return "\n".join(rows) + "\n"


def policy_table() -> str:
    """Return a table of the policies of this version of the code."""
    rows = ["| policy | version | innocent phrases | confidence of images |", "| --- | --- | ---: | ---: |"]
    for name in policy_names():
        policy = load_policy(name)
        rows.append(f"| `{name}` | `{policy.version}` | {len(policy.innocent)} | {policy.image.min_confidence} % |")
    return "\n".join(rows) + "\n"


def guardrail_table() -> str:
    """Return a table of what a guardrail blocks, with the categories of the policy that decides by default."""
    rows = [f"| `{found}` | `{category}` |" for found, category in load_policy(LIVE).guardrail.items()]
    return "\n".join(["| content filter | category |", "| --- | --- |", *rows]) + "\n"
