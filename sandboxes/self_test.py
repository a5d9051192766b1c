"""What a box must hold before any untrusted code is run in it: asked of the box itself, in one command of each user.

That it has processes of its own alone is for the executor to find, before it starts anything: it ends with a signal whatever it can reach.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sandboxes.sandbox import Sandbox, SandboxError, User

_NAMESPACES: Final = ("pid", "net", "ipc", "uts", "mnt")
_MARK: Final = "---"
# By the shell itself as far as it can: each program that it starts costs as much as the rest.
_PROBE: Final = f"""
for file in /proc/self/status /proc/self/mountinfo /proc/net/dev; do
  read -r -d '' content < $file; printf '%s\\n{_MARK}\\n' "$content"
done
readlink {" ".join(f"/proc/self/ns/{name}" for name in _NAMESPACES)}; echo {_MARK}
unshare --user true 2>/dev/null && echo made
exit 0
"""
_PROBE_SECONDS: Final = 20.0

_IN_MEMORY: Final = ("tmpfs", "proc", "devtmpfs", "devpts", "mqueue")
_EXECUTORS: Final = 1 << 5 | 1 << 6 | 1 << 7  # CAP_KILL, CAP_SETGID, CAP_SETUID: linux/capability.h
_FILTERED: Final = "2"  # SECCOMP_MODE_FILTER: linux/seccomp.h


async def must_isolate(sandbox: Sandbox) -> None:
    """SandboxError names all that a new box does not hold."""
    users: tuple[User, ...] = ("agent",) if sandbox.one_user else ("agent", "root")
    told = await asyncio.gather(*(_ask(sandbox, user) for user in users))
    wrong = dict.fromkeys(line for user, answer in zip(users, told, strict=True) for line in shortcomings(answer, user))
    if wrong:
        raise SandboxError(f"bubblewrap does not isolate here: {'; '.join(wrong)}")


async def _ask(sandbox: Sandbox, user: User) -> str:
    result = await sandbox.exec(["bash", "-c", _PROBE], timeout_seconds=_PROBE_SECONDS, cwd="/", user=user)
    if not result.ok:
        raise SandboxError(f"bubblewrap's self-test could not be made ({result.how_it_ended()}): {result.stderr.text().strip()[-300:]}")
    return result.stdout.text()


def shortcomings(told: str, user: User) -> Iterator[str]:
    """What the probe's output says that must not be, one line each."""
    sections = told.split(f"{_MARK}\n")
    if len(sections) != 5:
        yield f"its self-test printed {told[-300:]!r}"
        return
    status, mounts, devices, namespaces, made = sections
    facts = dict(re.findall(r"^(\w+):\s*(.*)$", status, re.MULTILINE))
    if user == "agent":
        if set(facts.get("Uid", "").split()) != {"1000"}:
            yield f"commands run as uid {facts.get('Uid', 'unknown')}"
        if made.strip():
            yield "user namespaces can be made"
    held = 0
    for kind in ("CapPrm", "CapEff", "CapAmb"):
        held |= int(facts.get(kind, "-1"), 16)
    if held & ~(0 if user == "agent" else _EXECUTORS):
        yield f"{'commands' if user == 'agent' else 'the executor'} may do more than they need: capabilities {held:x}"
    if facts.get("NoNewPrivs") != "1":
        yield "privileges can be gained"
    if facts.get("Seccomp") != _FILTERED:
        yield "system calls are not filtered"
    for mount in mounts.splitlines():
        (*_, place, options), kind = mount.partition(" - ")[0].split()[:6], mount.partition(" - ")[2].split()[0]
        if "rw" in options.split(",") and kind not in _IN_MEMORY:
            yield f"{place} can be written, on the machine's own disk ({kind})"
    if (others := set(re.findall(r"^\s*(\S+):", devices, re.MULTILINE)) - {"lo"}) != set():
        yield f"the network is reached, by {', '.join(sorted(others))}"
    for name, link in zip(_NAMESPACES, namespaces.splitlines(), strict=False):
        if link == str(Path(f"/proc/self/ns/{name}").readlink()):
            yield f"it has no {name} namespace of its own"
