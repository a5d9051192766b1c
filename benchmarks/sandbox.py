"""What a box costs: commands, files, readiness, diffs, grades. Prints a table of medians and minima for both backends.

python -m benchmarks.sandbox [--backend docker bubblewrap] [--rounds 30]
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable

from rich.console import Console
from rich.table import Table

from harness.engines import bare_engine, choose_engine
from harness.tools import Edit, ToolLimits
from sandboxes.docker import connect
from sandboxes.sandbox import REPOSITORY, Limits, SandboxEngine, opener
from tasks.grading import grade, grading_slots
from tasks.suite import load_suite
from tasks.task import RecordedMode
from tasks.validate import modes_for

TASK = next(task for task in load_suite("core").tasks if task.instance_id == "wayfinder-typed-params")
FOUR_KB = b"x" * 4095 + b"\n"
TOOL_LIMITS = ToolLimits(command_seconds=10, output_characters=16_000)

Times = dict[str, list[float]]


async def clock(times: Times, what: str, work: Callable[[], Awaitable[object]], rounds: int) -> None:
    """Milliseconds of each round, after one that is not counted."""
    await work()
    for _ in range(rounds):
        started = time.perf_counter()
        await work()
        times.setdefault(what, []).append(1000 * (time.perf_counter() - started))


async def in_a_box(engine: SandboxEngine, times: Times, rounds: int) -> None:
    async with opener(engine, Limits())() as box:
        await box.lay(TASK.tree.snapshot.archive)
        path = f"{REPOSITORY}/notes.txt"

        async def edit() -> None:
            await box.write(path, b"one\ntwo\n" + FOUR_KB)
            output = await Edit(command="replace", path=path, old_text="two", new_text="three").run(box, TOOL_LIMITS)
            assert not output.failed, output.text

        await clock(times, "command: true", lambda: box.exec(["true"], timeout_seconds=10), rounds)
        await clock(times, "command: bash -c true", lambda: box.exec(["bash", "-c", "true"], timeout_seconds=10), rounds)
        await clock(times, "write 4 KB", lambda: box.write(path, FOUR_KB), rounds)
        await clock(times, "read 4 KB", lambda: box.read(path), rounds)
        await clock(times, "write, then edit 4 KB", edit, rounds)
        await clock(times, "diff", box.diff, rounds)


async def ready(engine: SandboxEngine, times: Times, what: str, rounds: int, pause_seconds: float) -> None:
    """From asking for a box to its first command done; between rounds the pool has time to prepare."""
    for _ in range(rounds):
        await asyncio.sleep(pause_seconds)
        started = time.perf_counter()
        async with opener(engine, Limits())() as box:
            times.setdefault(what, []).append(1000 * (time.perf_counter() - started))
            await box.exec(["true"], timeout_seconds=10)


async def grades(engine: SandboxEngine, times: Times, rounds: int) -> None:
    """In each mode that there is for the task, in turns."""
    open_sandbox = opener(engine, Limits())

    async def one(mode: RecordedMode) -> None:
        asked = TASK.model_copy(update={"expected": TASK.expected.model_copy(update={"mode": mode})})
        seen = await grade(asked, TASK.patch, open_sandbox)
        assert seen.resolved, seen.model_dump_json(indent=1)

    async def twenty(mode: RecordedMode) -> None:
        slots = grading_slots()

        async def in_turn() -> None:
            async with slots:
                await one(mode)

        await asyncio.gather(*(in_turn() for _ in range(20)))

    for _ in range(max(rounds // 2, 2)):
        for mode in modes_for(TASK.runner):
            await clock(times, f"a grade, {mode}", lambda mode=mode: one(mode), 2)  # type: ignore[misc]
    for mode in modes_for(TASK.runner):
        await clock(times, f"20 grades at once, {mode}", lambda mode=mode: twenty(mode), 2)  # type: ignore[misc]


async def docker_exec(image: str, times: Times, rounds: int) -> None:
    """One `docker exec` a command through the SDK: what the executor saves."""
    client = connect()
    container = await asyncio.to_thread(client.containers.run, image, ["sleep", "infinity"], detach=True, network_mode="none")
    try:
        await clock(times, "docker exec: true", lambda: asyncio.to_thread(container.exec_run, ["true"]), rounds)
    finally:
        await asyncio.to_thread(container.remove, force=True)
        client.close()


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backend", nargs="+", choices=["docker", "bubblewrap"], default=["docker", "bubblewrap"])
    parser.add_argument("--rounds", type=int, default=30)
    options = parser.parse_args()
    table = Table(title="milliseconds")
    for column in ("what", "backend", "median", "least"):
        table.add_column(column, justify="left" if column in ("what", "backend") else "right")
    for backend in options.backend:
        times: Times = {}
        cold = bare_engine(backend, "node24", Console(stderr=True).print)
        warm = choose_engine(backend, "node24", Console(stderr=True).print, concurrency=4)
        try:
            await cold.start()
            await warm.start()
            await in_a_box(cold, times, options.rounds)
            if backend == "docker":
                await docker_exec(cold.image, times, options.rounds)
            await ready(cold, times, "box ready, cold", max(options.rounds // 3, 3), 0.0)
            await ready(warm, times, "box ready, warm", max(options.rounds // 3, 3), 0.5)
            await grades(warm, times, max(options.rounds // 3, 3))
        finally:
            await warm.close()
            await cold.close()
        for what, measured in times.items():
            table.add_row(what, backend, f"{statistics.median(measured):.2f}", f"{min(measured):.2f}")
        table.add_section()
    Console().print(table)


if __name__ == "__main__":
    asyncio.run(main())
