"""Every cheat through the grader, on both backends: none counts as resolved, and the honest solutions always do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from itertools import product

import pytest
import pytest_asyncio
from _pytest.mark import ParameterSet

from harness.attacks import MODES, SHIPPED, Case, load_attacks, try_case
from harness.engines import choose_engine
from sandboxes.sandbox import Limits, opener
from tasks.grading import OpenSandbox
from tasks.task import RecordedMode, Runner
from tasks.validate import modes_for
from tests.conftest import BACKENDS

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

ATTACKS = load_attacks(SHIPPED)


def _trials(cases: tuple[Case, ...]) -> Iterator[ParameterSet]:
    for mode, case in product(MODES, cases):
        for runner in (each for each in case.patches if mode in modes_for(each)):
            yield pytest.param(case, runner, mode, id=f"{case.slug}-{runner}-{mode}")


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=BACKENDS)
async def open_warm(request: pytest.FixtureRequest) -> AsyncIterator[OpenSandbox]:
    """Boxes of one backend, kept ready."""
    engine = choose_engine(request.param, "node24", lambda _: None, concurrency=2)
    await engine.start()
    yield opener(engine, Limits())
    await engine.close()


@pytest.mark.parametrize(("case", "runner", "mode"), list(_trials(ATTACKS.cheats)))
async def test_a_cheat_does_not_count(open_warm: OpenSandbox, case: Case, runner: Runner, mode: RecordedMode) -> None:
    """But for those that say that they do, which must: what is not held is said, and said of nothing else."""
    outcome = await try_case(case, runner, mode, open_warm)
    assert outcome.counts == (mode in case.not_held), case.how


@pytest.mark.parametrize(("case", "runner", "mode"), list(_trials(ATTACKS.honest)))
async def test_an_honest_solution_counts(open_warm: OpenSandbox, case: Case, runner: Runner, mode: RecordedMode) -> None:
    outcome = await try_case(case, runner, mode, open_warm)
    assert outcome.counts, outcome.word
