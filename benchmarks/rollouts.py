"""Whole rollouts against a scripted server: what the harness itself costs. Prints a table; compares in the same run.

    python -m benchmarks.rollouts [--backend bubblewrap] [--at-once 1 8 32] [--seconds 5] [--rounds 3]
    python -m benchmarks.rollouts --backend bubblewrap --at-once 256 --think 5 --only harness     memory of many that wait

`harness`: a box, 20 tool calls through the agent loop and the OpenAI client, the transcript on disk, the diff, the box closed.
`bare`: the same box, commands and diff without an agent or a model: the floor. `docker exec`: a container, and one `docker exec` a step; as
many threads as rollouts, four containers made at a time as in the harness.

The kinds take turns, `--rounds` times. Before the first turn each has done as many rollouts as there are at once: the boxes are made. The
server is a process of its own on the same cores; its CPU is a column.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from rich.console import Console
from rich.table import Table

import docker
from benchmarks.scripted_server import COMMAND, STEPS
from harness.agent import ToolAgent
from harness.config import AgentLimits, ModelSettings
from harness.endpoint import OpenAIChatModel
from harness.engines import choose_engine
from sandboxes.sandbox import REPOSITORY, Limits, SandboxEngine, opener
from tasks.suite import load_suite
from trajectories.store import RunStore

MINI = Path(__file__).parents[1] / "tests/mini"
TASK = load_suite(str(MINI)).select(["sums-single"]).tasks[0]

Rollout = Callable[[], Awaitable[None]]


@dataclass(slots=True)
class Measured:
    """Of one kind at one degree of concurrency, a value for each turn."""

    a_minute: list[float] = field(default_factory=list)
    client_ms: list[float] = field(default_factory=list)
    """CPU of this process, a rollout."""
    server_ms: list[float] = field(default_factory=list)
    gaps: list[float] = field(default_factory=list)
    """Seconds between an answer and the next request, of every step."""
    rollouts: int = 0


def harness_rollout(engine: SandboxEngine, address: str, store: RunStore) -> Rollout:
    model = OpenAIChatModel(ModelSettings(name="scripted", base_url=address))
    agent = ToolAgent(model, AgentLimits())
    open_sandbox = opener(engine, Limits())
    attempts = count()

    async def rollout() -> None:
        conversation = agent.begin(TASK.problem_statement)
        conversation.on_messages = store.transcript(TASK.instance_id, next(attempts)).add
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


def docker_exec_rollout(image: str, at_once: int) -> Rollout:
    client = docker.from_env(timeout=300, max_pool_size=at_once)
    threads = ThreadPoolExecutor(at_once)
    creating = threading.Semaphore(4)

    def blocking() -> None:
        with creating:
            container = client.containers.run(image, ["sleep", "infinity"], detach=True, network_mode="none", tmpfs={REPOSITORY: ""})
        try:
            container.put_archive(REPOSITORY, TASK.tree.snapshot.archive)
            for _ in range(STEPS):
                assert container.exec_run(["bash", "-c", "true"], workdir=REPOSITORY).exit_code == 0
        finally:
            container.remove(force=True)

    async def rollout() -> None:
        await asyncio.get_running_loop().run_in_executor(threads, blocking)

    return rollout


async def turn(rollout: Rollout, at_once: int, seconds: float, address: str, measured: Measured) -> None:
    """Rollouts for that long, and those begun by then to their ends."""
    done = 0
    _, server_before = ask_server(address)
    started, cpu = time.monotonic(), time.process_time()

    async def worker() -> None:
        nonlocal done
        while time.monotonic() < started + seconds:
            await rollout()
            done += 1

    await asyncio.gather(*(worker() for _ in range(at_once)))
    measured.a_minute.append(60 * done / (time.monotonic() - started))
    measured.client_ms.append(1000 * (time.process_time() - cpu) / done)
    gaps, server_after = ask_server(address)
    measured.server_ms.append(1000 * (server_after - server_before) / done)
    measured.gaps += gaps
    measured.rollouts += done


def ask_server(address: str) -> tuple[list[float], float]:
    """Its gaps since the last time, and its CPU seconds until now."""
    with urllib.request.urlopen(address.removesuffix("/v1") + "/gaps") as answer:
        said = json.load(answer)
    return said["gaps"], said["cpu_seconds"]


async def compare(kinds: dict[str, Rollout], at_once: int, seconds: float, rounds: int, address: str, table: Table) -> None:
    results = {name: Measured() for name in kinds}
    for name, rollout in kinds.items():
        if name != "docker exec":  # it makes its containers anew each time
            await asyncio.gather(*(rollout() for _ in range(at_once)))
    for _ in range(rounds):
        for name, rollout in kinds.items():
            await turn(rollout, at_once, seconds, address, results[name])
    for name, measured in results.items():
        gaps = [f"{1000 * statistics.median(measured.gaps):.1f}", f"{1000 * min(measured.gaps):.1f}"] if measured.gaps else ["", ""]
        ratios = [f"{ratio(measured, results[other]):.2f}" if other in results else "" for other in ("bare", "docker exec")]
        rates = [f"{statistics.median(measured.a_minute):.0f}", f"{max(measured.a_minute):.0f}", *ratios]
        cpu = [f"{statistics.median(measured.client_ms):.0f}", f"{statistics.median(measured.server_ms):.1f}"]
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        table.add_row(name, str(at_once), *rates, *cpu, *gaps, str(measured.rollouts), f"{memory:.0f}")
    table.add_section()


def ratio(measured: Measured, other: Measured) -> float:
    """The median over the turns of this kind's rate by the other's."""
    return statistics.median(mine / theirs for mine, theirs in zip(measured.a_minute, other.a_minute, strict=True))


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backend", choices=["docker", "bubblewrap"], default="docker")
    parser.add_argument("--at-once", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--think", type=float, default=0.0, help="seconds that the server takes for each answer")
    parser.add_argument("--only", nargs="+", help="kinds of rollout")
    options = parser.parse_args()
    engine = choose_engine(options.backend, "node24", Console(stderr=True).print, concurrency=max(options.at_once))
    await engine.start()
    server = subprocess.Popen(
        [sys.executable, Path(__file__).with_name("scripted_server.py"), str(options.think)], stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    address = server.stdout.readline().strip()
    table = Table(title=f"{STEPS}-step rollouts, {options.backend}")
    columns = ("at once", "a minute", "most", "of bare", "of exec", "client ms", "server ms", "gap ms", "least", "rollouts", "MB")
    table.add_column("what", no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right")
    try:
        with tempfile.TemporaryDirectory() as directory, RunStore(Path(directory)) as store:
            for at_once in options.at_once:
                kinds: dict[str, Rollout] = {"harness": harness_rollout(engine, address, store), "bare": bare_rollout(engine)}
                if options.backend == "docker":
                    kinds["docker exec"] = docker_exec_rollout(engine.image, at_once)
                chosen = {name: rollout for name, rollout in kinds.items() if options.only is None or name in options.only}
                await compare(chosen, at_once, options.seconds, options.rounds, address, table)
    finally:
        server.kill()
        server.wait()
        await engine.close()
    Console(width=140).print(table)


if __name__ == "__main__":
    asyncio.run(main())
