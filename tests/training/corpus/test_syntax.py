"""Cutting at borders of statements."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.corpus.syntax import cut, errors

FUNCTION = "/** Adds. */\nexport function add{n}(a: number, b: number): number {{\n  const text = `}} {{`;\n  return a + b;\n}}\n\n"


def test_errors_are_counted():
    assert errors(b"const a: number = 1;", "a.ts") == 0
    assert errors(b"const a: number = ;", "a.ts")
    assert errors(b"const a = <div>it's</div>;", "a.tsx") == 0
    assert errors(b"key: value", "a.yaml") is None


def test_pieces_of_a_long_file_parse():
    content = "".join(FUNCTION.format(n=number) for number in range(200)).encode()
    pieces = cut(content, "a.ts", 2_000)
    assert b"".join(pieces) == content
    assert all(errors(piece, "a.ts") == 0 for piece in pieces)
    assert all(piece.startswith(b"/** Adds. */") for piece in pieces), "a comment stays with what it is about"
    assert sum(map(len, pieces[:-1])) / (len(pieces) - 1) > 1_600, "pieces are filled"


def test_a_large_class_is_cut_between_its_members():
    members = "".join(f"  method{number}(): void {{\n    run();\n  }}\n\n" for number in range(100))
    content = f"import x from 'x';\n\nclass Big {{\n{members}}}\n".encode()
    pieces = cut(content, "a.ts", 1_000)
    assert b"".join(pieces) == content
    assert all(piece.lstrip().startswith((b"method", b"import", b"class", b"}")) for piece in pieces)


@settings(max_examples=60, deadline=None)
@given(
    st.text(max_size=600)
    | st.lists(st.sampled_from(["{", "}", "`", "${", "'", "/*", "*/", "a();\n", "ä", "\U0001d4b3", "\n"]), max_size=200).map("".join),
    st.integers(8, 60),
)
def test_any_text_is_cut_into_pieces_that_add_up(text: str, largest: int):
    content = text.encode("utf-8", "replace")
    pieces = cut(content, "a.ts", largest)
    assert b"".join(pieces) == content
    assert all(0 < len(piece) <= largest for piece in pieces) or not content
    for piece in pieces:
        piece.decode("utf-8")


@pytest.mark.parametrize("content", [b"(" * 60_000, b"a" * 300_000, b"`${" * 20_000, b"\n" * 200_000])
def test_texts_made_for_it_are_cut(content: bytes):
    assert b"".join(cut(content, "a.ts", 10_000)) == content
