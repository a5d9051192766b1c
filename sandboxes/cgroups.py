"""Control groups made by hand, for boxes that no daemon limits: memory, processes and CPU of a whole box, cgroup v1 or v2.

Only root can make them; where that fails the engine says so and the box has per-process limits alone.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sandboxes.owner import is_alive
from sandboxes.sandbox import Limits, SandboxError

MOUNT = Path("/sys/fs/cgroup")
_PARENT = "typescript-agent-harness"
_CONTROLLERS = ("memory", "pids", "cpu")


@dataclass(frozen=True, slots=True)
class ControlGroup:
    """The directories of one box's group: one in cgroup v2, one a controller in v1."""

    directories: tuple[Path, ...]

    @property
    def memory(self) -> Path:
        """Where the kernel counts the box's out-of-memory kills."""
        return self.directories[0]

    @property
    def procs_files(self) -> list[str]:
        return [str(directory / "cgroup.procs") for directory in self.directories]

    def remove(self) -> None:
        """Kill what is left in the group and remove it."""
        deadline = time.monotonic() + 5
        for directory in self.directories:
            while directory.exists():
                with contextlib.suppress(OSError, ValueError):
                    for pid in (directory / "cgroup.procs").read_text(encoding="ascii").split():
                        os.kill(int(pid), signal.SIGKILL)
                try:
                    directory.rmdir()
                except OSError as error:
                    if time.monotonic() > deadline:
                        raise SandboxError(f"a box's processes do not end: {directory}") from error
                    time.sleep(0.005)


def unified(mount: Path = MOUNT) -> bool:
    """Whether this machine has cgroup v2 alone."""
    return (mount / "cgroup.controllers").exists()


def make_group(name: str, limits: Limits, mount: Path = MOUNT) -> ControlGroup:
    """A group with the limits set. OSError where this process may not make one."""
    if unified(mount):
        parent = mount / _PARENT
        parent.mkdir(exist_ok=True)
        enable = " ".join(f"+{controller}" for controller in _CONTROLLERS)
        for level in (mount, parent):
            (level / "cgroup.subtree_control").write_text(enable, encoding="ascii")
        settings: Mapping[str, Mapping[str, str]] = {
            "": {
                "memory.max": str(limits.memory_bytes),
                "memory.swap.max": "0",
                "pids.max": str(limits.processes),
                "cpu.max": f"{round(limits.cpus * 100_000)} 100000",
            }
        }
    else:
        settings = {
            "memory": {"memory.limit_in_bytes": str(limits.memory_bytes), "memory.memsw.limit_in_bytes": str(limits.memory_bytes)},
            "pids": {"pids.max": str(limits.processes)},
            "cpu": {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": str(round(limits.cpus * 100_000))},
        }
    directories: list[Path] = []
    try:
        for controller, values in settings.items():
            directory = mount / controller / _PARENT / name
            directory.mkdir(parents=True)
            directories.append(directory)
            for file, value in values.items():
                if file in ("memory.memsw.limit_in_bytes", "memory.swap.max") and not (directory / file).exists():
                    continue  # a kernel without swap accounting
                (directory / file).write_text(value, encoding="ascii")
    except OSError:
        for directory in directories:
            directory.rmdir()
        raise
    return ControlGroup(tuple(directories))


def sweep_groups(mount: Path = MOUNT) -> list[str]:
    """Remove the groups of dead harness processes, and kill what is in them; their names."""
    roots = [mount / _PARENT] if unified(mount) else [mount / controller / _PARENT for controller in _CONTROLLERS]
    swept = set()
    for root in roots:
        for directory in root.iterdir() if root.exists() else ():
            if directory.is_dir() and not is_alive(directory.name.rpartition("@")[2]):
                ControlGroup((directory,)).remove()
                swept.add(directory.name.partition("@")[0])
    return sorted(swept)
