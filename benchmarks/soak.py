"""Many rollouts among faults on purpose, and what is left of it all afterwards.

    python -m benchmarks.soak [--backend bubblewrap] [--rollouts 500] [--at-once 8] [--seed 1]

Every rollout plays the reference solution of a small task through a server, boxes and a run directory like any other. Each must end resolved,
or as a named failure for something that befell it, with every message and the last diff that was taken; afterwards there may be no box, process, control group, temporary file, open file or task
of asyncio left. Exit code 1 and the reasons when it is otherwise.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from benchmarks.faults import Record, TroubledServer, trouble_boxes
from harness.agent import ToolAgent
from harness.config import AgentLimits, ModelSettings
from harness.endpoint import OpenAIChatModel
from harness.oracle import reference_script
from harness.rollout import Setting, rollout
from sandboxes.bubblewrap import BubblewrapEngine
from sandboxes.docker import DockerEngine
from sandboxes.images.recipe import load_recipe
from sandboxes.pool import WarmEngine
from sandboxes.sandbox import MIB, Limits, opener
from tasks.grading import grading_slots
from tasks.suite import load_suite
from tasks.task import Task
from tests.sandboxes.boxes import left, parents
from trajectories.store import RunStore, read_trajectory
from trajectories.trajectory import Message, Trajectory
from trajectories.transcript import read_transcript

TASK = load_suite(str(Path(__file__).parents[1] / "tests/mini")).select(["sums-single"]).tasks[0]
SETTING = Setting(sandbox="soak", image="soak", harness_version="soak", harness_commit=None)
LIMITS = Limits(memory_bytes=768 * MIB, disk_bytes=64 * MIB)
AGENT_LIMITS = AgentLimits(command_seconds=20)
SLACK_SECONDS = 4.0
_OPENING = re.compile("the box did not start|the box ended as it started|could not be started|stream could not be attached")
CHANCE = 0.2
"""That a rollout has a command which makes trouble, as much that its server fails, and as much that a box is met by a fault; half of it, that its
transcript finds no room."""


@dataclass(slots=True)
class Soaked:
    """What came of a soak."""

    outcomes: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    not_opened: list[str] = field(default_factory=list)
    """Failures of rollouts whose box ended as it was opened, so that nobody knew its name: no more than boxes were met there."""
    wrong: list[str] = field(default_factory=list)
    """What must not be, one line each."""
    resident_mb: list[float] = field(default_factory=list)
    """This process's memory after each quarter of the rollouts."""
    seconds: float = 0.0


