"""Which commits may be tasks, and what is said of the others."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tasks.errors import TaskError
from tasks.synthesis.clone import Commit, open_clone
from tasks.synthesis.history import Bounds, promising, read_commits, read_issues, statement_of, take_apart, tree_patch
from tasks.synthesis.project import Choices
from tasks.synthesis.settling import RefusedError
from tasks.tree import RepositoryTree

MakeShelf = Callable[..., dict[str, str]]


def test_a_commit_is_taken_apart_into_sources_and_tests(tmp_path: Path, make_shelf: MakeShelf, make_commit: Any) -> None:
    root = tmp_path / "shelf"
    files = make_shelf()
    first = make_commit(root, "All", {**files, "CHANGELOG.md": "1\n"})
    sha = make_commit(
        root,
        "fix: the end of a shelf (#12)",
        {
            "src/shelf.ts": files["src/shelf.ts"].replace("> shelf)", ">= shelf)"),
            "test/shelf.test.ts": files["test/shelf.test.ts"] + "// more\n",
            "test/fixtures/one.json": "{}\n",
            "CHANGELOG.md": "2\n",
        },
    )
    clone = open_clone(root)
    assert clone is not None
    found = take_apart(clone, clone.commit(sha), "shelf", Choices(), Bounds())
    assert found.sources == ("src/shelf.ts",)
    assert found.touched_tests == ("test/shelf.test.ts",)
    assert "src/shelf.ts" in found.patch
    assert "CHANGELOG" not in found.patch + found.test_patch
    assert "test/fixtures/one.json" in found.test_patch
    assert found.before.commit == first
    assert found.is_fix


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"src/shelf.ts": "export const one = 1;\n"}, "no test file is changed"),
        ({"test/shelf.test.ts": "import { it } from 'node:test';\nit('x', () => {});\n", "README.md": "x"}, "no source is changed"),
        ({"src/a.ts": "a\nb\n", "src/b.ts": "a\nb\n", "src/c.ts": "a\nb\n", "test/new.test.ts": "it('x', () => {});\n"}, "more than 2 sources"),
        ({"src/long.ts": "a\n" * 200, "test/new.test.ts": "it('x', () => {});\n"}, "not 2 to 120 lines of sources are changed: 200"),
        ({"src/a.ts": b"\xff\xfe\n", "test/new.test.ts": "it('x', () => {});\n"}, "not text"),
    ],
)  # fmt: skip
def test_a_commit_that_is_no_task_is_refused_with_the_reason(
    tmp_path: Path, make_shelf: MakeShelf, make_commit: Any, change: dict[str, str | bytes], words: str
) -> None:
    root = tmp_path / "shelf"
    make_commit(root, "All", make_shelf())
    sha = make_commit(root, "A change", change)
    clone = open_clone(root)
    assert clone is not None
    with pytest.raises(RefusedError, match=words):
        take_apart(clone, clone.commit(sha), "shelf", Choices(), Bounds(max_files=2))


def test_what_is_laid_to_a_repository_is_of_no_commit_and_is_there_before_it(
    tmp_path: Path, make_shelf: MakeShelf, make_tests: Callable[..., str], make_commit: Any
) -> None:
    root = tmp_path / "shelf"
    files = make_shelf()
    package = json.dumps({**json.loads(files["package.json"]), "main": "dist/shelf.js"})
    make_commit(root, "All", {**files, "package.json": package})
    tests = {"test/shelf.test.ts": make_tests("node:test", source="..")}
    sha = make_commit(
        root,
        "fix it, and test what is built",
        {"src/shelf.ts": files["src/shelf.ts"] + "export const a = 1;\nexport const b = 2;\n", **tests},
    )
    clone = open_clone(root)
    assert clone is not None
    found = take_apart(clone, clone.commit(sha), "shelf", Choices(), Bounds())
    assert found.sources == ("src/shelf.ts",)
    assert found.before.tree.files["dist/shelf.js"] == b'export * from "../src/shelf.ts";\n'
    back = make_commit(
        root, "fix it, and test the source", {"src/shelf.ts": files["src/shelf.ts"], "test/shelf.test.ts": files["test/shelf.test.ts"]}
    )
    assert take_apart(clone, clone.commit(back), "shelf", Choices(), Bounds()).sources == ("src/shelf.ts",)


def test_names_alone_tell_most_commits_apart() -> None:
    def commit(*paths: str, parent: str | None = "p") -> Commit:
        return Commit("s", parent, "2026-01-01", "x", "", tuple(("M", path) for path in paths))

    good = commit("packages/one/src/a.ts", "packages/one/test/a.test.ts")
    kept, reasons = promising(
        [good, commit("packages/one/src/a.ts"), commit("packages/one/test/a.test.ts"), commit("packages/two/src/a.ts", "packages/two/test/a.test.ts"),
         commit("x", parent=None)],
        Choices(package="packages/one"),
        Bounds(),
    )  # fmt: skip
    assert kept == [good]
    assert reasons == {"no test file is changed": 2, "no source is changed": 1, "it has no parent in this clone": 1}


@pytest.mark.parametrize(
    ("subject", "body", "title", "text"),
    [
        (
            "fix(parse): an empty line (#31)",
            "It was taken for the end.\n\nSigned-off-by: A <a@b>",
            "An empty line",
            "It was taken for the end.",
        ),
        ("Merge pull request #7 from a/b", "An empty line is kept\n\nMore.", "An empty line is kept", "More."),
        ("fix: short. Closes #9", "", "The issue's title", "What is seen."),
    ],
)
def test_a_statement_is_the_commit_s_or_its_issue_s(subject: str, body: str, title: str, text: str) -> None:
    issues = {"9": "The issue's title\n\nWhat is seen."}
    assert statement_of(Commit("s", "p", "2026-01-01", subject, body), issues) == (title, text)


def test_files_of_commits_and_of_issues_are_checked(tmp_path: Path) -> None:
    file = tmp_path / "commits"
    file.write_text("# those of May\n0123456789abcdef  the first\n0123456789abcdef\n")
    assert read_commits(file) == ["0123456789abcdef"]
    file.write_text("main\n")
    with pytest.raises(TaskError, match="'main' is no commit's name"):
        read_commits(file)
    file.write_text('{"number": 3, "title": "T", "body": null}\n')
    assert read_issues(file) == {"3": "T"}
    file.write_text("[]\n")
    with pytest.raises(TaskError, match="number, title and body"):
        read_issues(file)


def test_a_tree_is_another_and_a_patch_where_text_can_say_it() -> None:
    old = RepositoryTree({"a.ts": b"1\n2", "gone.ts": b"x\r\ny\r\n", "same.bin": b"\xff"})
    new = RepositoryTree({"a.ts": b"1\n3\n", "new.ts": b"n\n", "same.bin": b"\xff"})
    patch = tree_patch(old, new)
    assert patch is not None
    assert old.patched(patch).files == new.files
    assert tree_patch(old, RepositoryTree({**new.files, "same.bin": b"\xfe"})) is None
    assert tree_patch(old, RepositoryTree({**new.files, "empty.ts": b""})) is None
