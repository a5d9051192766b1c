"""A budget ends a run of the harness's own as soon as a result has spent it; what is under way then is broken off, and begun again later."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from harness.agent import ToolAgent
from harness.config import AgentLimits, ModelSettings, RunConfig
from harness.evaluate import Started
from harness.loop.budget import Budget
from harness.loop.config import Budgets
from harness.loop.errors import LoopStoppedError
from harness.loop.ledger import Ledger
from harness.run import Begin, OnResult, RunStoppedError, Trial, run
from tasks.suite import Suite
from tests.harness.fakes import MemoryEngine, ScriptModel
from tests.leaderboard.synthetic import make_trajectory
from trajectories.store import RunStore
from trajectories.trajectory import Trajectory


async def test_a_run_ends_with_the_result_that_spends_the_budget(mini: Suite, tmp_path: Path) -> None:
    config = RunConfig(suite=str(mini.directory), model=ModelSettings(name="m"), concurrency=2)
    first = mini.tasks[0].instance_id
    shown = []

    async def perform(trial: Trial, tries: int, seed: int | None, begin: Begin) -> Trajectory:
        if trial.task.instance_id != first:
            await asyncio.Event().wait()
        return make_trajectory(first, 0, "resolved", random.Random(0))

    def on_start(started: Started) -> OnResult:
        return shown.append

    place = tmp_path / "loop/round-1/sample"
    with Ledger(tmp_path / "loop") as ledger, RunStore(place / "0") as store:
        store.write("config.toml", config.to_toml())
        budget = Budget(Budgets(tokens=100), ledger)
        on_result = budget.watching(place, on_start)(Started(place / "0", "m", mini, "memory", (), 3, 0))
        agent = ToolAgent(ScriptModel(), AgentLimits())
        with pytest.raises(RunStoppedError, match=r"^the budget of tokens is spent: .* of 100\.00; to go on, raise budgets\.tokens$"):
            await run(config, mini, store, MemoryEngine(), agent, on_result, perform=perform)
        assert [result.instance_id for result in shown] == [first]
        assert [key[0] for key in store.results] == [first]
        with pytest.raises(LoopStoppedError, match="the budget of tokens is spent"):
            async with budget.within(place):
                raise AssertionError
        async with Budget(Budgets(tokens=100_000, hours=1), ledger).within(place):
            pass


async def test_a_deadline_of_the_works_own_is_no_budget(tmp_path: Path) -> None:
    with Ledger(tmp_path / "loop") as ledger, pytest.raises(TimeoutError):
        async with Budget(Budgets(hours=1), ledger).within(tmp_path / "loop/round-1/sample"):
            raise TimeoutError
