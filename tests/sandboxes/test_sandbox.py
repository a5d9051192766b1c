"""What every box holds, on both backends: the protocol's promises and the isolation."""

from __future__ import annotations

import asyncio
import errno

import pytest

from sandboxes.sandbox import HARNESS_DIRECTORY, REPOSITORY, Limits, Output, Sandbox, SandboxEngine, SandboxError
from tasks.grading import OpenSandbox
from tests.sandboxes.boxes import TREE, shell, skip_where_uids_are_shared, skip_without_memory_limit


async def test_a_command_gives_its_streams_and_exit_code_apart(sandbox: Sandbox):
    result = await sandbox.exec(["bash", "-c", "echo out; echo err >&2; exit 7"], timeout_seconds=10)
    assert (result.exit_code, result.stdout.complete, result.stderr.complete) == (7, b"out\n", b"err\n")
    assert result.how_it_ended() == "exit code 7"


async def test_a_command_sees_its_stdin_environment_and_directory(sandbox: Sandbox):
    result = await sandbox.exec(["bash", "-c", "cat; pwd; echo $WORD"], timeout_seconds=10, stdin=b"in\n", env={"WORD": "w"}, cwd="/usr")
    assert result.stdout.text() == "in\n/usr\nw\n"


async def test_a_command_that_is_not_there_says_so_as_a_shell_would(sandbox: Sandbox):
    result = await sandbox.exec(["no-such-command"], timeout_seconds=10)
    assert result.exit_code == 127
    assert "no-such-command" in result.stderr.text()


async def test_the_report_channel_is_apart_from_what_is_printed(sandbox: Sandbox):
    result = await sandbox.exec(["bash", "-c", "echo printed; echo reported >&3"], timeout_seconds=10, report_limit_bytes=100)
    assert (result.report.complete, result.stdout.complete) == (b"reported\n", b"printed\n")


async def test_a_hung_command_is_stopped_with_its_children(sandbox: Sandbox):
    result = await sandbox.exec(["bash", "-c", "setsid sleep 1000 & sleep 1000"], timeout_seconds=0.3)
    assert result.timed_out
    assert not result.ok
    assert "sleep 1000" not in await shell(sandbox, "ps axo args")


async def test_what_a_command_leaves_running_ends_with_it(sandbox: Sandbox):
    await shell(sandbox, "setsid nohup sleep 1000 >/dev/null 2>&1 & echo started")
    assert "sleep 1000" not in await shell(sandbox, "ps axo args")


async def test_the_middle_of_a_long_output_is_left_out_and_counted(sandbox: Sandbox):
    result = await sandbox.exec(["bash", "-c", "seq 1 2000000"], timeout_seconds=30, output_limit_bytes=1000)
    assert result.stdout.head.startswith(b"1\n2\n")
    assert result.stdout.tail.endswith(b"2000000\n")
    assert len(result.stdout.head + result.stdout.tail) == 1000
    assert result.stdout.dropped_bytes == sum(len(f"{n}\n") for n in range(1, 2000001)) - 1000
    assert result.stdout.complete is None
    assert f"[... {result.stdout.dropped_bytes} bytes cut ...]" in result.stdout.text()


def test_an_output_that_was_kept_whole_has_no_cut():
    assert Output(b"ab", b"c").text() == "abc"


async def test_files_are_written_and_read_with_the_directories_above_them(sandbox: Sandbox):
    content = bytes(range(256)) * 40
    await sandbox.write(f"{REPOSITORY}/a/b/c.bin", content)
    assert await sandbox.read(f"{REPOSITORY}/a/b/c.bin") == content
    await sandbox.write(f"{REPOSITORY}/a/b/c.bin", b"short")
    assert await sandbox.read(f"{REPOSITORY}/a/b/c.bin") == b"short"
    assert (await shell(sandbox, "stat -c %U a/b/c.bin")).strip() == "agent"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (f"{REPOSITORY}/nothing", errno.ENOENT),
        (REPOSITORY, errno.EISDIR),
        (f"{REPOSITORY}/fifo", errno.EINVAL),
        (f"{REPOSITORY}/big", errno.EFBIG),
    ],
)
async def test_a_file_that_cannot_be_read_raises_what_the_call_outside_would(sandbox: Sandbox, path: str, expected: int):
    await shell(sandbox, "mkfifo fifo; head -c 2000 /dev/zero > big")
    with pytest.raises(OSError) as caught:
        await sandbox.read(path, limit_bytes=1000)
    assert caught.value.errno == expected


