"""The filter, run by a small interpreter of its instructions."""

from __future__ import annotations

import errno
import struct

import pytest

from sandboxes.sandbox import SandboxError
from sandboxes.seccomp import seccomp_filter

ALLOWED = 0x7FFF0000
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
MACHINES = list(ARCHITECTURES)


def answer(machine: str, number: int, argument: int = 0, architecture: int | None = None) -> int:
    """What the kernel would do with a call: 0 for allowed, else the errno."""
    data = struct.pack("<IIQQ", number, architecture or ARCHITECTURES[machine], 0, argument)
    program = list(struct.iter_unpack("=HBBI", seccomp_filter(machine)))
    place, value = 0, 0
    while True:
        code, yes, no, constant = program[place]
        place += 1
        if code == 0x20:
            value = struct.unpack_from("<I", data, constant)[0]
        elif code == 0x06:
            return 0 if constant == ALLOWED else constant & 0xFFFF
        else:
            holds = {0x15: value == constant, 0x35: value >= constant, 0x45: bool(value & constant)}[code]
            place += yes if holds else no


@pytest.mark.parametrize(
    ("machine", "number", "argument", "expected"),
    [
        ("x86_64", 0, 0, 0), ("x86_64", 59, 0, 0), ("x86_64", 257, 0, 0),  # read, execve, openat
        ("aarch64", 63, 0, 0), ("aarch64", 221, 0, 0), ("aarch64", 56, 0, 0),
        ("x86_64", 272, 0, errno.EPERM), ("x86_64", 165, 0, errno.EPERM), ("x86_64", 101, 0, errno.EPERM),  # unshare, mount, ptrace
        ("aarch64", 97, 0, errno.EPERM), ("aarch64", 40, 0, errno.EPERM), ("aarch64", 117, 0, errno.EPERM),
        ("x86_64", 435, 0, errno.ENOSYS), ("aarch64", 425, 0, errno.ENOSYS),  # clone3, io_uring_setup
        ("x86_64", 56, 0x01200011, 0), ("aarch64", 220, 0x003D0F00, 0),  # fork, a thread
        ("x86_64", 56, 0x10000011, errno.EPERM), ("aarch64", 220, 0x00020011, errno.EPERM),  # a user namespace, a mount namespace
        ("x86_64", 0x40000000 + 272, 0, errno.ENOSYS),  # the same call by its other number
    ],
)  # fmt: skip
def test_a_call_is_answered(machine: str, number: int, argument: int, expected: int):
    assert answer(machine, number, argument) == expected


@pytest.mark.parametrize("machine", MACHINES)
def test_calls_of_another_architecture_are_refused(machine: str):
    assert answer(machine, 0, architecture=0x40000003) == errno.ENOSYS  # i386, whose numbers mean other calls


def test_a_machine_that_is_not_known_is_refused():
    with pytest.raises(SandboxError, match="riscv64"):
        seccomp_filter("riscv64")
