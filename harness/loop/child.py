"""A program of the loop's own: training, exporting. Its output goes into a log, an interruption is handed on to it, and it outlives no loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shlex
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from harness.loop.errors import LoopStoppedError
from harness.serving import LAST_LINES, MARK, marked

_GRACE_SECONDS: Final = 60.0
"""For a checkpoint of a large model."""
_GONE_SECONDS: Final = 10.0
_FULL_BYTES: Final = 16 * 2**20
_ERROR: Final = re.compile(r"^(?:error: |(?=[\w.]*(?:Error|Exception): ))(.+)", re.MULTILINE)


async def run_harness(arguments: Sequence[str], log: Path, mark: str, *, python: Path | None = None, what: str) -> None:
    """`harness ARGUMENTS` in a process of its own, of another environment where one is given."""
    await run_child([str(python or sys.executable), "-m", "harness.cli", *arguments], log, mark, what=what)


async def run_child(argv: Sequence[str], log: Path, mark: str | None, *, what: str) -> None:
    """LoopStoppedError when it fails: what it said last, and the end of its log. Cancelled, it is asked to stop and given time for that.

    `mark`: what the next start of the loop ends it by, with all that it has started; None for a program whose children are to stay.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "ab") as stream:  # noqa: ASYNC230 - the child's own, once a start
        stream.write(f"$ {shlex.join(argv)}\n".encode())
        stream.flush()
        begin = stream.tell()
        root = str(Path(__file__).parents[2])  # the child runs the same code, wherever its environment comes from
        places = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
        try:
            child = await asyncio.create_subprocess_exec(
                *argv,
                env={**os.environ, **({MARK: mark} if mark else {}), "PYTHONPATH": places, "PYTHONUNBUFFERED": "1"},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
            )
        except OSError as error:
            raise LoopStoppedError(f"{what}: {argv[0]} cannot be started ({error.strerror})") from error
    try:
        code = await child.wait()
    except asyncio.CancelledError:
        await asyncio.shield(_end(child))
        raise
    if code:
        raise LoopStoppedError(_told(what, code, log, begin))


def end_what_is_left(mark: str) -> int:
    """Kill what a loop that was killed has left running, servers and trainings; how many processes that were."""
    left = marked(mark) - {os.getpid()}
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + _GONE_SECONDS
    while left & marked(mark) and time.monotonic() < deadline:  # what they hold, a port or memory, is free when they are gone
        time.sleep(0.02)
    return len(left)


async def _end(child: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGTERM)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_GRACE_SECONDS):
            await child.wait()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    await child.wait()


def _told(what: str, code: int, log: Path, begin: int) -> str:
    with open(log, "rb") as stream:
        stream.seek(max(begin, stream.seek(0, os.SEEK_END) - 256 * 1024))
        text = stream.read().decode("utf-8", "replace")
    said = _ERROR.findall(text)
    ended = f"it ended with {f'signal {-code}' if code < 0 else f'exit code {code}'}"
    if (free := shutil.disk_usage(log.parent).free) < _FULL_BYTES:  # its own words may not have found a place in the log
        ended = f"the disk of {log.parent} is full ({free // 2**20} MiB are free), and {ended}"
        said = []
    lines = "".join(f"\n  | {line[:300]}" for line in text.splitlines()[-LAST_LINES:])
    return f"{what}: {said[-1].strip() if said and code > 0 else ended}\n  log: {log}{lines}"
