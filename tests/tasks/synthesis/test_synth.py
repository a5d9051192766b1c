"""Bugs injected: what comes out grades as the house grades, an interrupted run goes on, what cannot be used is named and leaves nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.synthesis import synthesise_suite
from tasks.errors import TaskError
from tasks.suite import load_suite
from tasks.synthesis.choice import Tally
from tasks.synthesis.project import Choices
from tasks.synthesis.statements import Facts, leaks
from tasks.synthesis.synth import SynthSettings
from tasks.validate import validate
from tasks.writing import load_origin


async def synthesise(repository: Path, output: Path, *, limit: int, write: Any = None, **choices: Any) -> Tally:
    settings = SynthSettings(limit=limit, repeats=1, jobs=2, statements_by="a model" if write else None)
    return await synthesise_suite(
        repository, Choices(**choices), output, settings, backend="bubblewrap", deps=None, say=lambda line: None,
        on_progress=lambda tally: None, write=write,
    )  # fmt: skip


@pytest.mark.slow
async def test_what_comes_out_is_valid_by_the_house_and_a_second_run_goes_on(
    tmp_path: Path, make_shelf: Callable[..., dict[str, str]], make_commit: Any, open_image: Any
) -> None:
    sha = make_commit(tmp_path / "shelf", "All of it", make_shelf())
    output = tmp_path / "suite"
    first = await synthesise(tmp_path / "shelf", output, limit=2)
    assert first.kept >= 2
    ledger = (output / ".work/ledger.jsonl").read_text()
    second = await synthesise(tmp_path / "shelf", output, limit=first.kept + 1)
    assert second.kept > first.kept
    assert (output / ".work/ledger.jsonl").read_text().startswith(ledger)

    suite = load_suite(str(output))
    assert len(suite.tasks) == second.kept
    async with open_image(suite.tasks[0].image) as open_sandbox:
        found = [one async for one in validate(suite.tasks, open_sandbox, repeats=1, concurrency=2)]
    assert {one.task.instance_id: one.problems for one in found} == {task.instance_id: () for task in suite.tasks}
    for task in suite.tasks:
        assert 1 <= len(task.expected.fail_to_pass) <= 10
        assert task.expected.pass_to_pass
        assert task.expected.mode == "separate"
        assert "test/shelf.test.ts" not in task.tree.files  # it is hidden, for its tests fail
        origin = load_origin(output / "tasks" / task.instance_id)
        assert origin is not None
        assert origin.commit == sha
        assert origin.failing_tests == len(task.expected.fail_to_pass)
        facts = Facts("shelf", task.kind, (), (), (), task.expected.fail_to_pass, (), task.patch)
        assert leaks(task.title + task.problem_statement, facts) == []
    patches = [task.tree.files["src/shelf.ts"].split() for task in suite.tasks]
    assert len({b" ".join(words) for words in patches}) == len(patches)
    assert 'licence = "MIT"' in (output / "provenance.toml").read_text()
    with pytest.raises(TaskError, match="made with other settings \\(seed\\)"):
        await synthesise_suite(
            tmp_path / "shelf", Choices(), output, SynthSettings(limit=9, repeats=1, seed=5), backend="bubblewrap", deps=None,
            say=lambda line: None, on_progress=lambda tally: None, write=None,
        )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("runner", ["vitest", "jest", "mocha"])
async def test_tests_of_other_runners_are_graded_under_vitest(
    tmp_path: Path, make_shelf: Callable[..., dict[str, str]], write_files: Any, runner: str
) -> None:
    write_files(tmp_path / "shelf", make_shelf(runner))
    tally = await synthesise(tmp_path / "shelf", tmp_path / "suite", limit=1)
    assert tally.kept >= 1
    task = load_suite(str(tmp_path / "suite")).tasks[0]
    assert task.runner == "vitest"
    assert task.expected.mode == "separate"


@pytest.mark.slow
async def test_a_model_s_statement_that_leaks_is_asked_for_again_and_then_left_out(
    tmp_path: Path, make_shelf: Callable[..., dict[str, str]], write_files: Any
) -> None:
    prompts: list[str] = []

    async def write(prompt: str) -> str:
        prompts.append(prompt)
        # The first task's patch is given away each time; it is in the prompt.
        added = [line[1:] for line in prompt.splitlines() if line.startswith("+") and not line.startswith("+++")]
        return "A title\n\nThe repair is simply this, I have found it out:\n" + "\n".join(added) + "\nand so on and so forth."

    write_files(tmp_path / "shelf", make_shelf())
    await synthesise(tmp_path / "shelf", tmp_path / "suite", limit=1, write=write)
    suite = load_suite(str(tmp_path / "suite"))
    origins = [load_origin(suite.directory / "tasks" / task.instance_id) for task in suite.tasks]
    assert "cannot be used: a line of the patch" in prompts[1]
    assert any(origin and origin.statement_by == "template" and origin.notes for origin in origins)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spoilt", "words"),
    [
        ({"src/shelf.ts": "export const fitting = 1, Loans = 2, sorted = 3;\n"}, "no test of it passes at its head"),
        (
            {"test/shelf.test.ts": "import { it } from 'node:test';\nimport '../src/shelf.ts';\nit('chance', () => { if (process.hrtime()[1] % 2000 < 1000) throw new Error('no'); });\n" * 1
             + "".join(f"it('chance {n}', () => {{ if (Math.random() < 0.5) throw new Error('no'); }});\n" for n in range(20))},
            "none of its tests says the same each time|no test of it passes",
        ),
    ],
    ids=["failing at its head", "flaky"],
)  # fmt: skip
async def test_a_repository_whose_tests_cannot_be_relied_on_is_refused_and_leaves_nothing(
    tmp_path: Path, make_shelf: Callable[..., dict[str, str]], write_files: Any, spoilt: dict[str, str], words: str
) -> None:
    write_files(tmp_path / "shelf", {**make_shelf(), **spoilt})
    settings = SynthSettings(limit=1, repeats=12, jobs=2)  # one of them plainly: as many runs in all as a chance of 1 in 200 needs
    with pytest.raises(TaskError, match=words):
        await synthesise_suite(
            tmp_path / "shelf", Choices(), tmp_path / "suite", settings, backend="bubblewrap", deps=None, say=lambda line: None,
            on_progress=lambda tally: None, write=None,
        )  # fmt: skip
    assert not (tmp_path / "suite").exists()