async def soak(backend: str, rollouts: int, directory: Path, *, at_once: int = 8, seed: int = 1) -> Soaked:
    """Run it. The directory must be empty; TMPDIR is the caller's to watch."""
    draw = random.Random(seed)
    record = Record()
    soaked = Soaked()
    started = time.monotonic()
    before = _descendants()
    warm = WarmEngine(
        (DockerEngine if backend == "docker" else BubblewrapEngine)(
            load_recipe(TASK.image), lambda line: None, slack_seconds=SLACK_SECONDS
        ),
        spare=2,
        keep=2 * at_once,
    )
    await warm.start()
    open_files = _open_files()
    async with _agent(draw, record) as agent:
        with RunStore(directory) as store:
            troubling = asyncio.create_task(trouble_boxes(backend, CHANCE, draw, record), name="trouble")
            numbers = iter(range(rollouts))
            grading = grading_slots()

            async def worker() -> None:
                for number in numbers:
                    task = TASK.model_copy(update={"problem_statement": f"This is rollout {number}."})
                    transcript = store.transcript(task.instance_id, number)
                    trajectory = await rollout(
                        task,
                        agent,
                        record.watch(number, opener(warm, LIMITS)),
                        SETTING,
                        attempt=number,
                        on_messages=record.keep(number, transcript, CHANCE / 2, draw),
                        grading=grading,
                    )
                    said = None if number in record.disk_faults else read_transcript(transcript.file)
                    store.save(trajectory)
                    _judge(soaked, record, trajectory)
                    soaked.wrong += not_kept(directory / "trials" / task.instance_id / str(number), trajectory, said, record)
                    if (number + 1) % max(rollouts // 4, 1) == 0:
                        soaked.resident_mb.append(_resident_mb())

            await asyncio.gather(*(worker() for _ in range(at_once)))
            troubling.cancel()
            await asyncio.wait([troubling])
            if not troubling.cancelled():
                troubling.result()
            if len(store.results) != rollouts:
                soaked.wrong.append(f"{len(store.results)} results of {rollouts}")
    await warm.close()
    if len(soaked.not_opened) > record.before_anybody_had_it():
        soaked.wrong += soaked.not_opened
    soaked.faults.update(record.box_faults.values())
    soaked.faults.update(record.server_faults.values())
    soaked.faults.update("disk full" for _ in record.disk_faults)
    await asyncio.sleep(0.2)
    soaked.wrong += [f"left over: {thing}" for thing in left(backend)]
    soaked.wrong += [f"a process goes on: {pid} {name}" for pid, name in sorted(_descendants() - before)]
    soaked.wrong += [f"a task goes on: {task.get_name()}" for task in asyncio.all_tasks() - {asyncio.current_task()}]
    soaked.wrong += [f"a file is open: {place}" for place in sorted((_open_files() - open_files).elements())]
    soaked.wrong += [f"a rollout is not finished: {place}" for place in directory.glob("trials/*/.*.partial")]  # noqa: ASYNC240 - all is over
    soaked.seconds = time.monotonic() - started
    return soaked


@contextlib.asynccontextmanager
async def _agent(draw: random.Random, record: Record) -> AsyncIterator[ToolAgent]:
    task: Task = TASK
    async with TroubledServer(reference_script(task), CHANCE, draw, record).serve() as address:
        settings = ModelSettings(name="soak", base_url=address, request_timeout_seconds=3, retry_seconds=6)
        model = OpenAIChatModel(settings)
        try:
            yield ToolAgent(model, AGENT_LIMITS, save_diff_seconds=1.0)
        finally:
            await model.close()


def _judge(soaked: Soaked, record: Record, trajectory: Trajectory) -> None:
    """Name the outcome, and say what must not be."""
    number = trajectory.attempt
    befell = record.befell(number)
    failure = trajectory.failure
    if failure is not None:
        soaked.outcomes[f"failed: {failure.kind} during {failure.during}"] += 1
        if not befell and _OPENING.search(failure.message):
            soaked.not_opened.append(f"rollout {number}: {failure.message}")
        elif not befell:
            calls = [call.arguments for message in trajectory.messages for call in message.tool_calls]
            doing = f"{failure.during}, last call {calls[-1][:200] if calls else None}"
            soaked.wrong.append(f"rollout {number} failed though nothing befell it: {failure.message} ({doing})")
        if "\n" in failure.message or not failure.message:
            soaked.wrong.append(f"rollout {number}: no one line: {failure.message!r}")
        if trajectory.grade is not None:
            soaked.wrong.append(f"rollout {number} has a failure and a grade")
        return
    assert trajectory.grade is not None
    soaked.outcomes[f"{trajectory.stop_reason}, {trajectory.grade.verdict}"] += 1
    if not trajectory.grade.resolved:
        soaked.wrong.append(f"rollout {number} is not resolved: {trajectory.stop_reason}, {trajectory.grade.verdict} ({befell})")


def not_kept(place: Path, trajectory: Trajectory, said: Sequence[Message] | None, record: Record) -> Iterator[str]:
    """What of a rollout is not on the disk as it was. `said` is what its transcript held at its end; None where that could not be written."""
    number = trajectory.attempt
    if read_trajectory(place) != trajectory:
        yield f"rollout {number}: its record on the disk is another"
    if (place / "patch.diff").read_text(encoding="utf-8") != trajectory.patch:
        yield f"rollout {number}: its patch on the disk is another"
    if said is not None and tuple(said) != trajectory.messages:
        yield f"rollout {number}: its transcript has {len(said)} of {len(trajectory.messages)} messages"
    if trajectory.failure is None:
        return
    calls = [call.id for message in trajectory.messages for call in message.tool_calls]
    results = [message.tool_call_id for message in trajectory.messages if message.role == "tool"]
    if [message.role for message in trajectory.messages[:2]] != ["system", "user"] or calls != results:
        yield f"rollout {number}: its messages have not their beginning, or {len(calls)} calls and {len(results)} results"
    last = record.last_diffs.get(number, b"").decode("utf-8", "replace")
    if trajectory.patch != last:
        yield f"rollout {number}: failed with a patch of {len(trajectory.patch)} characters, the last diff has {len(last)}"


def _descendants() -> set[tuple[int, str]]:
    """Numbers and names of the processes that this one has begun, and theirs."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and os.getpid() in parents(int(entry.name)):
            with contextlib.suppress(OSError):
                found.add((int(entry.name), (entry / "comm").read_text(encoding="utf-8").strip()))
    return found


def _open_files() -> Counter[str]:
    """What this process has open, by kind: sockets and pipes have no names that last."""
    found: Counter[str] = Counter()
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            found[str(entry.readlink()).partition("[")[0]] += 1
    return found


def _resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize() / 2**20


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backend", choices=["docker", "bubblewrap"], default="docker")
    parser.add_argument("--rollouts", type=int, default=500)
    parser.add_argument("--at-once", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    console = Console(width=140, markup=False, highlight=False)
    with tempfile.TemporaryDirectory() as directory, tempfile.TemporaryDirectory() as scratch:
        tempfile.tempdir = scratch
        soaked = asyncio.run(soak(options.backend, options.rollouts, Path(directory), at_once=options.at_once, seed=options.seed))
        soaked.wrong += [f"a temporary file is left: {place}" for place in Path(scratch).iterdir()]
        tempfile.tempdir = None
    collected = subprocess.run([sys.executable, "-m", "harness.cli", "gc"], capture_output=True, text=True, check=True).stdout.strip()
    if collected != "removed 0 left-over boxes":
        soaked.wrong.append(f"harness gc: {collected}")
    console.print(f"{options.backend}: {options.rollouts} rollouts, {options.at_once} at once, seed {options.seed}, {soaked.seconds:.0f} s")
    for title, counts in (("faults", soaked.faults), ("outcomes", soaked.outcomes)):
        console.print(f"  {title}: " + "; ".join(f"{count} {what}" for what, count in sorted(counts.items())))
    console.print(f"  resident MB after each quarter: {', '.join(f'{value:.0f}' for value in soaked.resident_mb)}; harness gc: {collected}")
    for line in soaked.wrong:
        console.print(f"  WRONG: {line}")
    return 1 if soaked.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
