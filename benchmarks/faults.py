"""Faults on purpose: boxes that are killed or stand still, a server that stalls, fails and hangs up, commands that hang and fill the disk, and a
transcript for which the run's own disk has no room.

Everything is drawn from one seeded generator, and what was done to whom is written down: a rollout may fail only for what befell it.
The boxes of this very process alone are touched; others may be at work beside it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import re
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from docker.errors import APIError

from benchmarks.scripted_server import Connection, completion, last_call
from harness.oracle import Script, ScriptedCall
from sandboxes.docker import connect
from sandboxes.executor import ARGV
from sandboxes.owner import this_process
from sandboxes.sandbox import Sandbox
from tasks.grading import OpenSandbox
from tests.sandboxes.boxes import left
from trajectories.trajectory import Message
from trajectories.transcript import Transcript

BoxFault = Literal["box killed", "executor killed", "executor stopped"]
BOX_FAULTS: Sequence[BoxFault] = ("box killed", "executor killed", "executor stopped")

ServerFault = Literal["one 500", "one hang-up", "one stall", "500s for good", "stalls for good"]
SERVER_FAULTS: Sequence[ServerFault] = ("one 500", "one hang-up", "one stall", "500s for good", "stalls for good")
FATAL: Sequence[ServerFault] = ("500s for good", "stalls for good")
"""What no retry gets over."""

TROUBLES: Sequence[ScriptedCall] = (
    ScriptedCall("bash", {"command": "setsid -f sleep 3600; sleep 3600", "timeout_seconds": 1}),
    ScriptedCall("bash", {"command": "head -c 2G /dev/zero > /tmp/full; head -c 2G /dev/zero > full; rm -f /tmp/full full"}),
    ScriptedCall("bash", {"command": "kill -9 -1"}),
)
"""Commands that must harm nobody, nor the rollout itself."""

_MARK = re.compile(rb"rollout (\d+)")


@dataclass(slots=True)
class Record:
    """What was done, and to whom."""

    server_faults: dict[int, ServerFault] = field(default_factory=dict)
    """By the rollout's number."""
    box_faults: dict[str, BoxFault] = field(default_factory=dict)
    """By the box's name; no box is met by two."""
    disk_faults: set[int] = field(default_factory=set)
    """The rollouts whose transcript could not be written on."""
    held: dict[int, set[str]] = field(default_factory=dict)
    """The boxes that each rollout had, by its number."""
    last_diffs: dict[int, bytes] = field(default_factory=dict)
    """Of the box that each rollout's agent had: the last that was taken."""

    def befell(self, number: int) -> list[str]:
        """All that may have failed this rollout."""
        faults: list[str] = [self.box_faults[name] for name in sorted(self.held.get(number, set())) if name in self.box_faults]
        if number in self.disk_faults:
            faults.append("disk full")
        server = self.server_faults.get(number)
        return [*faults, server] if server is not None and server in FATAL else faults

    def before_anybody_had_it(self) -> int:
        """How many boxes were met while they were being opened, or waited in the pool."""
        return len(set(self.box_faults) - set().union(*self.held.values()))

    def watch(self, number: int, open_sandbox: OpenSandbox) -> OpenSandbox:
        """The same boxes; which of them the rollout had is written down, and the diffs of the first, which is the agent's."""

        @contextlib.asynccontextmanager
        async def open_and_write_down() -> AsyncIterator[Sandbox]:
            async with open_sandbox() as sandbox:
                first = number not in self.held
                self.held.setdefault(number, set()).add(sandbox.name)
                yield _Noted(sandbox, number, self.last_diffs) if first else sandbox

        return open_and_write_down

    def keep(self, number: int, transcript: Transcript, chance: float, draw: random.Random) -> Callable[[Sequence[Message]], None]:
        """The same transcript; for some rollouts its disk is full from some message on."""
        full_from = draw.randrange(1, 12) if draw.random() < chance else None
        calls = 0

        def add(messages: Sequence[Message]) -> None:
            nonlocal calls
            calls += 1
            if calls == full_from:
                self.disk_faults.add(number)
                transcript.file.unlink(missing_ok=True)
                transcript.file.symlink_to("/dev/full")
            transcript.add(messages)

        return add


class _Noted:
    """A box whose diffs are written down as they are taken."""

    def __init__(self, sandbox: Sandbox, number: int, diffs: dict[int, bytes]) -> None:
        self._sandbox = sandbox
        self._number = number
        self._diffs = diffs

    async def diff(self, **how: Any) -> bytes:  # noqa: ANN401 - whatever the box takes
        self._diffs[self._number] = await self._sandbox.diff(**how)
        return self._diffs[self._number]

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the box has
        return getattr(self._sandbox, name)