async def test_the_agent_can_not_reach_what_is_the_harnesss(sandbox: Sandbox, engine: SandboxEngine):
    skip_where_uids_are_shared(engine)
    await sandbox.write(f"{HARNESS_DIRECTORY}/secret.txt", b"reporter", user="root")
    with pytest.raises(OSError, match=r"denied|Read-only"):
        await sandbox.write(f"{HARNESS_DIRECTORY}/secret.txt", b"forged")
    await shell(sandbox, f"echo forged > {HARNESS_DIRECTORY}/secret.txt; rm -f {HARNESS_DIRECTORY}/secret.txt")
    assert await sandbox.read(f"{HARNESS_DIRECTORY}/secret.txt") == b"reporter"


async def test_a_link_leads_nobody_further_than_they_could_go(sandbox: Sandbox, engine: SandboxEngine):
    skip_where_uids_are_shared(engine)
    await shell(sandbox, f"ln -s {HARNESS_DIRECTORY}/planted link; ln -s /etc/passwd words")
    with pytest.raises(OSError, match=r"denied|Read-only"):
        await sandbox.write(f"{REPOSITORY}/link", b"x")
    with pytest.raises(OSError, match=r"denied|Read-only"):
        await sandbox.write(f"{REPOSITORY}/words", b"x")


async def test_killing_everything_leaves_the_box_alive(sandbox: Sandbox):
    await shell(sandbox, "kill -9 -1")
    assert (await shell(sandbox, "echo alive")).strip() == "alive"


async def test_there_is_no_network_and_no_privilege(sandbox: Sandbox):
    said = await shell(sandbox, "id -u; grep -c : /proc/net/dev; grep CapEff /proc/self/status; grep NoNewPrivs /proc/self/status")
    assert said.split() == ["1000", "1", "CapEff:", "0000000000000000", "NoNewPrivs:", "1"]


async def test_nothing_but_the_agents_places_can_be_written(sandbox: Sandbox, engine: SandboxEngine):
    skip_where_uids_are_shared(engine)
    places = "/ /usr /etc /bin /workspace /workspace/node_modules /run /run/harness /root"
    said = await shell(sandbox, f"for place in {places}; do touch $place/probe 2>/dev/null && echo $place; done; true")
    assert said == ""


async def test_running_out_of_memory_is_told_apart(open_sandbox: OpenSandbox, engine: SandboxEngine):
    if any("memory" in line for line in engine.shortfalls()):
        pytest.skip(engine.shortfalls()[1])
    async with open_sandbox() as sandbox:
        eat = ["node", "-e", "const a = []; for (;;) a.push(Buffer.alloc(2e7, 1))"]
        result = await sandbox.exec(eat, timeout_seconds=60)
        assert result.out_of_memory
        assert result.how_it_ended() == "out of memory"
        assert (await shell(sandbox, "echo alive")).strip() == "alive"


async def test_a_fork_bomb_ends_with_its_command(sandbox: Sandbox):
    result = await sandbox.exec(["bash", "-c", "bomb() { bomb | bomb & }; bomb; sleep 2"], timeout_seconds=3)
    assert result.duration_seconds < 20
    left = await shell(sandbox, "ps ax -o stat,ppid,comm")
    assert len(left.splitlines()) < 12, left


async def test_a_full_disk_is_the_commands_failure(engine: SandboxEngine):
    sandbox = await engine.open(Limits(disk_bytes=16 * 1024 * 1024))
    try:
        assert "No space left" in await shell(sandbox, "for n in 1 2 3; do head -c 9000000 /dev/zero > file$n; done")
        assert (await shell(sandbox, "rm file*; echo alive")).strip() == "alive"
    finally:
        await sandbox.close()


