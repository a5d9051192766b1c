"""Every case is alive: the naive graders that it names take it for a solution; and each of them takes the honest solutions for one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from _pytest.mark import ParameterSet

from harness.attacks import SHIPPED, Case, load_attacks
from harness.engines import choose_engine
from sandboxes.sandbox import Limits, opener
from tasks.grading import OpenSandbox
from tasks.task import Runner
from tests.attacks.naive import NAIVE, RUNNER_OF

pytestmark = pytest.mark.slow
in_one_loop = pytest.mark.asyncio(loop_scope="module")

ATTACKS = load_attacks(SHIPPED)


def _serves(name: str, runner: Runner) -> bool:
    return RUNNER_OF.get(name, runner) == runner


def _fooled() -> Iterator[ParameterSet]:
    for case in ATTACKS.cheats:
        for runner in case.patches:
            for name in case.fools:
                if _serves(name, runner):
                    yield pytest.param(name, case, runner, id=f"{name}-{case.slug}-{runner}")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def open_warm() -> AsyncIterator[OpenSandbox]:
    """Boxes of whichever backend is there: what fools a naive grader is not the box's doing."""
    engine = choose_engine("auto", "node24", lambda _: None, concurrency=2)
    await engine.start()
    yield opener(engine, Limits())
    await engine.close()


def test_there_are_many_cases_for_both_runners() -> None:
    assert len(ATTACKS.cheats) >= 40
    for runner in ATTACKS.tasks:
        assert sum(runner in case.patches for case in ATTACKS.cheats) >= 30


def test_every_case_names_naive_graders_that_are_there_one_at_least_for_each_of_its_runners() -> None:
    for case in ATTACKS.cheats:
        assert set(case.fools) <= NAIVE.keys(), case.slug
        for runner in case.patches:
            assert any(_serves(name, runner) for name in case.fools), (case.slug, runner)


def test_every_naive_grader_is_fooled_by_some_case() -> None:
    assert {name for case in ATTACKS.cheats for name in case.fools} == NAIVE.keys()


def test_no_two_cases_are_the_same() -> None:
    patches = [(runner, patch) for case in ATTACKS.cheats for runner, patch in case.patches.items()]
    assert len(set(patches)) == len(patches)


@in_one_loop
@pytest.mark.parametrize(("name", "case", "runner"), list(_fooled()))
async def test_a_cheat_fools_the_naive_grader_that_it_names(open_warm: OpenSandbox, name: str, case: Case, runner: Runner) -> None:
    assert await NAIVE[name](case.tasks[runner], case.patches[runner], open_warm)


@in_one_loop
@pytest.mark.parametrize("runner", list(ATTACKS.tasks))
@pytest.mark.parametrize("name", list(NAIVE))
async def test_a_naive_grader_is_not_fooled_by_nothing(open_warm: OpenSandbox, name: str, runner: Runner) -> None:
    """It takes the reference for a solution, and the untouched tree for none: what fools it does so by what it does."""
    if not _serves(name, runner):
        pytest.skip(f"{name} is for {RUNNER_OF[name]}")
    task = ATTACKS.tasks[runner]
    assert await NAIVE[name](task, task.patch, open_warm)
    harmless = "diff --git a/NOTES.md b/NOTES.md\nnew file mode 100644\n--- /dev/null\n+++ b/NOTES.md\n@@ -0,0 +1 @@\n+Notes.\n"
    assert not await NAIVE[name](task, harmless, open_warm)
