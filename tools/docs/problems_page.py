"""The page of all problem types: `docs/problems.md`."""

from kit.problem_advice import ADVICE
from kit.problems import PROBLEM, PROBLEMS, TYPE_PATH

INTRO = f"""# Problem types

Errors of the HTTP API are problem documents (`{PROBLEM}`, [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)).
Decide by `code`, which is stable. `type` is `{TYPE_PATH}` and the code: the API serves a page about each type at that
address. `title` is the same for all problems of a type, and `detail` says what happened in one case.
"""


def problems_page() -> str:
    """Return `docs/problems.md`."""
    lines = [INTRO, "| code | status | title |", "| --- | --- | --- |"]
    ordered = sorted(PROBLEMS.items(), key=lambda item: (item[1][0], item[0]))
    lines += [f"| [`{code}`](#{code}) | {status} | {title} |" for code, (status, title) in ordered]
    for code, (status, _) in ordered:
        lines += ["", f"## {code}", "", f"Status {status}. {ADVICE[code].meaning}", "", ADVICE[code].what_to_do]
    return "\n".join(lines) + "\n"
