"""The system calls that no box needs: a filter for bubblewrap, as the bytes that its `--seccomp` reads.

Docker brings a filter of its own. Without one, what runs in a box started by root could make a user namespace, be root in that, and reach
the parts of the kernel in which most of its privilege bugs were found. Everything not named here is allowed: this narrows the kernel, it
does not say what a program is. Shared memory, semaphores and queues of System V are refused because they outlive the processes of a command.
"""

from __future__ import annotations

import errno
import platform
import struct
from collections.abc import Mapping
from typing import Final

from sandboxes.sandbox import SandboxError

# struct sock_filter and the offsets in struct seccomp_data: linux/filter.h, linux/seccomp.h, linux/audit.h
_INSTRUCTION = struct.Struct("=HBBI")
_LOAD, _JUMP_EQUAL, _JUMP_ABOVE, _JUMP_BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
_ALLOW: Final = 0x7FFF0000
_REFUSE: Final = 0x00050000
_X32_BIT: Final = 0x40000000  # x86_64's second set of numbers for the same calls
_NEW_NAMESPACES: Final = 0x7E020000  # CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET

_AUDIT: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

# asm/unistd_64.h and asm-generic/unistd.h: the number on x86_64, on aarch64
_REFUSED: Final[Mapping[str, tuple[int, int]]] = {
    "unshare": (272, 97), "setns": (308, 268), "chroot": (161, 51), "pivot_root": (155, 41),
    "mount": (165, 40), "umount2": (166, 39), "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430),
    "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442), "open_by_handle_at": (304, 265),
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "pidfd_getfd": (438, 438), "kcmp": (312, 272),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282), "fanotify_init": (300, 262),
    "syslog": (103, 116), "acct": (163, 89), "swapon": (167, 224), "swapoff": (168, 225), "reboot": (169, 142), "quotactl": (179, 60),
    "init_module": (175, 105), "delete_module": (176, 106), "finit_module": (313, 273),
    "kexec_load": (246, 104), "kexec_file_load": (320, 294),
    "settimeofday": (164, 170), "clock_settime": (227, 112), "adjtimex": (159, 171), "clock_adjtime": (305, 266),
    "shmget": (29, 194), "semget": (64, 190), "msgget": (68, 186), "mq_open": (240, 180),
}  # fmt: skip

# Answered as by a kernel that does not have them: the C library then takes `clone`, whose flags can be seen here, and others do without.
_UNKNOWN: Final[Mapping[str, tuple[int, int]]] = {
    "clone3": (435, 435),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
}
_CLONE: Final = (56, 220)


def seccomp_filter(machine: str = "") -> bytes:
    """The filter for `machine` (default: this one). SandboxError for one whose numbers are not known here."""
    machine = machine or platform.machine()
    if machine not in _AUDIT:
        raise SandboxError(f"there is no system call filter for {machine}: only for {', '.join(_AUDIT)}")
    column = list(_AUDIT).index(machine)
    not_here = _REFUSE | errno.ENOSYS
    program = [(_LOAD, 0, 0, _ARCHITECTURE), (_JUMP_EQUAL, 1, 0, _AUDIT[machine]), (_RETURN, 0, 0, not_here), (_LOAD, 0, 0, _NUMBER)]
    if machine == "x86_64":
        program += [(_JUMP_ABOVE, 0, 1, _X32_BIT), (_RETURN, 0, 0, not_here)]
    for calls, answer in ((_REFUSED, _REFUSE | errno.EPERM), (_UNKNOWN, not_here)):
        for numbers in calls.values():
            program += [(_JUMP_EQUAL, 0, 1, numbers[column]), (_RETURN, 0, 0, answer)]
    program += [
        (_JUMP_EQUAL, 0, 3, _CLONE[column]),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_JUMP_BITS, 0, 1, _NEW_NAMESPACES),
        (_RETURN, 0, 0, _REFUSE | errno.EPERM),
        (_RETURN, 0, 0, _ALLOW),
    ]
    return b"".join(_INSTRUCTION.pack(*instruction) for instruction in program)
