"""Control groups: what is written for which version, on directories that stand for the kernel's, and what the executor reads of them.

Version 1 is met for real by the tests of isolation, where root runs them. Version 2 is only met here.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandboxes.bubblewrap import _find_bwrap
from sandboxes.cgroups import make_group, sweep_groups, unified
from sandboxes.executor import ARGV, Executor, ExecutorSandbox, LastWords
from sandboxes.images.recipe import load_recipe
from sandboxes.images.rootfs import build_rootfs
from sandboxes.owner import this_process
from sandboxes.sandbox import Limits

LIMITS = Limits(memory_bytes=512 * 2**20, cpus=1.5, processes=77)
PARENT = "typescript-agent-harness"


@pytest.fixture
def second(tmp_path: Path) -> Path:
    """Where version 2 alone is mounted, by the one file that tells it apart."""
    (tmp_path / "cgroup.controllers").write_text("cpuset cpu io memory pids\n", encoding="ascii")
    return tmp_path


def written(directory: Path) -> dict[str, str]:
    return {file.relative_to(directory).as_posix(): file.read_text("ascii") for file in sorted(directory.rglob("*")) if file.is_file()}


def test_a_group_of_version_2_is_one_directory_below_controllers_that_are_enabled(second: Path):
    assert unified(second)
    group = make_group("a-box", LIMITS, second)
    assert written(second) == {
        "cgroup.controllers": "cpuset cpu io memory pids\n",
        "cgroup.subtree_control": "+memory +pids +cpu",
        f"{PARENT}/cgroup.subtree_control": "+memory +pids +cpu",
        f"{PARENT}/a-box/memory.max": str(512 * 2**20),
        f"{PARENT}/a-box/pids.max": "77",
        f"{PARENT}/a-box/cpu.max": "150000 100000",
    }, "and no memory.swap.max, which a kernel without accounts of swap does not have"
    assert group.memory == second / PARENT / "a-box"
    assert group.procs_files == [str(second / PARENT / "a-box/cgroup.procs")]


def test_a_group_of_version_1_is_a_directory_of_each_controller(tmp_path: Path):
    assert not unified(tmp_path)
    group = make_group("a-box", LIMITS, tmp_path)
    assert written(tmp_path) == {
        f"memory/{PARENT}/a-box/memory.limit_in_bytes": str(512 * 2**20),
        f"pids/{PARENT}/a-box/pids.max": "77",
        f"cpu/{PARENT}/a-box/cpu.cfs_period_us": "100000",
        f"cpu/{PARENT}/a-box/cpu.cfs_quota_us": "150000",
    }
    assert group.memory == tmp_path / "memory" / PARENT / "a-box"
    assert len(group.procs_files) == 3


def test_a_second_group_of_the_same_name_is_refused(second: Path):
    make_group("a-box", LIMITS, second)
    with pytest.raises(FileExistsError):
        make_group("a-box", LIMITS, second)


@pytest.mark.parametrize("version", [1, 2])
def test_only_groups_of_the_dead_are_swept(tmp_path: Path, version: int):
    roots = [tmp_path / PARENT] if version == 2 else [tmp_path / controller / PARENT for controller in ("memory", "pids", "cpu")]
    if version == 2:
        (tmp_path / "cgroup.controllers").touch()
    place, _, begun = this_process().rpartition(":")
    for root in roots:
        root.mkdir(parents=True)
        (root / "cgroup.procs").touch()
        (root / f"harness-alive@{this_process()}").mkdir()
        (root / f"harness-dead@{place}:{int(begun) + 1}").mkdir()  # the same number, begun at another time
    assert sweep_groups(tmp_path) == ["harness-dead"]
    assert [sorted(entry.name.partition("@")[0] for entry in root.iterdir()) for root in roots] == [
        ["cgroup.procs", "harness-alive"]
    ] * len(roots)
    assert sweep_groups(tmp_path) == []


@pytest.fixture(params=["memory.events", "memory/memory.oom_control"])
async def counted(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[ExecutorSandbox, str]]:
    """A box whose count of out-of-memory kills, of version 2 and of version 1, it may write itself; and where that is in the box."""
    file = tmp_path / request.param
    file.parent.mkdir(exist_ok=True)
    file.write_text("low 0\noom 3\noom_kill 3\noom_group_kill 0\n", encoding="ascii")
    rootfs = build_rootfs(load_recipe(), lambda line: None)
    mounts = [
        "--ro-bind",
        str(rootfs),
        "/",
        "--proc",
        "/proc",
        "--dev",
        "/dev",
        "--tmpfs",
        "/sys",
        "--bind",
        str(tmp_path),
        "/sys/fs/cgroup",
    ]
    isolation = ["--unshare-user", "--uid", "1000", "--gid", "1000", "--unshare-pid", "--die-with-parent"]
    program = await asyncio.create_subprocess_exec(
        *_find_bwrap(rootfs), *isolation, *mounts, "--chdir", "/", "--", *ARGV,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env={"PATH": os.environ["PATH"]},
    )  # fmt: skip
    assert program.stdin
    assert program.stdout
    executor = Executor(program.stdout, program.stdin, LastWords())

    async def remove() -> None:
        await program.wait()

    box = ExecutorSandbox("counted", executor, remove, one_user=True)
    try:
        await executor.start(30)
        yield box, f"/sys/fs/cgroup/{request.param}"
    finally:
        await box.close()


async def test_a_kill_that_the_group_counts_while_a_command_runs_is_that_commands(counted: tuple[ExecutorSandbox, str]):
    box, file = counted
    for command, out_of_memory in (
        ("true", False),
        (f"printf 'low 0\\noom 4\\noom_kill 4\\noom_group_kill 0\\n' > {file}; exit 1", True),
        ("exit 1", False),
        (f"printf 'low 0\\noom 9\\noom_kill 4\\noom_group_kill 9\\n' > {file}", False),
    ):
        result = await box.exec(["bash", "-c", command], cwd="/", timeout_seconds=20)
        assert result.out_of_memory == out_of_memory, (command, result.stderr.text())
