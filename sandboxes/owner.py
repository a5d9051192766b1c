"""Who owns a box: the harness process that made it, named so that a later process can tell whether it still lives.

A process id alone comes round again; with the time at which it started, as the kernel counts it since this boot, it does not.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path


@cache
def this_process() -> str:
    """`machine.boot.namespace:pid:start`, for a label or a directory's name."""
    return f"{_machine()}.{_boot()}.{_namespace()}:{os.getpid()}:{_start_time(os.getpid())}"


def is_alive(owner: str) -> bool:
    """Whether the process that `this_process` named still runs; True as well where nobody here can know (another machine or container)."""
    place, _, rest = owner.partition(":")
    machine, _, rest_of_place = place.partition(".")
    boot, _, namespace = rest_of_place.partition(".")
    if machine != _machine():
        return True
    if boot != _boot():
        return False
    if namespace != _namespace():
        return True
    pid, _, start = rest.partition(":")
    return pid.isdigit() and start != "" and _start_time(int(pid)) == start


def _machine() -> str:
    return (_read("/etc/machine-id") or os.uname().nodename.replace(".", "-"))[:12]


def _boot() -> str:
    return _read("/proc/sys/kernel/random/boot_id")[:13]


def _namespace() -> str:
    return "".join(character for character in str(Path("/proc/self/ns/pid").readlink()) if character.isdigit())


def _start_time(pid: int) -> str:
    status = _read(f"/proc/{pid}/stat")
    return status.rpartition(")")[2].split()[19] if status else ""


def _read(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
