"""Suites are written so that they are read as the same: hidden files, images, origins."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.errors import TaskError
from tasks.suite import load_suite
from tasks.task import Expected
from tasks.tree import RepositoryTree
from tasks.writing import NewRepository, NewTask, Origin, SuiteWriter, load_origin

TREE = RepositoryTree(
    {"src/a.ts": b"export const a = 2;\r\n", "test/a.test.ts": b"// a\r\n", "test/b.test.ts": b"// b\n"}, frozenset({"test/b.test.ts"})
)
BUG = "diff --git a/src/a.ts b/src/a.ts\n--- a/src/a.ts\n+++ b/src/a.ts\n@@ -1 +1 @@\n-export const a = 2;\r\n+export const a = 1;\r\n"
GOLD = "diff --git a/src/a.ts b/src/a.ts\n--- a/src/a.ts\n+++ b/src/a.ts\n@@ -1 +1 @@\n-export const a = 1;\r\n+export const a = 2;\r\n"


def written(directory: Path, **more: object) -> SuiteWriter:
    writer = SuiteWriter(directory, name="made", description="Made", licence="MIT")
    writer.begin()
    writer.add_repository(
        NewRepository(name="small", description="Small", licence="ISC", runner="node:test", test_files=("/test/a.test.ts",), origin="owner/small", made_by="a test"), TREE
    )  # fmt: skip
    fields: dict[str, object] = {
        "instance_id": "small-1", "repo": "small", "title": "A", "kind": "bug", "difficulty": "easy", "created_at": "2026-11-20",
        "problem_statement": "The constant is one, and it should be two.", "patch": GOLD, "base_patch": BUG, "hidden": ("test/a.test.ts",),
        "expected": Expected(fail_to_pass=("test/a.test.ts::a",), pass_to_pass=("test/b.test.ts::b",)), "origin": Origin(made_by="synth", combined=2),
    }  # fmt: skip
    writer.add_task(NewTask(**(fields | more)))  # type: ignore[arg-type]
    return writer


def test_what_is_written_is_read_as_the_same_with_windows_line_ends(tmp_path: Path) -> None:
    written(tmp_path / "made")
    suite = load_suite(str(tmp_path / "made"))
    task = suite.tasks[0]
    assert dict(task.tree.files) == {"src/a.ts": b"export const a = 1;\r\n", "test/b.test.ts": b"// b\n"}
    assert task.tree.executables == {"test/b.test.ts"}
    whole = task.tree.patched(task.test_patch).patched(task.patch)
    assert dict(whole.files) == dict(TREE.files)
    origin = load_origin(suite.directory / "tasks/small-1")
    assert origin is not None
    assert origin.combined == 2
    said = (suite.directory / "provenance.toml").read_text()
    assert 'licence = "ISC"' in said
    assert 'origin = "owner/small"' in said


def test_a_hidden_file_that_is_not_there_and_an_image_without_its_packages_are_named(tmp_path: Path) -> None:
    written(tmp_path / "made", hidden=("test/c.test.ts",))
    with pytest.raises(TaskError, match=r"hidden: test/c.test.ts is not in the repository"):
        load_suite(str(tmp_path / "made"))
    written(tmp_path / "other")
    file = tmp_path / "other/repos/small.toml"
    file.write_text(file.read_text().replace('"node24"', '"env-0123456789abcdef"'))
    with pytest.raises(TaskError, match="lacks the packages of this image"):
        load_suite(str(tmp_path / "other"))


def test_a_suite_s_image_is_known_by_its_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sandboxes.images.recipe import keep_environment, load_recipe

    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "one"))
    name = keep_environment(b'{"dependencies": {"chalk": "5.3.0"}}', b'{"lockfileVersion": 3}')
    writer = written(tmp_path / "made")
    repository = NewRepository(
        name="small", description="Small", licence="ISC", runner="node:test", test_files=("/test/a.test.ts",), image=name
    )
    writer.add_repository(repository, TREE, (b'{"dependencies": {"chalk": "5.3.0"}}', b'{"lockfileVersion": 3}'))
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "two"))  # another machine
    assert load_suite(str(tmp_path / "made")).tasks[0].image == name
    assert load_recipe(name).parent is not None
    (tmp_path / "made/images" / name / "package.json").write_text("{}")
    with pytest.raises(TaskError, match="they were changed"):
        load_suite(str(tmp_path / "made"))


def test_a_directory_of_something_else_is_not_written_into(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(TaskError, match="not empty and no suite"):
        SuiteWriter(tmp_path, name="made", description="", licence="MIT")
