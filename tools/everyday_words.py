"""Writes the word list of `tests/unit/moderation/test_everyday_words.py`.

    uv run --no-project --with wordfreq==3.1.1 python -m tools.everyday_words

The words are from wordfreq (https://github.com/rspeer/wordfreq), whose data is licensed under CC BY-SA 4.0. One line
per language: its code, a tab, and its most common words, sorted because sorted text is smaller when compressed.
"""

import lzma
from pathlib import Path
from typing import Final

FILE: Final = Path(__file__).parents[1] / "tests/unit/moderation/everyday_words.tsv.xz"
WORDS: Final = 5000


def write() -> None:
    """Write the most common words of every language that wordfreq knows."""
    from wordfreq import available_languages, top_n_list  # installed for this command only

    lines = [f"{code}\t{' '.join(sorted(top_n_list(code, WORDS)))}\n" for code in sorted(available_languages("best"))]
    FILE.write_bytes(lzma.compress("".join(lines).encode(), preset=9 | lzma.PRESET_EXTREME))


if __name__ == "__main__":
    write()