async def test_the_diff_is_every_change_to_the_laid_tree(sandbox: Sandbox):
    await sandbox.lay(TREE.snapshot.archive)
    assert await sandbox.diff() == b""
    await shell(sandbox, "echo 'export const b = 2;' >> src/a.ts; echo new > 'new file.txt'; rm run.sh; mkdir dist; echo x > dist/out.js")
    patch = (await sandbox.diff()).decode()
    assert "+export const b = 2;" in patch
    assert "b/new file.txt" in patch
    assert "deleted file mode 100755" in patch
    assert "dist" not in patch


async def test_the_diff_is_taken_with_a_git_directory_that_the_agent_can_not_touch(sandbox: Sandbox):
    await sandbox.lay(TREE.snapshot.archive)
    trick = """
        git config core.fsmonitor 'touch /tmp/ran; true'
        git config diff.evil.textconv 'echo forged'
        echo '*.ts diff=evil' > .gitattributes
        echo 'export const c = 3;' >> src/a.ts
        git add -A && git commit -qm 'hide it'
        rm -f /tmp/ran
    """
    await shell(sandbox, trick)
    patch = (await sandbox.diff()).decode()
    assert "+export const c = 3;" in patch
    assert "forged" not in patch
    assert (await shell(sandbox, "ls /tmp/ran 2>/dev/null")) == ""


async def test_the_agents_repository_has_one_commit_and_nothing_else(sandbox: Sandbox):
    await sandbox.lay(TREE.snapshot.archive)
    said = await shell(
        sandbox, "git log --oneline --all | wc -l; git status --short; git remote; git tag; git reflog; git fsck --lost-found"
    )
    assert said.split() == ["1"]
    assert (await shell(sandbox, "git rev-parse HEAD")).strip() == TREE.snapshot.commit


async def test_commands_run_side_by_side(sandbox: Sandbox):
    async def one(number: int) -> str:
        return (await shell(sandbox, f"sleep 0.02; echo {number}")).strip()

    assert await asyncio.gather(*(one(number) for number in range(12))) == [str(number) for number in range(12)]


async def test_boxes_share_nothing(open_sandbox: OpenSandbox):
    async with open_sandbox() as one, open_sandbox() as other:
        await shell(one, "echo secret > /tmp/left; echo secret > left")
        waiting = asyncio.create_task(shell(one, "sleep 1"))
        assert await shell(other, "ls -A /tmp . ; ps axo args | grep -c '[s]leep 1'") in (".:\n\n/tmp:\n0\n", "/tmp:\n\n.:\n0\n")
        await waiting


async def test_a_box_that_is_gone_is_a_sandbox_error(engine: SandboxEngine):
    sandbox = await engine.open(Limits())
    waiting = asyncio.create_task(shell(sandbox, "sleep 100"))
    await asyncio.sleep(0.05)
    await sandbox.close()
    with pytest.raises(SandboxError):
        await waiting
    with pytest.raises(SandboxError):
        await shell(sandbox, "true")
    await sandbox.close()


async def test_closing_an_engine_closes_its_boxes(engine: SandboxEngine):
    sandbox = await engine.open(Limits())
    await engine.close()
    with pytest.raises(SandboxError):
        await shell(sandbox, "true")


@pytest.mark.parametrize("stdin", [b"", b"words\n"])
async def test_what_lies_in_the_home_of_commands_is_run_before_none_of_them(sandbox: Sandbox, stdin: bytes):
    await sandbox.write("/tmp/.bashrc", b"echo from the home\n")
    result = await sandbox.exec(["bash", "-c", "cat"], timeout_seconds=20, stdin=stdin)
    assert (result.stdout.complete, result.exit_code) == (stdin, 0)


async def test_a_child_that_is_killed_for_want_of_memory_is_told_of_even_if_its_command_goes_on(engine: SandboxEngine, sandbox: Sandbox):
    skip_without_memory_limit(engine)
    fill = "node -e 'const kept = []; for (;;) kept.push(Buffer.alloc(16 << 20, 1))'"
    result = await sandbox.exec(["bash", "-c", f"{fill}; exit 0"], timeout_seconds=60)
    assert (result.exit_code, result.out_of_memory) == (0, True)
    after = await sandbox.exec(["true"], timeout_seconds=20)
    assert (after.exit_code, after.out_of_memory) == (0, False)
