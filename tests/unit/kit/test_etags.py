"""Entity tags: made from a version or a content, and compared with the headers of a caller."""

import pytest

from kit.etags import content_tag, expected_revision, is_current, strong_tag, weak_tag


def test_a_tag_is_quoted_and_says_whether_it_is_weak() -> None:
    assert (strong_tag(3), weak_tag("3-0")) == ('"3"', 'W/"3-0"')


def test_the_tag_of_a_content_changes_with_it() -> None:
    assert content_tag("a") == content_tag("a") != content_tag("b")
    assert is_current(content_tag("a"), content_tag("a"))


@pytest.mark.parametrize("header", ['"3"', 'W/"3"', '"1", "3"', '"1" , W/"3"', "*", ' "3" ', '"1","3","4"'])
@pytest.mark.parametrize("tag", ['"3"', 'W/"3"'])
def test_a_caller_with_the_current_tag_has_the_current_version(header: str, tag: str) -> None:
    assert is_current(header, tag)


@pytest.mark.parametrize("header", [None, "", '"4"', "3", '"33"', 'W/"4", "5"', '"3', "wait"])
def test_a_caller_with_another_tag_has_not(header: str | None) -> None:
    assert not is_current(header, '"3"')


@pytest.mark.parametrize(("header", "revision"), [(None, None), ("*", None), (" * ", None), ('"0"', 0), ('"42"', 42)])
def test_if_match_names_a_revision(header: str | None, revision: int | None) -> None:
    assert expected_revision(header) == revision


@pytest.mark.parametrize("header", ["3", 'W/"3"', '"three"', '"٣"', "", '"1", "2"'])
def test_an_if_match_without_a_revision_is_an_error(header: str) -> None:
    with pytest.raises(ValueError, match="revision"):
        expected_revision(header or '""')
