"""A program of the loop's own: how it ended is told, an interruption is handed on, and none is left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.loop.child import end_what_is_left, run_child, run_harness
from harness.loop.errors import LoopStoppedError
from harness.serving import MARK, marked

NAME = f"test-of-children-{os.getpid()}"


async def run(program: str, log: Path) -> None:
    await run_child([sys.executable, "-c", program], log, NAME, what="training")


async def told(program: str, log: Path) -> str:
    with pytest.raises(LoopStoppedError) as stopped:
        await run(program, log)
    return str(stopped.value)


async def test_one_that_ends_well_says_nothing_and_leaves_its_log(tmp_path: Path) -> None:
    await run("print('step 1')", tmp_path / "deep/train.log")
    await run("print('step 2')", tmp_path / "deep/train.log")
    log = (tmp_path / "deep/train.log").read_text(encoding="utf-8")
    assert log.count("$ ") == 2
    assert log.index("step 1") < log.index("step 2")


@pytest.mark.parametrize(
    ("program", "first"),
    [
        ("import sys; print('error: the loss is nan at step 3', file=sys.stderr); sys.exit(2)", "training: the loss is nan at step 3"),
        ("raise RuntimeError('out of memory')", "training: RuntimeError: out of memory"),
        ("print('ValueError: of long ago'); raise OSError(28, 'No space left on device')", "training: OSError: [Errno 28] No space left on device"),
        ("print('a.b.OutOfMemoryError: CUDA out of memory. Tried'); exit(1)", "training: a.b.OutOfMemoryError: CUDA out of memory. Tried"),
        ("print('Errors are rare'); exit(7)", "training: it ended with exit code 7"),
        ("print('ValueError: mended'); import os; os.kill(os.getpid(), 9)", "training: it ended with signal 9"),
    ],
)  # fmt: skip
async def test_what_it_said_last_stands_first_and_its_log_after_it(tmp_path: Path, program: str, first: str) -> None:
    lines = (await told(f"print('line of the log', flush=True); {program}", tmp_path / "train.log")).splitlines()
    assert lines[0] == first
    assert lines[1] == f"  log: {tmp_path / 'train.log'}"
    assert "  | line of the log" in lines


async def test_what_an_earlier_start_said_is_not_told(tmp_path: Path) -> None:
    await told("print('error: of the first'); exit(1)", tmp_path / "train.log")
    message = await told("exit(3)", tmp_path / "train.log")
    assert message.splitlines()[0] == "training: it ended with exit code 3"
    assert "of the first" not in message


async def test_a_long_log_is_told_by_its_end(tmp_path: Path) -> None:
    message = await told("[print(n, 'x' * 1000) for n in range(1000)]; exit(1)", tmp_path / "train.log")
    assert "  | 999 xxx" in message
    assert len(message) < 10_000


async def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LoopStoppedError, match=r"^training: /no/such/python cannot be started \(No such file or directory\)$"):
        await run_harness(["train"], tmp_path / "log", NAME, python=Path("/no/such/python"), what="training")


async def test_the_harness_of_the_child_is_that_of_the_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    await run_harness(["--help"], tmp_path / "log", NAME, what="help")
    await run("import harness; print('from', harness.__file__)", tmp_path / "log")
    assert f"from {Path(__file__).parents[3] / 'harness/__init__.py'}" in (tmp_path / "log").read_text(encoding="utf-8")


async def begin(program: str, tmp_path: Path) -> asyncio.Task[None]:
    """Run it until it has made the file `ready`."""
    doing = asyncio.create_task(run(f"from pathlib import Path; here = Path({str(tmp_path)!r}); {program}", tmp_path / "log"))
    while not (tmp_path / "ready").exists():
        assert not doing.done(), doing
        await asyncio.sleep(0.02)
    return doing


async def test_cancelled_it_is_asked_to_stop_and_may_finish(tmp_path: Path) -> None:
    program = (
        "import signal, time, sys\n"
        "def stop(*_):\n    time.sleep(0.3); (here / 'checkpoint').touch(); sys.exit(143)\n"
        "signal.signal(signal.SIGTERM, stop); (here / 'ready').touch(); time.sleep(60)"
    )
    doing = await begin(program, tmp_path)
    doing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await doing
    assert (tmp_path / "checkpoint").exists()
    assert not marked(NAME)


async def test_cancelled_its_children_end_with_it(tmp_path: Path) -> None:
    program = "import subprocess, sys, time; subprocess.Popen(['sleep', '60']); (here / 'ready').touch(); time.sleep(60)"
    doing = await begin(program, tmp_path)
    assert len(marked(NAME)) == 2
    doing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await doing
    await until_gone(NAME)


async def until_gone(mark: str) -> None:
    deadline = time.monotonic() + 10
    while marked(mark):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


async def test_what_a_killed_loop_has_left_is_ended_and_nothing_else() -> None:
    def start(mark: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(["sleep", "60"], env={**os.environ, MARK: mark}, start_new_session=True)

    ours, other = start(f"loop-{NAME}-child"), start(f"other-{NAME}-child")
    try:
        while not (marked(f"loop-{NAME}") and marked(f"other-{NAME}")):
            await asyncio.sleep(0.02)
        assert end_what_is_left(f"loop-{NAME}") == 1
        assert ours.wait(10) == -signal.SIGKILL
        assert other.poll() is None
        assert end_what_is_left(f"loop-{NAME}") == 0
    finally:
        for each in (ours, other):
            each.kill()
            each.wait()


async def test_what_a_program_without_a_mark_starts_may_stay(tmp_path: Path) -> None:
    await run_child(["sh", "-c", f"env > {tmp_path}/env"], tmp_path / "log", None, what="the command")
    assert MARK not in (tmp_path / "env").read_text(encoding="utf-8")
