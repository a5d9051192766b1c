"""The loop beside the caller: it goes on between calls, and an interruption leaves nothing half done."""

from __future__ import annotations

import asyncio
import signal
import threading
import time

import pytest

from harness.background import BackgroundLoop


def test_what_one_call_begins_goes_on_while_nobody_waits():
    done = threading.Event()

    async def begin() -> asyncio.Task[None]:
        async def later() -> None:
            await asyncio.sleep(0.05)
            done.set()

        return asyncio.create_task(later())

    with BackgroundLoop() as loop:
        task = loop.run(begin())
        assert done.wait(5)
        deadline = time.monotonic() + 5
        while not task.done() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert task.done()


def test_results_and_errors_come_back():
    async def divide(by: int) -> float:
        await asyncio.sleep(0)
        return 1 / by

    with BackgroundLoop() as loop:
        assert loop.run(divide(2)) == 0.5
        with pytest.raises(ZeroDivisionError):
            loop.run(divide(0))
        assert loop.run(divide(1)) == 1.0


@pytest.mark.skipif(threading.current_thread() is not threading.main_thread(), reason="signals come to the main thread")
def test_ctrl_c_cancels_the_work_once_and_waits_until_it_has_cleaned_up():
    steps: list[str] = []

    async def work() -> None:
        try:
            main = threading.main_thread().ident
            assert main is not None
            signal.pthread_kill(main, signal.SIGINT)
            await asyncio.sleep(30)
        finally:
            steps.append("cancelled")
            await asyncio.sleep(0.1)
            steps.append("cleaned up")

    with BackgroundLoop() as loop, pytest.raises(KeyboardInterrupt):
        loop.run(work())
    assert steps == ["cancelled", "cleaned up"]


def test_what_still_runs_at_the_end_is_cancelled():
    cancelled = threading.Event()

    async def forever() -> None:
        try:
            await asyncio.sleep(30)
        finally:
            cancelled.set()

    async def begin() -> asyncio.Task[None]:
        task = asyncio.create_task(forever())
        await asyncio.sleep(0)
        return task

    with BackgroundLoop() as loop:
        task = loop.run(begin())
    assert cancelled.is_set()
    assert task.cancelled()
