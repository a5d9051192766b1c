"""Rollouts over several places, where the model is not the limit. Prints a table.

    python -m benchmarks.nodes [--think 2] [--at-once 16] [--seconds 20]
    python -m benchmarks.nodes --driver 1000        what one process holds: memory and CPU of so many rollouts that wait for a model

The first compares one node of a Ray cluster with two, each with as many rollouts under way as it may have, on this one machine: with time to
think the machine is idle, so the second node is as good as another machine.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import ray
from ray.cluster_utils import Cluster
from rich.console import Console
from rich.table import Table

from harness.agent import ToolAgent
from harness.cluster import cluster
from harness.config import AgentLimits, ModelSettings, RunConfig
from harness.endpoint import OpenAIChatModel
from harness.engines import choose_engine
from harness.run import Trial, setting_of
from sandboxes.sandbox import Limits
from tasks.suite import load_suite
from tests.harness.fakes import MemoryEngine
from trajectories.store import RunStore

MINI = Path(__file__).parents[1] / "tests/mini"


def start_server(think: float) -> tuple[subprocess.Popen[str], str]:
    program = [sys.executable, str(Path(__file__).with_name("scripted_server.py")), str(think)]
    server = subprocess.Popen(program, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    return server, server.stdout.readline().strip()


async def a_minute(nodes: int, at_once: int, think: float, seconds: float) -> float:
    """Rollouts a minute of so many nodes, with `at_once` on each."""
    server, address = start_server(think)
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False, "object_store_memory": 100 * 2**20})
    for _ in range(nodes - 1):
        made.add_node(num_cpus=1, object_store_memory=100 * 2**20)
    ray.init(address=made.address, log_to_driver=False, logging_level="ERROR")
    try:
        suite = load_suite(str(MINI)).select(["sums-single"])
        settings = ModelSettings(name="scripted", base_url=address)
        config = RunConfig.model_validate(
            {"suite": str(MINI), "concurrency": nodes * at_once, "model": settings.model_dump(), "sandbox": {"backend": "bubblewrap"}}
        )
        done = 0
        setting = setting_of(config, suite, MemoryEngine())
        async with cluster(config, suite, "node24", setting, address=None, say=Console(stderr=True).print) as place:
            started = time.monotonic()

            async def worker(number: int) -> None:
                nonlocal done
                while time.monotonic() < started + seconds:
                    await place.perform(Trial(suite.tasks[0], number, 0), 1, None)
                    done += 1

            await asyncio.gather(*(worker(number) for number in range(nodes * at_once)))
            return 60 * done / (time.monotonic() - started)
    finally:
        ray.shutdown()
        made.shutdown()
        server.kill()


async def driver(number: int, think: float) -> tuple[float, float, int]:
    """Peak memory in MiB and cores, of so many rollouts in this process that have real boxes shared among a few and a model that thinks."""
    server, address = start_server(think)
    task = load_suite(str(MINI)).select(["sums-single"]).tasks[0]
    model = OpenAIChatModel(ModelSettings(name="scripted", base_url=address))
    agent = ToolAgent(model, AgentLimits())
    engine = choose_engine("bubblewrap", "node24", Console(stderr=True).print, concurrency=8)
    await engine.start()
    boxes = [await engine.open(Limits()) for _ in range(8)]
    for box in boxes:
        await box.lay(task.tree.snapshot.archive)
    try:
        with tempfile.TemporaryDirectory() as directory, RunStore(Path(directory)) as store:
            started, cpu = time.monotonic(), time.process_time()

            async def one(each: int) -> None:
                conversation = agent.begin(task.problem_statement)
                conversation.on_messages = store.transcript(task.instance_id, each).add
                assert await agent.work(conversation, boxes[each % len(boxes)]) == "submitted"

            await asyncio.gather(*(one(each) for each in range(number)))
            cores = (time.process_time() - cpu) / (time.monotonic() - started)
    finally:
        for box in boxes:
            await box.close()
        await engine.close()
        await model.close()
        server.kill()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, cores, number


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--think", type=float, default=2.0)
    parser.add_argument("--at-once", type=int, default=8, help="on each node")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--driver", type=int, metavar="N")
    options = parser.parse_args()
    table = Table()
    if options.driver:
        memory, cores, number = asyncio.run(driver(options.driver, options.think))
        for column in ("rollouts at once", "think s", "MiB", "cores"):
            table.add_column(column, justify="right")
        table.add_row(str(number), f"{options.think:g}", f"{memory:.0f}", f"{cores:.2f}")
    else:
        rates = [asyncio.run(a_minute(nodes, options.at_once, options.think, options.seconds)) for nodes in (1, 2)]
        for column in ("nodes", "rollouts a minute", "of one"):
            table.add_column(column, justify="right")
        for nodes, rate in enumerate(rates, 1):
            table.add_row(str(nodes), f"{rate:.0f}", f"{rate / rates[0]:.2f}")
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
