"""Splits part repositories, never tasks; sets that share something are refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tasks.errors import TaskError
from tasks.overlap import refuse_shared, save_splits, shared, split_by_repository, split_digest
from tasks.suite import Suite, load_suite
from tasks.task import Task
from tasks.tree import RepositoryTree

LONG = (
    "A shelf that is filled to its last inch holds one book less than it could, whatever the widths of the books on it are. The reader who "
    "asks how many fit is told a number that is too small by one, and the last book is put on a shelf of its own below the others, where "
    "nobody looks for it. Seen first in the spring, with books that are three and four inches wide and a shelf of seven. "
)


@pytest.fixture
def suite_of(make_task: Callable[..., Task], tmp_path: Path) -> Callable[..., Suite]:
    def make(name: str, *tasks: dict[str, Any], origins: dict[str, str] | None = None) -> Suite:
        directory = tmp_path / name
        directory.mkdir()
        lines = [f'[repositories."{repo}"]\norigin = "{origin}"\n' for repo, origin in (origins or {}).items()]
        (directory / "provenance.toml").write_text("\n".join(lines))
        made = []
        for number, fields in enumerate(tasks):
            tree = RepositoryTree({"a.ts": f"{name}{number}".encode()})
            given = {
                "instance_id": f"{name}-{number}",
                "tree": tree,
                "patch": f"diff --git a/a.ts b/a.ts\n--- a/a.ts\n+++ b/a.ts\n@@ -1 +1 @@\n-{name}{number}\n+x{name}{number}\n",
            }
            made.append(make_task(**(given | fields)))
        return Suite(name, "1", "", directory, tuple(made), {}, {})

    return make


def test_sets_of_different_repositories_share_nothing(suite_of: Callable[..., Suite]) -> None:
    one = suite_of("one", {"repo": "a", "problem_statement": LONG + "One."})
    other = suite_of("other", {"repo": "b", "problem_statement": "Something else is the matter with something else, entirely."})
    assert shared(one, other) == []
    refuse_shared(one, other)


def test_a_repository_a_statement_and_a_patch_are_found_under_other_names(suite_of: Callable[..., Suite]) -> None:
    same = "diff --git a/a.ts b/a.ts\n--- a/a.ts\n+++ b/a.ts\n@@ -1 +1 @@\n-  f(1);\n+  f(2);\n"
    one = suite_of(
        "one", {"repo": "a"}, {"repo": "c", "problem_statement": LONG + "In short: one."}, {"repo": "e", "patch": same},
        origins={"a": "https://github.com/Owner/Name.git"},
    )  # fmt: skip
    other = suite_of(
        "other", {"repo": "b", "problem_statement": "Not the same at all, and nothing of it."}, {"repo": "d", "problem_statement": LONG + "In a word: one."},
        {"repo": "f", "patch": same.replace("  f", "f"), "problem_statement": "Also not the same as any other one."},
        origins={"b": "/somewhere/owner/name"},
    )  # fmt: skip
    assert {(found.what, found.one, found.other) for found in shared(one, other)} == {
        ("repository", "a", "b"), ("statement", "one-1", "other-1"), ("patch", "one-2", "other-2"),
    }  # fmt: skip
    with pytest.raises(TaskError, match=r"1 by repository, such as a and b; 1 by patch.*cannot be held out"):
        refuse_shared(one, other)


def test_the_same_tree_under_two_names_is_one_repository(suite_of: Callable[..., Suite]) -> None:
    tree = RepositoryTree({"same.ts": b"1"})
    one, other = (
        suite_of("one", {"repo": "a", "tree": tree}),
        suite_of("other", {"repo": "b", "tree": tree, "problem_statement": "Another one altogether, of course."}),
    )
    assert [found.what for found in shared(one, other)] == ["repository"]


def test_a_split_keeps_what_is_of_one_history_together(suite_of: Callable[..., Suite]) -> None:
    names = ["a", "a-2", "b", "b", "b", "c", "d", "e"]
    suite = suite_of("one", *({"repo": name} for name in names), origins={"a": "x/y", "a-2": "x/y"})
    splits = split_by_repository(suite, {"train": 0.75, "held-out": 0.25}, seed=0)
    assert sorted(repo for repos in splits.values() for repo in repos) == sorted(set(names))
    assert any({"a", "a-2"} <= set(repos) for repos in splits.values())
    sizes = {name: sum(task.repo in repos for task in suite.tasks) for name, repos in splits.items()}
    assert sizes == {"train": 6, "held-out": 2}
    assert splits == split_by_repository(suite, {"train": 0.75, "held-out": 0.25}, seed=0)
    digests = {split_digest(suite, repos) for repos in splits.values()}
    assert len(digests) == 2
    assert split_digest(replace(suite, tasks=suite.tasks[::-1]), ["b"]) != split_digest(suite, ["c"])
    with pytest.raises(TaskError, match="too few for 6 splits"):
        split_by_repository(suite, dict.fromkeys("abcdef", 1.0), seed=0)


def test_splits_are_written_into_the_suite(suite_directory: Path) -> None:
    suite = load_suite(str(suite_directory))
    splits = split_by_repository(suite, {"train": 0.5, "held-out": 0.5}, seed=0)
    save_splits(suite_directory, splits)
    again = load_suite(str(suite_directory))
    assert again.splits == splits
    refuse_shared(again.select(split="train"), again.select(split="held-out"))
    with pytest.raises(TaskError, match="overlap"):
        refuse_shared(again, again.select(split="held-out"))
