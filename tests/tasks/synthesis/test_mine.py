"""Fixes from a history: they fail before and pass after, and what the agent sees has no history."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.synthesis import mine_suite
from tasks.errors import TaskError
from tasks.suite import load_suite
from tasks.synthesis.history import Bounds
from tasks.synthesis.mine import MineSettings, MineTally
from tasks.synthesis.project import Choices
from tasks.validate import validate

MakeShelf = Callable[..., dict[str, str]]


async def mine(repository: Path, output: Path, *, commits: Path | None = None, issues: Path | None = None, **choices: Any) -> MineTally:
    return await mine_suite(
        repository, Choices(**choices), output, Bounds(), MineSettings(repeats=1, jobs=2), backend="bubblewrap", deps=None, commits=commits,
        issues=issues, say=lambda line: None, on_progress=lambda tally: None,
    )  # fmt: skip


def history(root: Path, make_commit: Any, files: dict[str, str], below: str = "") -> list[str]:
    """A shelf with two faults, one repaired after the other, a change that no test notices, and one that breaks what its tests say."""

    def at(changed: dict[str, str]) -> dict[str, str]:
        return {f"{below}{path}": text for path, text in changed.items()}

    sound, tests = files["src/shelf.ts"], files["test/shelf.test.ts"].splitlines(keepends=True)
    full = next(line for line in tests if "fills a shelf" in line)
    once = next(line for line in tests if "lends a book once" in line)
    fewer = "".join(line for line in tests if line not in (full, once))
    one_fault = sound.replace("    if (this.#readers.has(title)) return false;\n", "")
    two_faults = one_fault.replace("used + width > shelf", "used + width >= shelf")
    other = {"README.md": "Shelves.\n"} | ({"package.json": '{"private": true, "workspaces": ["packages/*"]}'} if below else {})
    return [
        make_commit(root, "All", {**other, **at({**files, "src/shelf.ts": two_faults, "test/shelf.test.ts": fewer})}),
        make_commit(
            root, "fix: a shelf is full when nothing more fits (#4)\n\nA book that fills a shelf to its last inch was left out of the count.",
            at({"src/shelf.ts": one_fault, "test/shelf.test.ts": fewer + full}),
        ),
        make_commit(root, "Readers are told", at({"src/shelf.ts": one_fault + "\nexport const told = true;\nexport const more = 1;\n", "test/shelf.test.ts": fewer + full + "// told\n"})),
        make_commit(root, "fix lending. Closes #5", at({"src/shelf.ts": sound, "test/shelf.test.ts": fewer + full + once})),
    ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("runner", "below"), [("node:test", ""), ("vitest", "packages/shelf/")])
async def test_real_fixes_become_tasks_that_the_house_finds_valid(
    tmp_path: Path, make_shelf: MakeShelf, make_commit: Any, open_image: Any, runner: str, below: str
) -> None:
    shas = history(tmp_path / "shelf", make_commit, make_shelf(runner), below)
    issues = tmp_path / "issues.jsonl"
    issues.write_text(
        '{"number": 5, "title": "Two readers with one book", "body": "A book that is lent can be lent again, to somebody else."}\n'
    )
    tally = await mine(tmp_path / "shelf", tmp_path / "suite", issues=issues, package=below.strip("/"))
    assert tally.kept == 2
    assert tally.refused == {shas[2]: "no test fails before it and passes after it"}
    again = await mine(tmp_path / "shelf", tmp_path / "suite", issues=issues, package=below.strip("/"))
    assert (again.kept, again.refused) == (tally.kept, tally.refused)

    suite = load_suite(str(tmp_path / "suite"))
    by_commit = {task.instance_id.rpartition("-")[2]: task for task in suite.tasks}
    full, lent = by_commit[shas[1][:10]], by_commit[shas[3][:10]]
    assert full.expected.fail_to_pass == ("test/shelf.test.ts::fills a shelf to its end",)
    assert "left out of the count" in full.problem_statement
    assert "can be lent again" in lent.problem_statement
    assert lent.title == "Two readers with one book"
    assert b"fills a shelf" not in full.tree.files["test/shelf.test.ts"]  # the visible tests are those of before
    async with open_image(full.image) as open_sandbox:
        found = [one async for one in validate(suite.tasks, open_sandbox, repeats=1, concurrency=2)]
    assert [one.problems for one in found] == [(), ()]
    with tarfile.open(fileobj=io.BytesIO(full.tree.snapshot.archive)) as archive:
        names = archive.getnames()
        assert not any("logs" in name or "packed-refs" in name or "ORIG_HEAD" in name for name in names)
        packed = b"".join(
            archive.extractfile(name).read() for name in names if name.startswith(".git/") and archive.getmember(name).isfile()
        )  # type: ignore[union-attr]
    assert shas[1].encode() not in packed


@pytest.mark.slow
async def test_exactly_the_named_commits_are_looked_at(tmp_path: Path, make_shelf: MakeShelf, make_commit: Any) -> None:
    shas = history(tmp_path / "shelf", make_commit, make_shelf())
    named = tmp_path / "commits"
    named.write_text(f"{shas[1][:12]}\n")
    tally = await mine(tmp_path / "shelf", tmp_path / "suite", commits=named)
    assert (tally.commits, tally.kept) == (1, 1)


@pytest.mark.slow
async def test_a_fix_that_only_the_compiler_notices_is_a_task_of_its_type_test(
    tmp_path: Path, make_shelf: MakeShelf, make_commit: Any, open_image: Any
) -> None:
    files = make_shelf()
    settings = json.loads(files["tsconfig.json"])
    files["tsconfig.json"] = json.dumps({**settings, "include": ["src"]})  # the type tests are a script's, with settings of their own
    files["tests/tsconfig.json"] = json.dumps({**settings, "include": ["./type-tests.ts"]})
    first = "export function first<Book>(books: readonly Book[]): {} {{\n  return books[0];\n}}\n"
    says = "import { first } from '../src/first.ts';\nconst books: number | undefined = first([1]);\n"
    make_commit(
        tmp_path / "shelf", "All", {**files, "src/first.ts": first.format("unknown"), "tests/type-tests.ts": says[: says.index("const")]}
    )
    sha = make_commit(
        tmp_path / "shelf", "fix: the first book is one of the books, and there may be none",
        {"src/first.ts": first.format("Book | undefined"), "tests/type-tests.ts": says},
    )  # fmt: skip
    tally = await mine(tmp_path / "shelf", tmp_path / "suite")
    assert (tally.kept, tally.refused) == (1, {})
    (task,) = load_suite(str(tmp_path / "suite")).tasks
    assert task.instance_id.endswith(sha[:10])
    assert (task.kind, task.expected.fail_to_pass) == ("types", ("tests/type-tests.ts::typecheck",))
    async with open_image(task.image) as open_sandbox:
        assert [one.problems async for one in validate([task], open_sandbox, repeats=1, concurrency=2)] == [()]


async def test_what_has_no_history_or_none_that_fits_is_said_and_leaves_nothing(
    tmp_path: Path, make_shelf: MakeShelf, make_commit: Any, write_files: Any
) -> None:
    write_files(tmp_path / "plain", make_shelf())
    with pytest.raises(TaskError, match="no git repository"):
        await mine(tmp_path / "plain", tmp_path / "suite")
    make_commit(tmp_path / "one", "All", make_shelf())
    with pytest.raises(TaskError, match="none of 1 commits changes sources and tests"):
        await mine(tmp_path / "one", tmp_path / "suite")
    assert not (tmp_path / "suite").exists()
