"""Writes `services/moderation/confusables.json`: characters that Unicode calls confusable with a Latin letter.

    uv run --no-project --with confusable-homoglyphs==3.3.1 python -m tools.look_alikes

The package has the data of https://www.unicode.org/Public/security/latest/confusables.txt. Single characters that
compatibility decomposition does not change are kept: the others are normalised without a table.
"""

import json
import unicodedata
from importlib import resources
from pathlib import Path
from string import ascii_letters
from typing import Final

FILE: Final = Path(__file__).parents[1] / "services/moderation/confusables.json"
SOURCE: Final = "confusable-homoglyphs 3.3.1"


def write() -> None:
    """Write the table: letter → characters."""
    data = json.loads((resources.files("confusable_homoglyphs") / "confusables.json").read_text(encoding="utf-8"))
    letters: dict[str, set[str]] = {}
    for letter in ascii_letters:
        characters = {entry["c"] for entry in data.get(letter, []) if len(entry["c"]) == 1 and not entry["c"].isascii()}
        letters.setdefault(letter.lower(), set()).update(
            each for each in characters if unicodedata.normalize("NFKD", each) == each
        )
    table = {"source": SOURCE, "letters": {letter: "".join(sorted(found)) for letter, found in letters.items()}}
    FILE.write_text(json.dumps(table, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write()
