"""Characters in which a text can be hidden or disguised, for property tests."""

from typing import Final

from hypothesis import strategies as st

NASTY: Final = st.one_of(
    st.characters(),
    st.sampled_from('naked \r\n\t<>"\\&/e\u00e9'),
    st.sampled_from("\u00ad\u034f\u061c\u180b\u180e\u200b\u200c\u200d\u200e\u200f\u202e\u2066\u2060\ufeff\ufe0f\ufe01"),
    st.sampled_from(
        "\u0301\u0323\u0d4d\u115f\u3164\u2800\ufdfa\u2026\u2122\u2139\uff41\uff1c\U0001d41a\u0456\u0645\u1780\u845b"
    ),
    st.sampled_from("\U0001f469\U0001f680\u2764\U0001f525\U0001f3fd\u20e3\U0001f1eb\U0001f3f4"),
    st.characters(min_codepoint=0xE0000, max_codepoint=0xE01FF),
    st.characters(categories=["Cf", "Co", "Cn", "Mn", "Cc", "Zs", "Zl", "Zp"]),
)
"""Any character, and often one of those that are invisible, combine with others, or become others."""
