"""Code, comments and strings told apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.source_text import read_source


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a // b", "a     "),
        ("a /* b\nc */ d", "a     \n     d"),
        ("a 'b' c", "a ' ' c"),
        ("'a\\'b' c", "'    ' c"),
        ("'open\nb", "'    \nb"),
        ("`a ${b} c` d", "`  ${b}  ` d"),
        ("`${`${a}`}`;b", "`${`${a}`}`;b"),
        ("`${{ a: 1 }}b`", "`${{ a: 1 }} `"),
        ("x = /'/; y", "x = /  ; y"),
        ("return /[/'\"]/g.test(a)", "return /       .test(a)"),
        ("a / b / c", "a / b / c"),
        ("(a) / b // c", "(a) / b     "),
        ("a = 1 /* c */ / 2", "a = 1         / 2"),
        ("` no end; b", "` no end; b"),
        ("/* no end", "         "),
    ],
)
def test_only_code_is_left(text: str, code: str) -> None:
    assert read_source(text).code == code


@given(st.text(alphabet="ab'\"`${}/*\\\n() ", max_size=80))
def test_the_shadows_have_the_shape_of_the_text(text: str) -> None:
    source = read_source(text)
    for shadow in (source.without_comments, source.code):
        assert len(shadow) == len(text)
        assert [place for place, each in enumerate(shadow) if each == "\n"] == [place for place, each in enumerate(text) if each == "\n"]


def test_lines_are_counted_from_one() -> None:
    source = read_source("a\nb\n\nc")
    assert [source.line_of(place) for place in (0, 1, 2, 4, 5)] == [1, 1, 2, 3, 4]