class TroubledServer:
    """Plays each rollout's script, and fails some of the rollouts once or for good. It knows a rollout by the words `rollout <number>`."""

    def __init__(self, script: Script, chance: float, draw: random.Random, record: Record) -> None:
        self._script = script
        self._chance = chance
        self._draw = draw
        self._record = record
        self._scripts: dict[int, Script] = {}
        self._fails_at: dict[int, int] = {}

    @contextlib.asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        """Yields the base URL."""
        server = await asyncio.get_running_loop().create_server(lambda: Connection(self._serve), "127.0.0.1", 0, backlog=1024)
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        finally:
            server.close()

    def _serve(self, connection: Connection, body: bytes | None) -> None:
        assert body is not None
        mark = _MARK.search(body)
        if mark is None:  # no rollout asks, but whoever wants to know whether the server is there: it is, whatever it does to some
            connection.send(completion(0, 0, "submit", {}))
            return
        number = int(mark[1])
        last = last_call(body)
        step = 0 if last is None else last[1] + 1
        if number not in self._scripts:
            self._begin(number)
        script = self._scripts[number]
        call = script[min(step, len(script) - 1)]
        answer = completion(number, step, call.name, call.arguments)
        fault = self._record.server_faults.get(number)
        if fault is None or step < self._fails_at[number]:
            connection.send(answer)
            return
        if fault not in FATAL:
            self._fails_at[number] = len(script)  # that was it
        if fault in ("one 500", "500s for good"):
            connection.send(b'{"error": {"message": "EngineCore encountered an issue"}}', b"500 Internal Server Error")
        elif fault == "one hang-up":
            connection.send(answer, hang_up=True)
        # A stall: no answer at all, until the client gives up.

    def _begin(self, number: int) -> None:
        script = list(self._script)
        if self._draw.random() < self._chance:
            script.insert(self._draw.randrange(len(script)), self._draw.choice(TROUBLES))
        self._scripts[number] = script
        if self._draw.random() < self._chance:
            self._record.server_faults[number] = self._draw.choice(SERVER_FAULTS)
            self._fails_at[number] = self._draw.randrange(len(script))


async def trouble_boxes(engine_name: str, chance: float, draw: random.Random, record: Record) -> None:
    """Until it is cancelled: now and then something befalls a box of this process, whether somebody has it, it waits in the pool or it is just
    being opened; for each rollout that has begun, `chance` times."""
    while True:
        await asyncio.sleep(draw.uniform(0.0, 0.5))
        if len(record.box_faults) >= chance * len(record.held):
            continue
        names = [name for name in await asyncio.to_thread(box_names, engine_name) if name not in record.box_faults]
        if names:
            name, fault = draw.choice(names), draw.choice(BOX_FAULTS)
            record.box_faults[name] = fault  # before it is done: a rollout may notice at once
            await asyncio.to_thread(inflict, engine_name, name, fault)


def box_names(engine_name: str) -> list[str]:
    """The boxes of this process. Those of bubblewrap are known by their control groups, which only root can make."""
    if engine_name == "docker":
        return [str(name) for name in left("docker")]
    return sorted({place.name.partition("@")[0] for place in left("bubblewrap") if isinstance(place, Path)})


def inflict(engine_name: str, name: str, fault: BoxFault) -> None:
    """Do it to the box, unless it has ended in the meantime."""
    pids = _processes_of(engine_name, name)
    executors = [pid for pid in pids if _command(pid)[: len(ARGV) - 1] == list(ARGV[:-1])]
    victims = pids if fault == "box killed" else executors
    for pid in victims:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP if fault == "executor stopped" else signal.SIGKILL)


def _processes_of(engine_name: str, name: str) -> list[int]:
    if engine_name == "docker":
        client = connect()
        try:
            return [int(row[1]) for row in client.containers.get(name).top()["Processes"]]
        except APIError:
            return []
        finally:
            client.close()
    found: set[int] = set()
    for file in [*Path("/sys/fs/cgroup").glob(f"typescript-agent-harness/{name}@{this_process()}/cgroup.procs"),
                 *Path("/sys/fs/cgroup").glob(f"*/typescript-agent-harness/{name}@{this_process()}/cgroup.procs")]:  # fmt: skip
        with contextlib.suppress(OSError):
            found |= {int(pid) for pid in file.read_text(encoding="ascii").split()}
    return sorted(found)


def _command(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace").split("\0")
    except OSError:
        return []
