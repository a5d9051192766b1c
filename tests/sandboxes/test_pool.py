"""A box that was used and is lent again is as a new one; what is not so is removed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from sandboxes.pool import WarmEngine
from sandboxes.sandbox import DIFF_SCRATCH, HARNESS_DIRECTORY, VITE_SCRATCH, Limits, Sandbox, SandboxError
from tests.sandboxes.boxes import TREE, left, shell

LIMITS = Limits(memory_bytes=512 * 1024 * 1024)

LOOK = """
    find /workspace/repo /tmp /dev/shm /dev/mqueue /var/tmp /run/harness /workspace/node_modules/.vite-temp -printf '%p %y %m %U\\n' 2>&1 | sort
    ps axo uid,args --no-headers | cut -c1-60 | grep -v -e 'ps axo' -e 'bash -c' -e 'cut -c1' -e grep -e sort
    cat /proc/sysvipc/shm /proc/sysvipc/sem /proc/sysvipc/msg; tail -n +2 /proc/net/unix | wc -l; ulimit -a; umask; cat /proc/self/oom_score_adj
"""


@pytest.fixture
async def warm(engine) -> AsyncIterator[WarmEngine]:
    """No box is prepared: each comes from the last holder, or is new."""
    made = WarmEngine(engine, spare=0, keep=2)
    await made.start()
    yield made
    await made.close()
    assert left(engine.name) == []


async def give_back(warm: WarmEngine, sandbox: Sandbox) -> str:
    """Close a box and wait for what becomes of it; the name of the box that is lent next."""
    await sandbox.close()
    async with asyncio.timeout(60):
        while warm._background:
            await asyncio.gather(*warm._background)
    following = await warm.open(LIMITS)
    try:
        return following.name
    finally:
        await following.close()


@pytest.mark.parametrize(
    "mess",
    [
        f"for d in . /tmp /dev/shm {DIFF_SCRATCH} {VITE_SCRATCH}; do echo x > $d/left; ln -s /etc $d/link; mkdir -p $d/.hidden/deep; done",
        "setsid -f sleep 300; nohup sleep 300 & (trap '' TERM INT HUP; sleep 300) &",
        "ipcmk -M 4096; ipcmk -Q; ipcmk -S 1; true",
        "umask 000; ulimit -n 7; mkdir -m 777 open; touch open/x; chmod 1777 open; chmod 000 open/x; chmod 555 /tmp .; true",
        "for n in $(seq 60); do mkdir -p tree/$n/a/b/c; for m in $(seq 40); do : > tree/$n/a/b/c/$m; done; done; head -c 50M /dev/zero > big",
        "for n in $(seq 600); do mkdir d; cd d; done; touch deep; mkfifo pipe",
        "node -e \"require('net').createServer().listen('\\0left'); require('net').createServer().listen('/tmp/socket')\" & sleep 0.3",
    ],
)
async def test_a_box_that_is_lent_again_is_as_new(warm: WarmEngine, mess: str):
    sandbox = await warm.open(LIMITS)
    new = await shell(sandbox, LOOK)
    await sandbox.lay(TREE.snapshot.archive)
    await shell(sandbox, mess)
    await sandbox.write(f"{HARNESS_DIRECTORY}/ours/reporter.mjs", b"x", user="root")
    name = sandbox.name
    following = await give_back(warm, sandbox)
    assert (following == name) == (warm.name == "docker")
    again = await warm.open(LIMITS)
    assert await shell(again, LOOK) == new
    await again.lay(TREE.snapshot.archive)
    assert await again.diff() == b""
    await again.close()


@pytest.mark.parametrize(
    "mess", ["mkdir closed; echo x > closed/file; chmod 000 closed", "mkdir -p /tmp/a/b; touch /tmp/a/b/c; chmod 500 /tmp/a/b"]
)
async def test_a_box_that_does_not_become_empty_is_not_lent_again(warm: WarmEngine, mess: str):
    sandbox = await warm.open(LIMITS)
    await shell(sandbox, mess)
    name = sandbox.name
    assert await give_back(warm, sandbox) != name


async def test_a_box_that_failed_is_not_lent_again(warm: WarmEngine):
    sandbox = await warm.open(LIMITS)
    box = next(iter(warm._engine._open.values()))  # type: ignore[attr-defined]
    await box.close()
    with pytest.raises(SandboxError):
        await shell(sandbox, "true")
    assert await give_back(warm, sandbox) != sandbox.name


async def test_a_box_that_was_given_back_is_closed_for_its_holder(warm: WarmEngine):
    sandbox = await warm.open(LIMITS)
    waiting = asyncio.create_task(shell(sandbox, "sleep 300", timeout_seconds=300))
    await shell(sandbox, "true")
    await sandbox.close()
    async with asyncio.timeout(30):
        with pytest.raises(SandboxError):
            await waiting
    for attempt in (shell(sandbox, "true"), sandbox.read("/etc/passwd"), sandbox.diff(), sandbox.write("/tmp/x", b"")):
        with pytest.raises(SandboxError, match="closed"):
            await attempt
    await sandbox.close()


async def test_boxes_of_other_limits_are_not_lent(warm: WarmEngine):
    first = await warm.open(LIMITS)
    await first.close()
    other = await warm.open(Limits(memory_bytes=512 * 1024 * 1024, open_files=777))
    assert (await shell(other, "ulimit -n")).strip() == "777"
    await other.close()
    again = await warm.open(LIMITS)
    assert (await shell(again, "ulimit -n")).strip() == str(LIMITS.open_files)
    await again.close()


async def test_closing_leaves_nothing_on_loan_or_in_preparation(engine):
    warm = WarmEngine(engine, spare=3, keep=4)
    await warm.start()
    lent = [await warm.open(LIMITS) for _ in range(2)]
    await lent[0].close()
    await warm.close()
    assert left(engine.name) == []
    with pytest.raises(SandboxError):
        await shell(lent[1], "true")
    await lent[1].close()
    with pytest.raises(SandboxError, match="closed"):
        await warm.open(LIMITS)
