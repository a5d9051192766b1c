"""The embedded backend: a bubblewrap process tree a box, on the root file system that is built from packages. Needs no daemon.

It is a process sandbox on the shared kernel. Started by root, a box has an executor of its own uid and control groups; started by anyone
else, the executor shares the agent's uid and only per-process limits hold. `shortfalls` says which.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import subprocess
from pathlib import Path

from sandboxes.cgroups import ControlGroup, make_group, sweep_groups
from sandboxes.executor import ARGV, ENVIRONMENT, Executor, ExecutorSandbox, LastWords
from sandboxes.images.recipe import ImageRecipe, Say
from sandboxes.images.rootfs import build_rootfs, read_manifest
from sandboxes.owner import this_process
from sandboxes.sandbox import DIFF_SCRATCH, HARNESS_DIRECTORY, MIB, REPOSITORY, SLACK_SECONDS, VITE_SCRATCH, Limits, SandboxError
from sandboxes.seccomp import seccomp_filter
from sandboxes.self_test import must_isolate

_CREATIONS_AT_ONCE = 8
_START_SECONDS = 30.0
_RESTARTING = 'until "$@"; do :; done'
"""For an executor that the agent can kill because it shares its uid: bash is the first process of the box, which nobody in it can kill, reaps
what is orphaned, and starts the executor again unless it ended by itself."""
_ENTER = (
    'for file in $PROCS; do echo $$ > "$file" || exit 125; done; read -r score < /proc/self/oom_score_adj;'
    ' [ "$score" -le 0 ] || echo 0 > /proc/self/oom_score_adj; exec "$@"'
)
"""Into the box's groups. Where whatever started the harness has its processes killed first when memory runs out (a pod of best effort has 1000), the executor
would be as good a victim as the command that it runs, which is given 1000 by it."""
_MINIMUM_VERSION = (0, 8)  # --disable-userns, --size


class BubblewrapEngine:
    """Boxes are bubblewrap process trees; they end when the harness does."""

    name = "bubblewrap"

    def __init__(self, recipe: ImageRecipe, say: Say, *, slack_seconds: float = SLACK_SECONDS) -> None:
        self._recipe = recipe
        self._say = say
        self._slack_seconds = slack_seconds
        self._rootfs = Path()
        self._bwrap: list[str] = []
        self._grouped = False
        self._filter = b""
        self._creating = asyncio.Semaphore(_CREATIONS_AT_ONCE)
        self._open: dict[str, ExecutorSandbox] = {}
        self._closed = True
        self.image = ""

    async def start(self) -> None:
        self._rootfs = await asyncio.to_thread(build_rootfs, self._recipe, self._say)
        manifest = read_manifest(self._recipe) or {}
        self.image = f"{self._recipe.name}@sha256:{manifest['digest']}"
        self._bwrap = _find_bwrap(self._rootfs)
        self._grouped = _groups_work()
        self._filter = seccomp_filter()
        self._closed = False
        await self.sweep()
        await self._test_itself()

    async def open(self, limits: Limits) -> ExecutorSandbox:
        async with self._creating:
            if self._closed:
                raise SandboxError("the engine is closed")
            name = f"harness-{secrets.token_hex(6)}"
            group = None
            try:
                group = make_group(f"{name}@{this_process()}", limits) if self._grouped else None
                process = await self._spawn(limits, group)
            except BaseException as error:
                if group is not None:
                    group.remove()
                if isinstance(error, OSError):
                    raise SandboxError(f"bubblewrap could not be started: {error}") from error
                raise
            assert process.stdin
            assert process.stdout
            assert process.stderr
            words = LastWords()
            listening = asyncio.create_task(_collect(process.stderr, words), name="last words")
            executor = Executor(process.stdout, process.stdin, words)

            # Not process.kill(): it may reap the process before the event loop's watcher does, who then complains.
            handle = None
            with contextlib.suppress(ProcessLookupError):  # it ended as it started: the executor's greeting will not come
                handle = os.pidfd_open(process.pid)
                asyncio.get_running_loop().add_reader(handle, _end_what_is_half_made, process.pid, handle)

            async def remove() -> None:
                if handle is not None:
                    with contextlib.suppress(ProcessLookupError):
                        signal.pidfd_send_signal(handle, signal.SIGKILL)  # the box's first process dies with it, and all others with that
                await process.wait()
                await listening
                if handle is not None:
                    asyncio.get_running_loop().remove_reader(handle)
                    os.close(handle)
                self._open.pop(name, None)
                if group is not None:
                    await asyncio.to_thread(group.remove)

            sandbox = ExecutorSandbox(name, executor, remove, slack_seconds=self._slack_seconds, one_user=os.geteuid() != 0)
            self._open[name] = sandbox
            try:
                await executor.start(_START_SECONDS)
                if self._closed:
                    raise SandboxError("the engine is closed")
            except BaseException:
                await sandbox.close()
                raise
            return sandbox

    async def sweep(self) -> list[str]:
        # Only groups can be left: a box's processes die with the harness process that started them.
        return await asyncio.to_thread(sweep_groups) if self._grouped else []

    def shortfalls(self) -> list[str]:
        lines = ["process sandbox: the kernel is shared with this machine"]
        if not self._grouped:
            lines.append("no limit on the memory and CPU of a whole box (control groups cannot be made here)")
        if os.geteuid() != 0:
            lines.append("executor and agent share one uid (the harness does not run as root)")
            lines.append(
                "a patch written for it can read the hidden tests and pass them: for numbers that others trust use docker, or root"
            )
        # bubblewrap gives a tmpfs a size and no count of inodes; an empty file takes a kilobyte of the box's memory and none of its size.
        lines.append("no limit on the number of files: a box filled with empty ones can end in a failure of the box")
        return lines

    async def close(self) -> None:
        self._closed = True
        await asyncio.gather(*(sandbox.close() for sandbox in self._open.values()), return_exceptions=True)

    async def _spawn(self, limits: Limits, group: ControlGroup | None) -> asyncio.subprocess.Process:
        handed_over = os.memfd_create("seccomp")
        try:
            os.write(handed_over, self._filter)
            os.lseek(handed_over, 0, os.SEEK_SET)
            return await asyncio.create_subprocess_exec(
                *self._argv(limits, group, handed_over),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                pass_fds=[handed_over],
                start_new_session=True,  # Ctrl-C is the harness's to handle
                env={"PATH": os.environ.get("PATH", "/usr/bin:/bin")},
            )
        finally:
            os.close(handed_over)

    async def _test_itself(self) -> None:
        """A box opens and holds what it must; else SandboxError, and nothing is left."""
        sandbox = await self.open(Limits())
        try:
            await must_isolate(sandbox)
        finally:
            await sandbox.close()

    def _argv(self, limits: Limits, group: ControlGroup | None, seccomp: int) -> list[str]:
        size = str(limits.tmpfs_bytes)
        isolation = [
            "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try",
            "--hostname", "box", "--die-with-parent", "--new-session", "--clearenv", "--setenv", "PATH", ENVIRONMENT["PATH"],
            "--ro-bind", str(self._rootfs), "/", "--proc", "/proc", "--dev", "/dev",
            "--perms", "1777", "--size", size, "--tmpfs", "/tmp",
            "--perms", "1777", "--size", str(64 * MIB), "--tmpfs", "/dev/shm",
            "--perms", "1777", "--size", size, "--tmpfs", REPOSITORY,
            "--perms", "1777", "--size", str(16 * MIB), "--tmpfs", VITE_SCRATCH,
            "--perms", "1777", "--size", str(64 * MIB), "--tmpfs", DIFF_SCRATCH,
            "--perms", "0755", "--size", str(64 * MIB), "--tmpfs", HARNESS_DIRECTORY,
            "--chdir", "/", "--cap-drop", "ALL", "--seccomp", str(seccomp),
        ]  # fmt: skip
        if os.geteuid() == 0:
            for capability in ("CAP_SETUID", "CAP_SETGID", "CAP_KILL"):
                isolation += ["--cap-add", capability]
        else:
            isolation += ["--unshare-user", "--disable-userns", "--uid", "1000", "--gid", "1000", "--as-pid-1"]
        if group is not None:
            # Where the executor looks for the count of out-of-memory kills in a container as well.
            place = "/sys/fs/cgroup/memory" if len(group.directories) > 1 else "/sys/fs/cgroup"
            isolation += ["--tmpfs", "/sys", "--ro-bind", str(group.memory), place, "--remount-ro", "/sys"]
        limit = ["prlimit", f"--nofile={limits.open_files}", "--core=0", f"--fsize={limits.disk_bytes}", "--"]
        program: list[str] = list(ARGV)
        if os.geteuid() != 0:
            # prlimit runs inside, where the kernel counts this box's processes alone.
            program = ["prlimit", f"--nproc={limits.processes}", "--", "bash", "-c", _RESTARTING, "bash", *program]
        command = [*limit, *self._bwrap, *isolation, "--", *program]
        if group is None:
            return command
        return ["sh", "-c", _ENTER.replace("$PROCS", " ".join(group.procs_files)), "sh", *command]


def _find_bwrap(rootfs: Path) -> list[str]:
    """The system's bubblewrap where it is new enough, else the one in the root file system, by its own loader."""
    if installed := shutil.which("bwrap"):
        said = subprocess.run([installed, "--version"], capture_output=True, text=True, check=False).stdout.split()
        version = tuple(int(part) for part in said[-1].split(".")[:2]) if said else (0, 0)
        if version >= _MINIMUM_VERSION:
            return [installed]
    # Not by the link in lib64: it is absolute, and outside of the box names this machine's loader, which may be of another C library.
    loader = next((rootfs / "usr/lib").glob("*-linux-gnu*/ld-linux-*"), None)
    if loader is None or not (rootfs / "usr/bin/bwrap").exists():
        raise SandboxError("bubblewrap is not here: install it (`apt-get install bubblewrap`) or start a Docker daemon")
    libraries = ":".join(str(directory) for directory in (rootfs / "usr/lib").glob("*-linux-gnu*"))
    return [str(loader), "--library-path", libraries, str(rootfs / "usr/bin/bwrap")]


def _end_what_is_half_made(pid: int, handle: int) -> None:
    """bubblewrap has ended. Had its child not got as far as to die with it, that child waits for its word for ever, with the box's streams open;
    it is then still in the process group in which bubblewrap was started."""
    asyncio.get_running_loop().remove_reader(handle)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _groups_work() -> bool:
    try:
        make_group(f"probe-{secrets.token_hex(4)}@{this_process()}", Limits()).remove()
    except (OSError, SandboxError):
        return False
    return True


async def _collect(stream: asyncio.StreamReader, words: LastWords) -> None:
    while chunk := await stream.read(4096):
        words.add(chunk)
