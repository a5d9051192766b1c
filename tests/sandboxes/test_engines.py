"""What the engines do around their boxes: sweeping, refusing, saying what is missing."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import textwrap
import time

import pytest

from harness.engines import choose_engine, sweep_all
from sandboxes.docker import connect
from sandboxes.images.recipe import load_recipe
from sandboxes.sandbox import SandboxEngine, SandboxError
from tests.sandboxes.boxes import processes

OPEN_AND_WAIT = textwrap.dedent("""
    import asyncio, sys
    from harness.engines import choose_engine
    from sandboxes.sandbox import Limits

    async def main():
        engine = choose_engine(sys.argv[1], "node24", lambda line: None)
        await engine.start()
        boxes = [await engine.open(Limits()) for _ in range(2)]
        print("ready", flush=True)
        await boxes[0].exec(["sleep", "7531"], timeout_seconds=1000)

    asyncio.run(main())
""")


def kill_a_holder_of_boxes(backend: str) -> None:
    """Start a harness process with two boxes and a command in one of them, and kill it."""
    holder = subprocess.Popen([sys.executable, "-c", OPEN_AND_WAIT, backend], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "ready\n"
    deadline = time.monotonic() + 10
    while not processes("sleep 7531"):
        assert time.monotonic() < deadline, "its command has not begun"
        time.sleep(0.02)
    holder.kill()
    holder.wait()
    holder.stdout.close()


async def test_a_killed_harness_leaves_nothing_behind(engine: SandboxEngine):
    await asyncio.to_thread(kill_a_holder_of_boxes, engine.name)
    await sweep_all(lambda line: None)
    async with asyncio.timeout(10):
        while processes("sleep 7531"):
            await asyncio.sleep(0.02)
    assert await sweep_all(lambda line: None) == []


async def test_a_living_harness_keeps_its_boxes(engine: SandboxEngine, sandbox):
    assert sandbox.name not in await engine.sweep()
    assert (await sandbox.exec(["true"], timeout_seconds=10)).ok


async def test_a_daemon_that_is_not_there_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent.sock")
    engine = choose_engine("docker", "node24", lambda line: None)
    with pytest.raises(SandboxError, match="no Docker daemon answers") as caught:
        await engine.start()
    assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("host", ["unix:///nonexistent.sock", "unix:///etc/hostname", "tcp://127.0.0.1:1", "nonsense://"])
def test_a_daemon_that_does_not_answer_leaves_no_socket_open(monkeypatch: pytest.MonkeyPatch, host: str):
    monkeypatch.setenv("DOCKER_HOST", host)
    with pytest.raises(SandboxError, match="no Docker daemon answers") as caught:
        connect()
    del caught
    gc.collect()  # a socket that is left is told of here


def test_without_a_daemon_bubblewrap_is_chosen(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent.sock")
    assert choose_engine("auto", "node24", lambda line: None).name == "bubblewrap"


def test_an_image_that_is_not_there_is_a_key_error():
    with pytest.raises(KeyError):
        load_recipe("no-such-image")


async def test_bubblewrap_says_that_the_kernel_is_shared(engine: SandboxEngine):
    assert (engine.name == "bubblewrap") == any("kernel is shared" in line for line in engine.shortfalls())


async def test_the_image_has_an_identity(engine: SandboxEngine):
    assert "sha256:" in engine.image
