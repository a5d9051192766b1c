"""Rollouts on a Ray cluster of several nodes on this machine, one of which is killed in mid-run: no trial is lost."""

from __future__ import annotations

import asyncio
import os
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.config import ModelSettings, RunConfig
from harness.oracle import script_for, serve_scripts
from harness.run import prepare, run, setting_of
from tasks.suite import load_suite
from tests.harness.adversary import Adversary, Line
from tests.harness.fakes import MemoryEngine, ScriptModel, answer
from trajectories.store import Result, RunStore, read_trajectory

ray = pytest.importorskip("ray")

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

MINI = Path(__file__).parents[1] / "mini"


@pytest.fixture
def two_nodes() -> Iterator[object]:
    """A head that does no work of ours, and two nodes."""
    from ray.cluster_utils import Cluster

    os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False, "object_store_memory": 100 * 2**20})
    made.add_node(num_cpus=1, object_store_memory=100 * 2**20)
    ray.init(address=made.address, log_to_driver=False, logging_level="ERROR")
    yield made
    ray.shutdown()
    made.shutdown()


async def run_on_the_cluster(config: RunConfig, settings: ModelSettings, directory: Path, said: list[str]) -> list[Result]:
    from harness.agent import ToolAgent
    from harness.cluster import cluster

    suite = load_suite(str(MINI))
    engine = MemoryEngine()  # the driver makes no boxes
    results: list[Result] = []
    work = config.model_copy(update={"model": settings})
    with RunStore(directory) as store:
        prepare(config, suite, store, engine)
        async with cluster(work, suite, "node24", setting_of(config, suite, engine), address=None, say=said.append) as nodes:
            agent = ToolAgent(ScriptModel(answer(("submit", {}))), config.limits)
            await run(config, suite, store, engine, agent, results.append, perform=nodes.perform)
    return results


async def test_a_node_that_is_killed_costs_no_trial(two_nodes, tmp_path):
    config = RunConfig.model_validate(
        {
            "suite": str(MINI),
            "attempts": 4,
            "concurrency": 6,
            "infrastructure_tries": 1,
            "model": {"name": "x"},
            "sandbox": {"backend": "bubblewrap"},
        }
    )
    seen = asyncio.Event()

    async def behave(line: Line) -> None:
        if line.number >= 4:
            seen.set()
        await asyncio.sleep(0.4)
        command = {"id": "c", "type": "function", "function": {"name": "bash", "arguments": '{"command": "ls"}'}}
        submit = {"id": "c", "type": "function", "function": {"name": "submit", "arguments": "{}"}}
        await line.answer({"content": "", "tool_calls": [submit if len(line.body["messages"]) > 6 else command]})

    said: list[str] = []
    async with Adversary(behave) as server:

        async def kill() -> None:
            await seen.wait()
            node = next(iter(two_nodes.worker_nodes))
            await asyncio.to_thread(two_nodes.remove_node, node, allow_graceful=False)

        killing = asyncio.create_task(kill())
        results = await run_on_the_cluster(config, ModelSettings(name="x", base_url=server.url), tmp_path, said)
        await killing
    assert len(results) == 12
    assert {(result.failure, result.tries, result.stop_reason) for result in results} == {(None, 1, "submitted")}
    assert any("is lost" in line for line in said)
    record = read_trajectory(tmp_path / "trials/sums-single/0")
    assert (record.provenance.sandbox, record.provenance.suite) == ("bubblewrap", "mini")
    assert threading.active_count() < 200


async def test_the_oracle_resolves_everything_on_a_cluster_and_the_run_goes_on_where_it_stopped(two_nodes, tmp_path):
    suite = load_suite(str(MINI))
    config = RunConfig.model_validate(
        {"suite": str(MINI), "concurrency": 3, "model": {"name": "oracle"}, "sandbox": {"backend": "bubblewrap"}}
    )
    with serve_scripts("oracle", script_for("oracle", suite.tasks)) as address:
        settings = ModelSettings(name="oracle", base_url=address)
        first = await run_on_the_cluster(config, settings, tmp_path, [])
        assert Counter(result.verdict for result in first) == {"resolved": 3}
        assert await run_on_the_cluster(config, settings, tmp_path, []) == []
