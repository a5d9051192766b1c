"""Rollouts over several places, where the model is not the limit. Prints a table.

    python -m benchmarks.nodes [--think 1.5] [--at-once 3] [--rounds 3]
    python -m benchmarks.nodes --driver 1000 [--think 3]        what the driver of so many rollouts at once costs: memory and CPU

The first compares one node of a Ray cluster with two, each with as many rollouts under way as it may have, on this one machine: while a model
thinks the machine is idle, so the second node is as good as another machine, but for the boxes and grades of both, which share its cores. A
round is one rollout of 21 turns for each that may be under way; its rate is their number by the time until the last one is graded.

The second is a run of two rollouts for each that may be under way, with all that the driver does for it (work handed out, transcripts, records
checked and stored), on two nodes that do nothing but think, a turn at a time, and answer with the record of a rollout that was one.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import ray
from ray.cluster_utils import Cluster as RayCluster
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
from rich.console import Console
from rich.table import Table

from harness.agent import ToolAgent
from harness.cluster import Cluster, Node, cluster
from harness.config import AgentLimits, ModelSettings, RunConfig
from harness.endpoint import OpenAIChatModel
from harness.engines import choose_engine
from harness.node import NodeWork
from harness.rollout import rollout
from harness.run import Trial, prepare, run, setting_of
from sandboxes.sandbox import Limits, SandboxEngine, opener
from tasks.suite import load_suite
from tests.harness.fakes import MemoryEngine
from trajectories.store import RunStore
from trajectories.trajectory import Trajectory

MINI = str(Path(__file__).parents[1] / "tests/mini")
say = Console(stderr=True).print


@contextlib.contextmanager
def served(think: float) -> Iterator[str]:
    program = [sys.executable, str(Path(__file__).with_name("scripted_server.py")), str(think)]
    server = subprocess.Popen(program, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        yield server.stdout.readline().strip()
    finally:
        server.kill()


@contextlib.contextmanager
def one_node() -> Iterator[RayCluster]:
    small: dict[str, Any] = {"num_cpus": 1, "include_dashboard": False, "object_store_memory": 200 * 2**20}
    made = RayCluster(initialize_head=True, head_node_args=small)
    ray.init(address=made.address, log_to_driver=False, logging_level="ERROR")
    try:
        yield made
    finally:
        ray.shutdown()
        made.shutdown()


def another(made: RayCluster) -> None:
    made.add_node(num_cpus=1, object_store_memory=200 * 2**20)
    made.wait_for_nodes()


@contextlib.asynccontextmanager
async def boxes() -> AsyncIterator[SandboxEngine]:
    engine = choose_engine("bubblewrap", "node24", say, concurrency=1)
    await engine.start()
    try:
        yield engine
    finally:
        await engine.close()


async def rates(nodes: int, at_once: int, address: str, rounds: int) -> list[float]:
    """Rollouts a minute, round by round, of the nodes that are there."""
    suite = load_suite(MINI).select(["sums-single"])
    settings = ModelSettings(name="scripted", base_url=address)
    words = {"suite": MINI, "concurrency": nodes * at_once, "model": settings.model_dump(), "sandbox": {"backend": "bubblewrap"}}
    config = RunConfig.model_validate(words)
    measured = []
    async with boxes() as engine, cluster(config, suite, "node24", setting_of(config, suite, engine), address=None, say=say) as place:
        assert len(place.living) == nodes
        for number in range(rounds):
            started = time.monotonic()
            trials = [Trial(suite.tasks[0], number * config.concurrency + each, 0) for each in range(config.concurrency)]
            done = await asyncio.gather(*(place.perform(trial, 1, None, lambda: lambda messages: None) for trial in trials))
            measured.append(60 * len(trials) / (time.monotonic() - started))
            assert {(each.stop_reason, each.failure) for each in done} == {("submitted", None)}
            say(f"{nodes} nodes, round {number + 1}: {measured[-1]:.2f} rollouts a minute")
    return measured


class ThinkingNode(NodeWork):
    """What a node is to the driver: each turn is told as it comes, and the record at the end."""

    def __init__(self, record: str, think: float) -> None:
        self._record = Trajectory.model_validate_json(record)
        self._think = think
        self._news = asyncio.Queue()

    async def lacks(self) -> bool:
        return False

    async def start(self, at_once: int, keys: Mapping[str, str]) -> dict[str, Any]:
        return {}

    async def rollout(self, instance_id: str, attempt: int, tries: int, seed: int | None) -> str:
        messages = self._record.messages
        self._pass_on(instance_id, attempt, messages[:2])
        for place in range(2, len(messages), 2):
            await asyncio.sleep(self._think)
            self._pass_on(instance_id, attempt, messages[place : place + 2])
        changed = {"instance_id": instance_id, "attempt": attempt, "tries": tries}
        return self._record.model_copy(update=changed).model_dump_json()

    async def close(self) -> None: ...


async def one_record() -> str:
    suite = load_suite(MINI).select(["sums-single"])
    with served(0) as address:
        model = OpenAIChatModel(ModelSettings(name="scripted", base_url=address))
        config = RunConfig.model_validate({"suite": MINI, "model": {"name": "scripted"}})
        async with boxes() as engine:
            setting = setting_of(config, suite, engine)
            record = await rollout(suite.tasks[0], ToolAgent(model, AgentLimits()), opener(engine, Limits()), setting)
        await model.close()
    assert record.stop_reason == "submitted"
    return record.model_dump_json()


async def driver(at_once: int, think: float, record: str) -> tuple[float, float, float]:
    """MiB at the peak, cores on average, and seconds, of a run of two rollouts for each at once."""
    suite = load_suite(MINI).select(["sums-single", "sums-bigint"])
    config = RunConfig.model_validate({"suite": MINI, "attempts": at_once, "concurrency": at_once, "model": {"name": "scripted"}})
    remote = ray.remote(num_cpus=0, max_concurrency=at_once + 8)(ThinkingNode)
    nodes = []
    for node in ray.nodes():
        there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        nodes.append(Node(node["NodeManagerAddress"], remote.options(scheduling_strategy=there).remote(record, think)))
    made = Cluster(nodes, at_once, say)
    await made.start({}, lambda archive: None)
    most = 0
    agent = ToolAgent(OpenAIChatModel(ModelSettings(name="scripted", base_url="http://127.0.0.1:9/v1")), AgentLimits())
    with tempfile.TemporaryDirectory() as directory, RunStore(Path(directory)) as store:
        engine = MemoryEngine()
        prepare(config, suite, store, engine)

        def on_result(result: object) -> None:
            nonlocal most
            most = max(most, sum(node.under_way for node in nodes))

        started, cpu = time.monotonic(), time.process_time()
        await run(config, suite, store, engine, agent, on_result, perform=made.perform)
        seconds = time.monotonic() - started
        cores = (time.process_time() - cpu) / seconds
        assert len(store.results) == 2 * at_once
        assert most >= at_once - 1
    await made.close()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, cores, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--think", type=float, help="seconds a turn (default: 1.5, and 3 with --driver)")
    parser.add_argument("--at-once", type=int, default=3, help="on each node")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--driver", type=int, metavar="N")
    options = parser.parse_args()
    table = Table()
    if options.driver:
        record = asyncio.run(one_record())
        with one_node() as made:
            another(made)
            memory, cores, seconds = asyncio.run(driver(options.driver, options.think or 3.0, record))
        for column in ("rollouts at once", "rollouts", "seconds", "driver's MiB", "driver's cores"):
            table.add_column(column, justify="right")
        table.add_row(str(options.driver), str(2 * options.driver), f"{seconds:.0f}", f"{memory:.0f}", f"{cores:.2f}")
    else:
        with served(options.think or 1.5) as address, one_node() as made:
            measured = [asyncio.run(rates(1, options.at_once, address, options.rounds))]
            another(made)
            measured.append(asyncio.run(rates(2, options.at_once, address, options.rounds)))
        for column in ("nodes", "rollouts a minute (median)", "of one", "rounds"):
            table.add_column(column, justify="right")
        medians = [statistics.median(each) for each in measured]
        for nodes, (median, rounds) in enumerate(zip(medians, measured, strict=True), 1):
            table.add_row(str(nodes), f"{median:.2f}", f"{median / medians[0]:.2f}", " ".join(f"{rate:.2f}" for rate in rounds))
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
