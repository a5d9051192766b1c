"""What the tests of boxes share: a shell, a small tree, and a look at what is left on the machine."""

from __future__ import annotations

import contextlib
import os
import random
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest
from docker.errors import APIError

from sandboxes.docker import OWNER_LABEL, connect
from sandboxes.owner import this_process
from sandboxes.sandbox import Sandbox, SandboxEngine
from tasks.tree import RepositoryTree

TREE = RepositoryTree({"src/a.ts": b"export const a = 1;\n", ".gitignore": b"dist/\n", "run.sh": b"#!/bin/sh\n"}, frozenset({"run.sh"}))


async def shell(sandbox: Sandbox, command: str, *, timeout_seconds: float = 20) -> str:
    result = await sandbox.exec(["bash", "-c", command], timeout_seconds=timeout_seconds)
    return result.stdout.text() + result.stderr.text()


def skip_where_uids_are_shared(engine: SandboxEngine) -> None:
    for line in engine.shortfalls():
        if "one uid" in line:
            pytest.skip(line)


def skip_without_memory_limit(engine: SandboxEngine) -> None:
    for line in engine.shortfalls():
        if "no limit on the memory" in line:
            pytest.skip(line)


def processes(words: str) -> list[int]:
    """The processes of this machine, those in boxes included, whose command line has the words."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if words in (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"):
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def parents(pid: int) -> list[int]:
    """The process's ancestors, nearest first. Empty when it is gone."""
    line: list[int] = []
    while pid > 1:
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1])
        except OSError:
            return line
        line.append(pid)
    return line


def left(engine_name: str) -> Sequence[object]:
    """The containers, or the control groups and bubblewrap processes, of this very process: others may be at work beside it."""
    if engine_name == "docker":
        client = connect()
        try:
            labels = {"label": f"{OWNER_LABEL}={this_process()}"}
            return [container.name for container in client.containers.list(all=True, filters=labels, ignore_removed=True)]
        finally:
            client.close()
    groups = [*Path("/sys/fs/cgroup").glob(f"typescript-agent-harness/*@{this_process()}")]
    groups += Path("/sys/fs/cgroup").glob(f"*/typescript-agent-harness/*@{this_process()}")
    me = int(this_process().split(":")[1])
    return [*groups, *(pid for pid in processes("bwrap ") if me in parents(pid))]


def kill_a_box(engine_name: str) -> None:
    """Kill any box of this process, as an operator or the kernel might. None may be open at the moment."""
    boxes = left(engine_name)
    if engine_name == "docker" and boxes:
        client = connect()
        with contextlib.suppress(APIError):  # it ended in the meantime
            client.containers.get(str(random.choice(boxes))).kill()
        client.close()
    pids = [pid for pid in boxes if isinstance(pid, int)]
    if outermost := [pid for pid in pids if not set(parents(pid)) & set(pids)]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(random.choice(outermost), signal.SIGKILL)
