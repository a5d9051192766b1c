"""Attempts to break out of a box, to break the box, and to make its failure look like the infrastructure's. None may succeed."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import platform
import secrets
import socket
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandboxes.sandbox import DIFF_SCRATCH, HARNESS_DIRECTORY, MIB, REPOSITORY, Limits, Sandbox, SandboxEngine, SandboxError
from tasks.grading import OpenSandbox
from tests.sandboxes.boxes import TREE, shell, skip_where_uids_are_shared, skip_without_memory_limit

EXECUTOR = "executor=$(pgrep -o -x 'node|MainThread'); "
"""The oldest Node in the box; for the start of a script."""


async def works(sandbox: Sandbox) -> bool:
    """Whether the box still does what a box does, with whatever lies around in it."""
    return (await shell(sandbox, "echo alive")).strip() == "alive" and (await sandbox.read("/etc/passwd")) != b""


# Memory and disk


@pytest.mark.parametrize(
    "bomb",
    [
        pytest.param("for d in . /tmp /dev/shm /var/tmp; do cat /dev/zero > $d/full; done", id="files"),
        pytest.param(
            "for d in . /tmp /dev/shm /var/tmp; do cat /dev/zero > $d/full; done;"
            """ node -e 'const a = []; for (;;) a.push(Buffer.alloc(2e7, 1))'""",
            id="files and a process",
        ),
        pytest.param("""for n in $(seq 30); do perl -e '$x = "x" x 4e7; sleep 2' & done; wait""", id="processes"),
        pytest.param("node -e 'const a = []; for (;;) a.push(Buffer.alloc(2e7, 1))' & wait", id="in the background"),
    ],
)
async def test_memory_runs_out_for_the_command_and_not_for_the_box(engine: SandboxEngine, bomb: str):
    skip_without_memory_limit(engine)
    sandbox = await engine.open(Limits(memory_bytes=384 * MIB))
    try:
        await sandbox.lay(TREE.snapshot.archive)
        for _ in range(2):
            result = await sandbox.exec(["bash", "-c", bomb], timeout_seconds=60)
            assert result.out_of_memory or "No space left" in result.stderr.text()
            assert await works(sandbox)
    finally:
        await sandbox.close()


@pytest.fixture
def killed_first() -> Iterator[None]:
    """As a pod of little service has it: this process goes before others when memory runs out, and so does what it starts."""
    own = Path("/proc/self/oom_score_adj")
    before = own.read_text()
    own.write_text("700")
    yield
    own.write_text(before)


@pytest.mark.usefixtures("killed_first")
async def test_a_box_lives_where_its_harness_is_to_be_killed_first(engine: SandboxEngine):
    skip_without_memory_limit(engine)
    sandbox = await engine.open(Limits())
    try:
        scores = await shell(sandbox, EXECUTOR + "cat /proc/$executor/oom_score_adj /proc/self/oom_score_adj")
    finally:
        await sandbox.close()
    assert scores.split() == ["0", "1000"]


async def test_a_box_full_of_files_still_gives_its_patch(engine: SandboxEngine):
    skip_without_memory_limit(engine)
    sandbox = await engine.open(Limits(memory_bytes=512 * MIB))
    try:
        await sandbox.lay(TREE.snapshot.archive)
        fill = "mkdir dist; for d in dist /tmp /dev/shm /var/tmp; do cat /dev/zero > $d/full; done; echo 'let b;' > src/a.ts"
        assert "No space left" in await shell(sandbox, f"echo 'let b;' > src/a.ts; {fill}")
        assert b"+let b;" in await sandbox.diff()
    finally:
        await sandbox.close()


async def test_many_small_files_are_the_commands_failure(engine: SandboxEngine):
    sandbox = await engine.open(Limits(memory_bytes=384 * MIB))
    try:
        await sandbox.lay(TREE.snapshot.archive)
        fill = """for my $d ("/tmp", ".", "/var/tmp", "/dev/shm", "/workspace/node_modules/.vite-temp") { for (my $n = 0; open(F, ">", "$d/f$n"); $n++) {}; print "$!\\n" }"""
        result = await sandbox.exec(["perl", "-e", fill], timeout_seconds=6)
        assert result.timed_out or result.out_of_memory or "No space left" in result.stdout.text()
        if not any("number of files" in line for line in engine.shortfalls()):
            assert await works(sandbox)
    finally:
        await sandbox.close()


async def test_a_file_larger_than_the_disk_is_the_commands_failure(engine: SandboxEngine):
    sandbox = await engine.open(Limits(disk_bytes=16 * MIB))
    try:
        assert "limit exceeded" in await shell(sandbox, "truncate -s 1G sparse; true")
        assert "limit exceeded" in await shell(sandbox, "fallocate -l 1G solid; true")
        assert await works(sandbox)
    finally:
        await sandbox.close()


async def test_a_gigabyte_of_output_costs_the_harness_nothing(sandbox: Sandbox):
    tracemalloc.start()
    try:
        flood = "head -c 1G /dev/zero & head -c 1G /dev/zero >&3 & head -c 100M /dev/zero >&2; wait"
        result = await sandbox.exec(["bash", "-c", flood], timeout_seconds=60, report_limit_bytes=100_000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert result.ok
    assert peak < 64 * MIB
    assert result.stdout.dropped_bytes == 2**30 - 256 * 1024
    assert result.report.dropped_bytes == 2**30 - 100_000


async def test_output_in_single_bytes_does_not_cost_the_executor_its_memory(open_sandbox: OpenSandbox):
    async with open_sandbox() as sandbox:
        drip = "$| = 1; for (1..300000) { syswrite STDOUT, 'x' }"
        result = await sandbox.exec(["perl", "-e", drip], timeout_seconds=30, output_limit_bytes=16 * MIB)
        assert (result.ok, len(result.stdout.complete or b"")) == (True, 300000)


# Processes


DAEMON = """
    use POSIX; fork and exit; POSIX::setsid(); fork and exit;
    $SIG{$_} = 'IGNORE' for keys %SIG; close STDIN; close STDOUT; close STDERR; chdir '/';
    while (1) { sleep 7 }
