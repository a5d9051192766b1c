"""Statements tell as much as they should, and neither the patch nor a test's name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.synthesis.statements import WEIGHTS, Facts, Told, from_model, from_template, leaks, told_by_chance

PATCH = """\
diff --git a/src/shelf.ts b/src/shelf.ts
--- a/src/shelf.ts
+++ b/src/shelf.ts
@@ -1,1 +1,1 @@
-    if (used > shelf) break;
+    if (used + width > shelf) break;
"""


def facts(**more: object) -> Facts:
    given: dict[str, object] = {
        "repo": "shelf", "kind": "bug", "functions": ("fitting",), "files": ("src/shelf.ts",), "docs": (),
        "failing": ("test/shelf.test.ts::shelves > fills a shelf to its end",), "messages": ("Expected values to be strictly equal:\n\n3 !== 2\n",),
        "patch": PATCH,
    }  # fmt: skip
    return Facts(**(given | more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("told", "there", "not_there"),
    [
        ("symptom", ("shelf",), ("3 !== 2", "fitting", "src/shelf.ts")),
        ("assertion", ("3 !== 2",), ("fitting", "src/shelf.ts")),
        ("function", ("3 !== 2", "fitting"), ("src/shelf.ts",)),
        ("file", ("3 !== 2", "fitting", "src/shelf.ts"), ()),
    ],
)
def test_each_level_tells_what_it_should(told: Told, there: tuple[str, ...], not_there: tuple[str, ...]) -> None:
    statement = from_template(facts(), told)
    assert statement.told == told
    for words in there:
        assert words in statement.text
    for words in not_there:
        assert words not in statement.text + statement.title
    assert leaks(statement.text, facts()) == []


def test_what_leaks_is_told_less() -> None:
    leaking = facts(messages=("fills a shelf to its end: 3 !== 2",))
    statement = from_template(leaking, "file")
    assert statement.told == "symptom"
    assert leaks(statement.text, leaking) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Write `if (used + width > shelf)  break;` there.", "a line of the patch"),
        ("The test that Fills a shelf to its END fails.", "a test's name"),
        ("See shelf.test.ts.", "a test file"),
    ],
)
def test_what_gives_away_the_patch_or_a_test_is_named(text: str, words: str) -> None:
    assert leaks(text, facts())[0].startswith(words)


def test_paths_in_the_box_are_not_told() -> None:
    assert "/workspace" not in from_template(facts(messages=("Error at file:///workspace/repo/test/a.ts:3:1",)), "assertion").text


@given(st.text("0123456789abcdef", min_size=8, max_size=8))
def test_how_much_is_told_is_the_digest_s(digest: str) -> None:
    assert told_by_chance(digest) == told_by_chance(digest)
    assert told_by_chance(digest) in WEIGHTS


async def test_a_model_s_statement_is_taken_when_it_leaks_nothing() -> None:
    answers = iter(
        [
            "Title\n\nAll is well but `if (used + width > shelf) break;` which is the repair of it.",
            "# Too few books\n\nA shelf that is filled to its end holds one book less than it could.",
        ]
    )

    async def write(prompt: str) -> str:
        return next(answers)

    statement, leaked = await from_model(facts(), "symptom", write, "a-model")
    assert (statement.title, statement.written_by, leaked) == ("Too few books", "a-model", [])


async def test_a_model_that_goes_on_leaking_is_left_for_the_template() -> None:
    async def write(prompt: str) -> str:
        return "Title\n\nThe test file shelf.test.ts says what is wrong, so go and look into it at once."

    statement, leaked = await from_model(facts(), "assertion", write, "a-model")
    assert statement.written_by == "template"
    assert leaked == ["a test file: shelf.test.ts"]
