"""Whole rollouts against a scripted server: what the harness itself costs. Prints a table; compares in the same run.

    python -m benchmarks.rollouts [--backend bubblewrap] [--at-once 1 8 32] [--seconds 10]
    python -m benchmarks.rollouts --backend bubblewrap --at-once 256 --think 5 --only harness     memory of many that wait

`harness`: a box, 20 tool calls through the agent loop and the OpenAI client, the diff, the box closed.
`bare`: the same box, commands and diff without an agent or a model: the floor. `docker exec`: a container, and one `docker exec` a step.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Awaitable, Callable
from pathlib import Path

import docker
from rich.console import Console
from rich.table import Table

from benchmarks.scripted_server import COMMAND, STEPS
from harness.agent import ToolAgent
from harness.config import AgentLimits, ModelSettings
from harness.endpoint import OpenAIChatModel
from harness.engines import choose_engine
from sandboxes.sandbox import REPOSITORY, Limits, SandboxEngine, opener
from tasks.suite import load_suite

MINI = Path(__file__).parents[1] / "tests/mini"
TASK = load_suite(str(MINI)).select(["sums-single"]).tasks[0]

Rollout = Callable[[], Awaitable[None]]


def harness_rollout(engine: SandboxEngine, address: str) -> Rollout:
    model = OpenAIChatModel(ModelSettings(name="scripted", base_url=address))
    agent = ToolAgent(model, AgentLimits())
    open_sandbox = opener(engine, Limits())

    async def rollout() -> None:
        conversation = agent.begin(TASK.problem_statement)
        async with open_sandbox() as sandbox:
            await sandbox.lay(TASK.tree.snapshot.archive)
            reason = await agent.work(conversation, sandbox)
            assert reason == "submitted", reason
            await sandbox.diff()

    return rollout


def bare_rollout(engine: SandboxEngine) -> Rollout:
    open_sandbox = opener(engine, Limits())

    async def rollout() -> None:
        async with open_sandbox() as sandbox:
            await sandbox.lay(TASK.tree.snapshot.archive)
            for _ in range(STEPS):
                assert (await sandbox.exec(["bash", "-c", COMMAND], timeout_seconds=10)).ok
            await sandbox.diff()

    return rollout


def docker_exec_rollout(image: str) -> Rollout:
    client = docker.from_env()

    def blocking() -> None:
        container = client.containers.run(image, ["sleep", "infinity"], detach=True, network_mode="none", tmpfs={REPOSITORY: ""})
        try:
            container.put_archive(REPOSITORY, TASK.tree.snapshot.archive)
            for _ in range(STEPS):
                assert container.exec_run(["bash", "-c", "true"], workdir=REPOSITORY).exit_code == 0
        finally:
            container.remove(force=True)

    async def rollout() -> None:
        await asyncio.to_thread(blocking)

    return rollout


async def measure(rollout: Rollout, at_once: int, seconds: float) -> tuple[float, float, int]:
    """Rollouts a minute, this process's CPU seconds a rollout, and how many were measured."""
    await rollout()
    done = 0
    end = time.monotonic() + seconds
    started = time.monotonic()
    cpu = cpu_seconds()

    async def worker() -> None:
        nonlocal done
        while time.monotonic() < end:
            await rollout()
            done += 1

    await asyncio.gather(*(worker() for _ in range(at_once)))
    return 60 * done / (time.monotonic() - started), (cpu_seconds() - cpu) / done, done


def cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def gaps(address: str) -> list[float]:
    with urllib.request.urlopen(address.removesuffix("/v1") + "/gaps") as answer:
        found: list[float] = json.load(answer)["gaps"]
    return found


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backend", choices=["docker", "bubblewrap"], default="docker")
    parser.add_argument("--at-once", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--think", type=float, default=0.0, help="seconds that the server takes for each answer")
    parser.add_argument("--only", help="one kind of rollout")
    options = parser.parse_args()
    console = Console(stderr=True)
    engine = choose_engine(options.backend, "node24", console.print, concurrency=max(options.at_once))
    await engine.start()
    server = subprocess.Popen(
        [sys.executable, Path(__file__).with_name("scripted_server.py"), str(options.think)], stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    address = server.stdout.readline().strip()
    table = Table(title=f"{STEPS}-step rollouts, {options.backend}")
    for column in ("what", "at once", "a minute", "client CPU ms", "gap ms: median", "least", "rollouts", "MB"):
        table.add_column(column, justify="left" if column == "what" else "right")
    try:
        for at_once in options.at_once:
            kinds: dict[str, Rollout] = {"harness": harness_rollout(engine, address), "bare": bare_rollout(engine)}
            if options.backend == "docker":
                kinds["docker exec"] = docker_exec_rollout(engine.image)
            for name, rollout in kinds.items():
                if options.only not in (None, name):
                    continue
                gaps(address)
                rate, cpu, done = await measure(rollout, at_once, options.seconds)
                steps = sorted(gaps(address)) if name == "harness" else []
                memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
                gap = [f"{1000 * statistics.median(steps):.1f}", f"{1000 * steps[0]:.1f}"] if steps else ["", ""]
                table.add_row(name, str(at_once), f"{rate:.0f}", f"{1000 * cpu:.0f}", *gap, str(done), f"{memory:.0f}")
    finally:
        server.kill()
        server.wait()
        await engine.close()
    Console().print(table)


if __name__ == "__main__":
    asyncio.run(main())