"""


async def test_a_daemon_ends_with_its_command(sandbox: Sandbox):
    assert (await sandbox.exec(["perl", "-e", DAEMON], timeout_seconds=10)).ok
    assert "perl" not in await shell(sandbox, "ps axo comm")


async def test_a_command_that_nobody_waits_for_any_more_ends_at_once(sandbox: Sandbox):
    await sandbox.lay(TREE.snapshot.archive)
    spoil = "for n in $(seq 9); do setsid -f bash -c 'while :; do echo spoilt >> src/a.ts; done'; done; sleep 60"
    waiting = asyncio.create_task(shell(sandbox, spoil))
    while await sandbox.read(f"{REPOSITORY}/src/a.ts") == TREE.files["src/a.ts"]:
        await asyncio.sleep(0.01)
    waiting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await waiting
    patch = await sandbox.diff()
    assert await sandbox.diff() == patch
    assert (await shell(sandbox, "pgrep -c -f '[s]poilt'")).strip() == "0"


async def test_the_executor_is_out_of_reach(sandbox: Sandbox, engine: SandboxEngine):
    skip_where_uids_are_shared(engine)
    attempts = [
        "cat /proc/$executor/environ", "cat /proc/$executor/mem", "cat /proc/$executor/maps", "ls /proc/$executor/fd/",
        "readlink /proc/$executor/cwd", "readlink /proc/$executor/exe", "ls /proc/$executor/root/",
        "echo x > /proc/$executor/fd/1", "echo x > /proc/$executor/mem", "echo 1000 > /proc/$executor/oom_score_adj",
        "kill -STOP $executor", "kill -TERM $executor", "kill -STOP 1", "renice 19 $executor", "prlimit --pid $executor --nofile=1",
        "nsenter -t $executor -a true", "taskset -p 1 $executor", "setpriv --reuid 0 true", "setpriv --regid 0 true", "chroot / true",
    ]  # fmt: skip
    for attempt in attempts:
        said = await shell(sandbox, f"{EXECUTOR} test -n $executor || echo reached; ( {attempt} ) > /dev/null 2>&1 && echo reached")
        assert said == "", attempt


async def test_the_executors_own_files_are_not_read_or_written_for_the_agent(sandbox: Sandbox, engine: SandboxEngine):
    skip_where_uids_are_shared(engine)
    for name in ("fd/0", "fd/1", "environ", "mem", "maps", "task/1/environ", "io"):
        with pytest.raises(OSError, match=r".*"):
            await sandbox.read(f"/proc/self/{name}")
    for name in ("fd/0", "fd/1", "fd/2", "mem", "oom_score_adj", "comm", "clear_refs"):
        with pytest.raises(OSError, match=r".*"):
            await sandbox.write(f"/proc/self/{name}", b"0")
    assert await works(sandbox)


async def test_another_boxs_processes_are_neither_seen_nor_killed(open_sandbox: OpenSandbox):
    async with open_sandbox() as one, open_sandbox() as other:
        waiting = asyncio.create_task(shell(one, "sleep 1; echo slept"))
        said = await shell(other, "for n in $(seq 2 20000); do kill -9 $n 2>/dev/null; done; ps axo args")
        assert "sleep 1" not in said
        assert (await waiting).strip() == "slept"


# Files


async def test_a_directory_that_became_a_link_between_two_calls_leads_nowhere(sandbox: Sandbox, engine: SandboxEngine):
    skip_where_uids_are_shared(engine)
    await sandbox.write(f"{HARNESS_DIRECTORY}/deep/secret.txt", b"ours", user="root")
    await sandbox.write(f"{REPOSITORY}/deep/secret.txt", b"theirs")
    await shell(sandbox, f"rm -r deep; ln -s {HARNESS_DIRECTORY}/deep deep")
    for name in ("secret.txt", "new.txt", "more/new.txt"):
        with pytest.raises(OSError, match=r"denied|Read-only"):
            await sandbox.write(f"{REPOSITORY}/deep/{name}", b"forged")
    assert await sandbox.read(f"{HARNESS_DIRECTORY}/deep/secret.txt") == b"ours"


async def test_the_repository_itself_cannot_be_replaced(sandbox: Sandbox):
    said = await shell(sandbox, f"cd /; rm -rf {REPOSITORY}; mv {REPOSITORY} /tmp/away; ln -sfn /etc {REPOSITORY}; stat -c %F {REPOSITORY}")
    assert said.splitlines().count("directory") == 1
    assert await works(sandbox)


async def test_links_that_lie_in_the_way_of_a_tree_take_it_nowhere(sandbox: Sandbox, engine: SandboxEngine):
    skip_where_uids_are_shared(engine)
    await shell(sandbox, f"ln -s {HARNESS_DIRECTORY} src; ln -s /etc .git; ln -s /etc/passwd run.sh")
    with contextlib.suppress(SandboxError):
        await sandbox.lay(TREE.snapshot.archive)
    assert (await shell(sandbox, f"ls {HARNESS_DIRECTORY} | grep -v base.git; grep -c . /etc/passwd")).strip() == "4"


@pytest.mark.parametrize(
    "trick",
    [
        "rm -r .git; ln -s /etc .git",
        "rm -r .git; echo 'gitdir: /tmp/evil' > .git; git init -q --bare /tmp/evil",
        "rm -r .git; mkfifo .git",
        "chmod 000 .git",
        "rm run.sh; mkfifo run.sh",
        "rm run.sh; perl -MSocket -e 'socket(S, PF_UNIX, SOCK_STREAM, 0); bind(S, sockaddr_un(\"run.sh\"))'",
        "git init -q nested; echo x > nested/file",
        "echo '* working-tree-encoding=UTF-16' > .gitattributes; echo '* text eol=crlf ident filter=none' >> .gitattributes",
        "mkdir -p /tmp/.config/git; echo '*' > /tmp/.config/git/ignore; echo '* -diff' > /tmp/.config/git/attributes",
        "mkdir closed; echo x > closed/file; chmod 000 closed; echo x > secret; chmod 000 secret",
        "chmod 000 src src/a.ts; chmod 000 src",
        f"mkdir -p {DIFF_SCRATCH}/objects/x; touch {DIFF_SCRATCH}/index; chmod 000 {DIFF_SCRATCH}/*; ln -s /etc {DIFF_SCRATCH}/link",
        f"cat /dev/zero > {DIFF_SCRATCH}/full; cat /dev/zero > /tmp/full",
        r"touch $'new\nline' -- --output=x $'\xff\xfe' '-c'",
        "mkdir d; cd d; for n in $(seq 600); do mkdir d; cd d; done; touch deep",
    ],
)
async def test_no_trick_with_the_tree_keeps_the_patch_from_being_taken(sandbox: Sandbox, trick: str):
    await sandbox.lay(TREE.snapshot.archive)
    await shell(sandbox, f"echo 'export const b = 2;' >> src/a.ts; {trick}")
    patch = await sandbox.diff()
    assert b"\n+export const b = 2;\n" in patch
    assert b"root:x" not in patch


async def test_a_tree_that_is_too_much_to_compare_is_not_the_boxs_failure(engine: SandboxEngine):
    sandbox = await engine.open(Limits(memory_bytes=384 * MIB))
    try:
        await sandbox.lay(TREE.snapshot.archive)
        await shell(sandbox, "head -c 90M /dev/urandom > large")
        with pytest.raises(OSError, match=r"diff could not be taken|larger than"):
            await sandbox.diff()
        assert await works(sandbox)
    finally:
        await sandbox.close()


async def test_a_directory_that_became_a_link_is_shown_as_a_link(sandbox: Sandbox):
    await sandbox.lay(TREE.snapshot.archive)
    await shell(sandbox, "rm -r src; ln -s /etc src")
    patch = (await sandbox.diff()).decode()
    assert "deleted file mode 100644" in patch
    assert "new file mode 120000" in patch
    assert "+/etc\n" in patch


async def test_what_cannot_be_read_is_an_error_of_the_file(sandbox: Sandbox):
    await shell(sandbox, "mkdir closed; echo x > closed/file; echo x > secret; chmod 000 closed secret; mkfifo pipe")
    for name in ("closed/file", "secret"):
        with pytest.raises(PermissionError):
            await sandbox.read(f"{REPOSITORY}/{name}")
        with pytest.raises(PermissionError):
            await sandbox.write(f"{REPOSITORY}/{name}", b"y")
    with pytest.raises(OSError, match=r".*"):
        await sandbox.write(f"{REPOSITORY}/pipe", b"y")
    result = await sandbox.exec(["true"], timeout_seconds=5, cwd=f"{REPOSITORY}/closed/gone")
    assert result.exit_code == 127
    await shell(sandbox, f"chmod 000 {REPOSITORY} /tmp")
    assert await works(sandbox)


async def test_files_of_others_are_not_linked_to_and_devices_not_made(sandbox: Sandbox, engine: SandboxEngine):
    skip_where_uids_are_shared(engine)
    await sandbox.write(f"{HARNESS_DIRECTORY}/secret", b"ours", user="root")
    for attempt in (
        "ln /etc/passwd here", f"ln {HARNESS_DIRECTORY}/secret {HARNESS_DIRECTORY}/other", f"ln {HARNESS_DIRECTORY}/secret here",
        "mknod null c 1 3", "mknod disk b 8 0", "mount -t tmpfs none /tmp", "chown 0 /tmp", "cp $(command -v bash) b; chown 0 b",
    ):  # fmt: skip
        assert await shell(sandbox, f"( {attempt} ) > /dev/null 2>&1 && echo done") == "", attempt


async def test_no_program_in_the_box_gives_another_identity(sandbox: Sandbox):
    assert await shell(sandbox, "find / \\( -name proc -o -name sys \\) -prune -o -perm /6000 -type f -print 2>/dev/null") == ""
    assert (await shell(sandbox, "cp $(command -v id) ./id; chmod 6755 ./id; ./id -u")).strip() == "1000"


# The kernel

CALLS = {  # number on x86_64, on aarch64, arguments
    "unshare a user namespace": (272, 97, 0x10000000),
    "unshare a mount namespace": (272, 97, 0x20000),
    "clone into a user namespace": (56, 220, 0x10000011, 0, 0, 0, 0),
    "mount": (165, 40, 0, 0, 0, 0, 0), "umount": (166, 39, 0, 0), "pivot_root": (155, 41, 0, 0), "chroot": (161, 51, 0),
    "keyctl": (250, 219, 0, -3, 0), "add_key": (248, 217, 0, 0, 0, 0, -3), "request_key": (249, 218, 0, 0, 0, 0),
    "bpf": (321, 280, 0, 0, 0), "perf_event_open": (298, 241, 0, 0, -1, -1, 0), "userfaultfd": (323, 282, 0),
    "settimeofday": (164, 170, 0, 0), "setuid": (105, 146, 0), "setgid": (106, 144, 0), "init_module": (175, 105, 0, 0, 0),
    "shmget": (29, 194, 0, 4096, 0o1600), "msgget": (68, 186, 0, 0o1600), "semget": (64, 190, 0, 1, 0o1600), "reboot": (169, 142, 0, 0, 0),
}  # fmt: skip

CALL = """for (@ARGV) { my ($number, @rest) = map { 0 + $_ } split /,/; my $got = syscall($number, @rest); exit 0 if $got == 0 && $number == 56;
print $got == -1 ? $! + 0 : "done", "\n" }"""


async def test_the_kernel_refuses_what_no_box_needs(sandbox: Sandbox, engine: SandboxEngine):
    skip_where_uids_are_shared(engine)
    column = ["x86_64", "aarch64"].index(platform.machine())
    calls = [",".join(str(value) for value in (call[column], *call[2:])) for call in CALLS.values()]
    result = await sandbox.exec(["perl", "-e", CALL, *calls], timeout_seconds=10)
    ended = dict(zip(CALLS, result.stdout.text().split(), strict=True))
    refused = {str(number) for number in (errno.EPERM, errno.EACCES, errno.ENOSYS, errno.ENOSPC)}
    assert {name: said for name, said in ended.items() if said not in refused} == {}


async def test_namespaces_are_not_made_with_the_tools_either(sandbox: Sandbox):
    for attempt in ("unshare -U true", "unshare -r mount -t tmpfs none /tmp", "unshare -Urn true", "bwrap --ro-bind / / true"):
        assert await shell(sandbox, f"( {attempt} ) > /dev/null 2>&1 && echo done") == "", attempt


async def test_nobody_traces_the_executor(sandbox: Sandbox, engine: SandboxEngine):
    skip_where_uids_are_shared(engine)
    number = {"x86_64": 101, "aarch64": 117}[platform.machine()]
    attach = f"{EXECUTOR} perl -e 'print syscall({number}, 16, 0 + $ARGV[0], 0, 0)' $executor 2> /dev/null"
    assert (await shell(sandbox, attach)).strip() == "-1"
    assert await works(sandbox)


async def test_the_clock_is_not_set(sandbox: Sandbox):
    await shell(sandbox, "date -s '2001-01-01'; date -s '@1'")
    assert abs(time.time() - float(await shell(sandbox, "date +%s"))) < 60


async def test_nothing_of_the_hosts_network_is_there(sandbox: Sandbox):
    name = f"harness-test-{secrets.token_hex(6)}"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"\0{name}")
        listener.listen()
        assert name not in await shell(sandbox, "cat /proc/net/unix")
        connect = f"require('net').connect('\\0{name}').on('connect', () => console.log('connected')).on('error', () => {{}})"
        assert await shell(sandbox, f'node -e "{connect}"') == ""
    assert (await shell(sandbox, "tail -n +3 /proc/net/dev | cut -d: -f1; tail -n +2 /proc/net/route")).split() == ["lo"]
    assert (
        await shell(sandbox, "find / -name proc -prune -o -type s -print 2>/dev/null; ls /var/run/docker.sock /run/docker.sock 2>/dev/null")
        == ""
    )
